// SPDX-License-Identifier: Apache-2.0
// Features: points that can be found again in another view, what they look like, who goes with whom, and the motion of
// the plane that most of them agree on.
//
//   auto a = features::sift(fixed), b = features::sift(moving);
//   auto pairs = features::match(a, b);
//   auto found = features::consensus(a, b, pairs);        // found.matrix maps fixed to moving pixels
#pragma once
#include <lumigrad/engine/tensor.h>

#include <array>

namespace lumigrad::features {

/// A blob of an image.
struct Keypoint {
  float x = 0, y = 0;  ///< pixels, centres at integers
  float scale = 1;     ///< deviation of the Gaussian under which it stands out most, px
  float angle = 0;     ///< of the strongest gradient around it, radians, counter-clockwise as displayed
  float response = 0;  ///< how far it stands out: |difference of Gaussians|, in grey levels of [0, 1]
};

/// Numbers in a descriptor.
inline constexpr int descriptor_length = 128;

/// Keypoints, strongest first, and their descriptors one after the other, each of length 1.
struct Features {
  std::vector<Keypoint> points;
  std::vector<float> descriptors;
  std::size_t size() const { return points.size(); }
};

struct SiftOptions {
  int most = 2000;          ///< keypoints that are kept
  double contrast = 0.006;  ///< least response
  double edge = 10;         ///< most ratio of curvatures along and across: larger ones are edges
  bool doubled = true;      ///< begin at twice the size, for blobs of less than about 4 px
};

/// Keypoints at extrema of differences of Gaussians in place and scale, with main gradient directions and histograms of
/// gradients as descriptors. The image is [H, W] or [1, H, W], u8 or f32 in [0, 1]; NaN pixels have no influence. Not
/// differentiable. D. G. Lowe, Distinctive image features from scale-invariant keypoints, IJCV 2004; descriptors are
/// compared by square roots (Arandjelovic and Zisserman, CVPR 2012).
LUMIGRAD_API Features sift(const Tensor& image, const SiftOptions& options = {});

/// Point `a` of one image goes with point `b` of another.
struct Match {
  int a = 0, b = 0;
  float distance = 0;  ///< between descriptors, in [0, sqrt 2]
  float ratio = 0;     ///< to the distance of the next best
};

struct MatchOptions {
  double ratio = 0.85;  ///< more doubtful matches are left out
  bool mutual = true;   ///< each is the other's nearest
};

/// Nearest descriptors, most certain (lowest ratio) first.
LUMIGRAD_API std::vector<Match> match(const Features& a, const Features& b, const MatchOptions& options = {});

/// Motions of a plane by their unknowns: 4, 6, 8.
enum class Planar { similarity, affine, homography };

struct ConsensusOptions {
  Planar motion = Planar::homography;
  double limit = 4;        ///< px: a match that is further off does not count
  int trials = 1000;       ///< random samples at most
  std::uint64_t seed = 0;  ///< of the samples
};

struct Consensus {
  std::array<double, 9> matrix = {1, 0, 0, 0, 1, 0, 0, 0, 1};  ///< row-major, a's pixels to b's
  std::vector<int> inliers;                                    ///< indices of the matches within the limit
  double quality = 0;                                          ///< their sum of 1 (exact) to 0 (at the limit)
};

/// The motion most matches agree on; no inliers when there is none. Hypotheses are similarities, one from the frames of
/// a single match, and homographies of four matches drawn by certainty; the best are refined on all that agree (locally
/// optimised random consensus, Chum, Matas, Kittler 2003; drawing by certainty, Chum and Matas, CVPR 2005), weighted by
/// what is left of a match when the noise level is integrated out (Barath, Noskova, Ivashechkin, Matas, MAGSAC++, CVPR
/// 2020). The error is measured half way between both images. The same arguments give the same result.
LUMIGRAD_API Consensus consensus(const Features& a, const Features& b, const std::vector<Match>& matches,
                                 const ConsensusOptions& options = {});

}  // namespace lumigrad::features
