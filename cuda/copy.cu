// SPDX-License-Identifier: Apache-2.0
// Numbers between layouts and dtypes, on the device.
#include <lumigrad/engine/element.h>

#include <lumigrad/cuda/launch.h>
#include <lumigrad/cuda/tables.h>
#include <lumigrad/cuda/walk.h>

namespace lumigrad::cuda {
namespace {

// Elements of one size moved as they are.
template <class Unit>
struct Move {
  Walk<2> walk;
  Unit* to;
  const Unit* from;
  template <class Index>
  LUMIGRAD_HD void operator()(Index i) const {
    std::int64_t at[2];
    walk.at(i, at);
    to[at[0]] = from[at[1]];
  }
};

// An element loaded as one dtype means it and stored as another does. i64 to i32 stays exact beyond 2^53.
struct Convert {
  Walk<2> walk;
  void* to;
  const void* from;
  DType to_dtype, from_dtype;

  struct Load {
    const void* from;
    std::int64_t at;
    double* value;
    template <class E>
    LUMIGRAD_INLINE void operator()(E) const {
      *value = E::template load<double>(static_cast<const typename E::Storage*>(from)[at]);
    }
  };
  struct Store {
    void* to;
    std::int64_t at;
    double value;
    template <class E>
    LUMIGRAD_INLINE void operator()(E) const {
      static_cast<typename E::Storage*>(to)[at] = E::store(value);
    }
  };

  template <class Index>
  LUMIGRAD_INLINE void operator()(Index i) const {
    std::int64_t at[2];
    walk.at(i, at);
    if (from_dtype == DType::i64 && to_dtype == DType::i32) {
      const std::int64_t v = static_cast<const std::int64_t*>(from)[at[1]];
      static_cast<std::int32_t*>(to)[at[0]] = static_cast<std::int32_t>(v > INT32_MAX   ? INT32_MAX
                                                                        : v < INT32_MIN ? INT32_MIN
                                                                                        : v);
      return;
    }
    double value = 0;
    with_element(from_dtype, Load{from, at[1], &value});
    with_element(to_dtype, Store{to, at[0], value});
  }
};

// The pair that nearly every conversion is, without double precision.
struct Widen {
  Walk<2> walk;
  float* to;
  const std::uint8_t* from;
  template <class Index>
  LUMIGRAD_HD void operator()(Index i) const {
    std::int64_t at[2];
    walk.at(i, at);
    to[at[0]] = static_cast<float>(from[at[1]]);
  }
};

template <class Unit>
Status move(Place place, const Walk<2>& walk, const Array& to, const Array& from) {
  return for_each(place, walk.count,
                  Move<Unit>{walk, static_cast<Unit*>(to.data), static_cast<const Unit*>(from.data)});
}

Status copy(Place place, const Array* to, const Array* from) {
  const Walk<2> walk({to, from});
  if (to->dtype != from->dtype) {
    if (to->dtype == DType::f32 && (from->dtype == DType::u8))
      return for_each(place, walk.count,
                      Widen{walk, static_cast<float*>(to->data), static_cast<const std::uint8_t*>(from->data)});
    return for_each(place, walk.count, Convert{walk, to->data, from->data, to->dtype, from->dtype});
  }
  switch (size_of(to->dtype)) {
    case 1:
      return move<std::uint8_t>(place, walk, *to, *from);
    case 2:
      return move<std::uint16_t>(place, walk, *to, *from);
    case 4:
      return move<std::uint32_t>(place, walk, *to, *from);
    default:
      return move<std::uint64_t>(place, walk, *to, *from);
  }
}

// value + step i
struct Ramp {
  Walk<1> walk;
  void* to;
  DType dtype;
  double value, step;
  template <class Index>
  LUMIGRAD_INLINE void operator()(Index i) const {
    std::int64_t at[1];
    walk.at(i, at);
    with_element(dtype, Convert::Store{to, at[0], value + step * static_cast<double>(i)});
  }
};

Status fill(Place place, const Array* to, double value) {
  const Walk<1> walk({to});
  return for_each(place, walk.count, Ramp{walk, to->data, to->dtype, value, 0});
}

Status count_up(Place place, const Array* to) {
  const Walk<1> walk({to});
  return for_each(place, walk.count, Ramp{walk, to->data, to->dtype, 0, 1});
}

}  // namespace

const device::CopyTable copy_table = {copy, fill, count_up};

}  // namespace lumigrad::cuda
