// SPDX-License-Identifier: Apache-2.0
// The catalogue rows of this area.
#pragma once
#include <lumigrad/engine/catalogue.h>

namespace lumigrad {

const std::vector<Operator>& geometry_operators();

namespace geometry {
// Its parts: catalogue.cpp holds the warps, catalogue_volume.cpp those of volumes, catalogue_resize.cpp the rest.
std::vector<Operator> resize_rows();
std::vector<Operator> matrix_rows();
std::vector<Operator> volume_rows();
std::vector<Operator> grid_rows();
}  // namespace geometry

}  // namespace lumigrad
