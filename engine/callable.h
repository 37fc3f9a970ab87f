// SPDX-License-Identifier: Apache-2.0
// Callables as arguments and as members. std::function would do, but <functional> alone takes a fifth of the time in
// which a compiler reads all of lumigrad.h.
#pragma once
#include <lumigrad/engine/error.h>
#include <memory>
#include <type_traits>
#include <utility>

namespace lumigrad {

template <class Signature>
class FunctionRef;

/// Refers to any callable with this signature: two pointers, no allocation. It owns nothing: for parameters of
/// functions that call back before they return, not for members.
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

template <class Signature>
class Callable;

/// Keeps any callable with this signature. Copies share it. Calling an empty one raises GraphError.
template <class R, class... Args>
class Callable<R(Args...)> {
 public:
  Callable() = default;
  template <class F>
  requires(!std::is_same_v<F, Callable> && std::is_invocable_r_v<R, F&, Args...>) Callable(F callable)
      : object_(std::make_shared<F>(std::move(callable))),
        call_([](void* object, Args... args) -> R { return (*static_cast<F*>(object))(std::forward<Args>(args)...); }) {
  }

  explicit operator bool() const { return call_ != nullptr; }
  R operator()(Args... args) const {
    require<GraphError>(call_ != nullptr, "call: expected a function, got none");
    return call_(object_.get(), std::forward<Args>(args)...);
  }

 private:
  std::shared_ptr<void> object_;
  R (*call_)(void*, Args...) = nullptr;
};

}  // namespace lumigrad
