// SPDX-License-Identifier: Apache-2.0
// The six families: all the ways in which lumigrad moves data. Each header below is an essay on one of them.
//
// What makes them a system is that they are closed. The adjoint of an operator of one family is written with operators
// of the same six, recorded like any other, so that derivatives of derivatives, forward mode and everything else that
// is asked of a gradient need no code of their own. The closure table, which tests/closure_test.cpp reads and holds
// against what is really recorded (views of the same memory not counted):
//
//   family      an operator of it                      its adjoint is made of
//   pixel       a formula at every pixel               pixel
//   reduce      a loss: the sum of a formula           pixel
//   stencil     convolution: image and weights         stencil
//   stencil     one kernel over every channel          stencil
//   stencil     a window that selects                  stencil
//   sample      a warp by a matrix: image and map      sample contract pixel reduce
//   sample      the same in volumes                    sample contract pixel reduce
//   sample      resizing                               sample
//   contract    a product of matrices                  contract
//   contract    an inverse                             contract pixel
//   contract    a decomposition                        contract pixel
//   gather      elements by an index                   gather
//   gather      elements by their rank                 gather
//   gather      a running sum                          gather
//
// Some things are not closed and say so in their row of the catalogue: what is piecewise constant (ranks, indices,
// counts) has no slope to differentiate again, and a third derivative of a formula raises GraphError.
#pragma once
#include <lumigrad/engine/families/chain.h>
#include <lumigrad/engine/families/contract.h>
#include <lumigrad/engine/families/decompositions.h>
#include <lumigrad/engine/families/filter.h>
#include <lumigrad/engine/families/gather.h>
#include <lumigrad/engine/families/pixel.h>
#include <lumigrad/engine/families/ranks.h>
#include <lumigrad/engine/families/reduce.h>
#include <lumigrad/engine/families/resample.h>
#include <lumigrad/engine/families/sample.h>
#include <lumigrad/engine/families/sample_volume.h>
#include <lumigrad/engine/families/scan.h>
#include <lumigrad/engine/families/stencil.h>
