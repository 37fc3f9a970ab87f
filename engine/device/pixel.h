// SPDX-License-Identifier: Apache-2.0
// The pixel family across the seam: what a call of a formula is made of, and the machine code of one formula.
//
// A call is a domain and lanes over it, as on the CPU (families/lanes.h), with axes that lie behind one another in
// every lane joined: what is left is images, rows in an image (counted by up to seven axes), and a run in a row. Lanes
// have any steps and any dtype that the formula's number type can be read from; a plain image is one row a channel.
//
// A module has formulas in lists, as they were compiled (cuda/formula_list.h), and a program adds its own
// (cuda/formula.h). A formula is found by the name of its list and its number in it.
#pragma once
#include <lumigrad/engine/device/array.h>

namespace lumigrad::device {

/// Sums are cut into chunks of so many groups of elements (a group is what a thread takes at a time). It is part of
/// what results are: the order of addition is that of chunks.
inline constexpr int pixel_tile = 256, pixel_chunk = 4 * pixel_tile;

/// Raised with every change of a record in this file.
inline constexpr std::uint32_t formula_version = 1;

/// What a call runs over: `images` of `rows` of `run` elements. The rows of an image are counted by `axes` extents.
struct PixelDomain {
  std::int64_t images = 1;
  std::int64_t rows = 1;
  std::int64_t run = 1;
  std::int32_t axes = 0;
  std::int64_t extents[max_axes] = {};
};

/// A scalar argument or result over the domain. Steps are in elements of `dtype`.
struct PixelLane {
  void* base = nullptr;  ///< null: reads as `number` everywhere, and is written nowhere
  DType dtype = DType::f32;
  double number = 0;
  double largest = 1;  ///< stored bytes and words stand for shares of it
  std::int64_t image_step = 0;
  std::int64_t steps[max_axes] = {};
  std::int64_t run_step = 0;
};

/// A parameter: one number, or one an image. In device memory (of the number type of the call), or at hand.
struct PixelNumber {
  const void* base = nullptr;
  std::int64_t image_step = 0;
  double number = 0;
};

/// With I inputs, M results and K parameters, `lanes` are, read then written,
///   forward   x[I]              y[M]
///   sums      x[I]
///   vjp       x[I] w[M]         gx[I]
///   second    x[I] u[I] w[M]    gx[I] gw[M]
/// All records are read before the call returns.
struct PixelCall {
  PixelDomain domain;
  const PixelLane* lanes = nullptr;
  const PixelNumber* params = nullptr;
  const PixelNumber* directions = nullptr;  ///< of the parameters, in second order
  /// Where vjp and second leave sums of the parameters' gradients, and `sums` those of the results:
  /// [images][chunks][K or M]; null: not wanted. pixel_chunks says how many chunks an image has.
  double* sums = nullptr;
};

/// The machine code of one formula. [0] is for f32, [1] for f64; second order runs in f64 whatever the lanes hold.
struct DeviceFormula {
  std::int32_t inputs = 0, outputs = 0, params = 0;
  std::int32_t group[2] = {};  ///< elements that a thread takes at a time
  Status (*forward[2])(Place place, const PixelCall* call) = {};
  Status (*sums[2])(Place place, const PixelCall* call) = {};
  Status (*vjp[2])(Place place, const PixelCall* call) = {};
  Status (*second)(Place place, const PixelCall* call) = nullptr;
};
/// Formulas that were compiled together.
struct FormulaEntries {
  const char* list = nullptr;
  std::int32_t count = 0;
  const DeviceFormula* entries = nullptr;
  std::uint32_t version = formula_version;
  const char* made_for = "";  ///< "cuda", or "stand-in": the module that can run them
};

/// Sums of chunks become numbers in tensors: number k is `scale` times the sum over chunks (and over images, unless it
/// has one number an image) of sums[image][chunk][k].
struct PixelTotal {
  void* base = nullptr;  ///< null: not wanted
  DType dtype = DType::f32;
  bool each_image = false;
  std::int64_t image_step = 0;
};
struct PixelTotals {
  const double* sums = nullptr;
  std::int64_t images = 0, chunks = 0;
  std::int32_t width = 0;
  const PixelTotal* totals = nullptr;  ///< [width]
  double scale = 1;
};

/// What a module has for the family.
struct PixelTable {
  const FormulaEntries* lists;
  std::int32_t count;
  const char* made_for;
  Status (*totals)(Place place, const PixelTotals* call);
};

/// Makes a program's own formulas known, for the rest of the process. cuda/formula.h calls it.
LUMIGRAD_API void add_formulas(const FormulaEntries& formulas);

constexpr std::int64_t pixel_groups(const PixelDomain& domain, int group) { return (domain.run + group - 1) / group; }
constexpr std::int64_t pixel_chunks(const PixelDomain& domain, int group) {
  return (domain.rows * pixel_groups(domain, group) + pixel_chunk - 1) / pixel_chunk;
}

}  // namespace lumigrad::device
