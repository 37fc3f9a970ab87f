// SPDX-License-Identifier: Apache-2.0
// A callable passed by reference: two pointers, no allocation, for functions that call back before they return.
#pragma once
#include <memory>
#include <type_traits>
#include <utility>

namespace lumigrad {

template <class Signature>
class FunctionRef;

/// Refers to any callable with this signature. It owns nothing: a parameter type, not one to store.
template <class R, class... Args>
class FunctionRef<R(Args...)> {
 public:
  template <class F>
  requires(!std::is_same_v<std::remove_cvref_t<F>, FunctionRef> && std::is_invocable_r_v<R, F&, Args...> &&
           std::is_object_v<std::remove_reference_t<F>>) FunctionRef(F&& callable)
  noexcept
      : object_(const_cast<void*>(static_cast<const void*>(std::addressof(callable)))),
        call_([](void* object, Args... args) -> R {
          return (*static_cast<std::remove_reference_t<F>*>(object))(std::forward<Args>(args)...);
        }) {}

  R operator()(Args... args) const { return call_(object_, std::forward<Args>(args)...); }

 private:
  void* object_;
  R (*call_)(void*, Args...);
};

}  // namespace lumigrad
