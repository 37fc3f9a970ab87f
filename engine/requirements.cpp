// SPDX-License-Identifier: Apache-2.0
#include <lumigrad/engine/requirements.h>
#include <lumigrad/engine/views.h>

namespace lumigrad {

Tensor operand_of(const char* name, const Tensor& parameter, const Tensor& x, Here here) {
  if (x.is_weak()) return parameter;  // beside a bare number it is what counts
  const bool number = parameter.numel() == 1, each = parameter.rank() == 1 && !number;
  require<DTypeError>(is_floating(x.dtype()), name, ": expected f32 or f64, got ", x.dtype());
  require<DTypeError>(is_differentiable(parameter.dtype()), name, ": expected parameters of f32 or f64, got ",
                      parameter.dtype());
  require<ShapeError>(!each || (x.rank() > 0 && x.size(0) == parameter.numel()), name,
                      ": expected a parameter of one number, or one an image, got shape ", parameter.shape(),
                      " for images ", x.shape());
  const bool handed_over = parameter.device() == Device() && (number || each);
  require<DeviceError>(handed_over || parameter.device() == x.device(), name, ": expected a parameter on ", x.device(),
                       ", got one on ", parameter.device(), " (shape ", parameter.shape(), "); move it with to()");
  const DType dtype = x.dtype() == DType::f64 ? DType::f64 : DType::f32;  // f16 and bf16 are computed with in f32
  Tensor operand = parameter.to(dtype, here).to(x.device(), here);
  if (number) return operand.rank() == 0 ? operand : reshape(operand, Shape{}, here);
  for (int k = 1; each && k < x.rank(); ++k) operand = unsqueeze(operand, -1, here);
  broadcast(name, operand.shape(), x.shape());
  return operand;
}

}  // namespace lumigrad
