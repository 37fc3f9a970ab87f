# SPDX-License-Identifier: Apache-2.0
"""lumigrad's operators and what Kornia calls them, for tools/bench_kornia.

A Pair holds the arguments of one operator and a call of its counterpart on the same arguments. `make` draws the
tensors for a size, `params` are arguments that are no tensors, as `lumigrad op bench --params` takes them, `theirs`
calls Kornia with both, and `by` names the tensors that both can differentiate by.
"""
import dataclasses
import functools
import math
from typing import Callable

import kornia
import torch

color, enhance, losses, warps = kornia.color, kornia.enhance, kornia.losses, kornia.geometry.transform


@dataclasses.dataclass
class Pair:
    name: str  # "area.operator"
    make: Callable  # (n, h, w) -> {argument: tensor}
    theirs: Callable  # (tensors, params) -> tensor or tensors
    by: tuple = ("image",)
    params: Callable = lambda h, w: {}
    kind: str = "arithmetic"  # or "copy", "product", "matrix" (made of few numbers, whatever the size of images)
    label: str = ""  # what Kornia calls it, where its name is another
    outputs: tuple = ("out",)


def image(n, c, h, w, low=0.04, high=0.96, seed=7):
    return torch.rand(n, c, h, w, generator=torch.Generator().manual_seed(seed)) * (high - low) + low


def images(low=0.04, high=0.96, channels=3):
    return lambda n, h, w: {"image": image(n, channels, h, w, low, high)}


def two(low=0.04, high=0.96, first="a", second="b"):
    return lambda n, h, w: {first: image(n, 3, h, w, low, high, 7), second: image(n, 3, h, w, low, high, 8)}


def with_numbers(make=images(), **numbers):
    """The tensors of `make`, and one number an image for each name."""
    return lambda n, h, w: {**make(n, h, w), **{name: torch.full((n,), value) for name, value in numbers.items()}}


def of_image(call):
    return lambda v, p: call(v["image"])


def color_pairs():
    ranges = {"hsv_to_rgb": (0, 6), "hls_to_rgb": (0, 6), "lab_to_rgb": (10, 60), "luv_to_rgb": (20, 60),
              "ycbcr_to_rgb": (0.35, 0.65), "rgb255_to_rgb": (0, 255), "rgb255_to_normals": (5, 250),
              "normals_to_rgb255": (-1, 1)}
    copies = ("grayscale_to_rgb", "rgb_to_bgr", "bgr_to_rgb")
    for name in ("rgb_to_grayscale bgr_to_grayscale rgb_to_y grayscale_to_rgb rgb_to_bgr bgr_to_rgb rgb_to_hsv hsv_to_rgb "
                 "rgb_to_hls hls_to_rgb rgb_to_linear_rgb linear_rgb_to_rgb rgb_to_xyz xyz_to_rgb rgb_to_lab lab_to_rgb "
                 "rgb_to_luv luv_to_rgb rgb_to_ycbcr ycbcr_to_rgb rgb_to_yuv yuv_to_rgb rgb_to_rgb255 rgb255_to_rgb "
                 "normals_to_rgb255 rgb255_to_normals").split():
        low, high = ranges.get(name, (0.04, 0.96))
        make = images(low, high, 1 if name == "grayscale_to_rgb" else 3)
        if name in ("hsv_to_rgb", "hls_to_rgb"):  # hue in radians, the others in [0, 1]
            make = lambda n, h, w: {"image": image(n, 3, h, w) * torch.tensor([6.0, 1, 1]).view(3, 1, 1)}
        yield Pair("color." + name, make, of_image(getattr(color, name)), kind="copy" if name in copies else "arithmetic")
    yield Pair("color.sepia", images(), of_image(functools.partial(color.sepia, rescale=False)))
    for name in ("rgb_to_rgba", "bgr_to_rgba"):
        call = getattr(color, name)
        yield Pair("color." + name, lambda n, h, w: {**images()(n, h, w), "alpha": image(n, 1, h, w, seed=8)},
                   lambda v, p, call=call: call(v["image"], v["alpha"]), ("image", "alpha"), kind="copy")
    yield Pair("color.rgba_to_rgb", images(channels=4), of_image(color.rgba_to_rgb))
    yield Pair("color.rgba_to_bgr", images(channels=4), of_image(color.rgba_to_bgr))
    for name in ("rgb_to_yuv420", "rgb_to_yuv422"):
        yield Pair("color." + name, images(), of_image(getattr(color, name)), outputs=("y", "uv"))
    for name, rows in (("yuv420_to_rgb", 2), ("yuv422_to_rgb", 1)):
        call = getattr(color, name)
        yield Pair("color." + name,
                   lambda n, h, w, rows=rows: {"y": image(n, 1, h, w),
                                               "uv": image(n, 2, h // rows, w // 2, -0.4, 0.4, 8)},
                   lambda v, p, call=call: call(v["y"], v["uv"]), ("y", "uv"))


def enhance_pairs():
    factors = {"adjust_brightness": 0.1, "adjust_brightness_accumulative": 1.2, "adjust_contrast": 1.2,
               "adjust_contrast_with_mean_subtraction": 0.8, "adjust_saturation": 0.8,
               "adjust_saturation_with_gray_subtraction": 0.8, "adjust_saturation_raw": 0.8, "adjust_hue": 0.5,
               "adjust_hue_raw": 0.5}
    for name, factor in factors.items():
        call = getattr(enhance, name)
        yield Pair("enhance." + name, with_numbers(factor=factor),
                   lambda v, p, call=call: call(v["image"], v["factor"]), ("image", "factor"))

    def one(v, name):  # these take what broadcasts with the image
        return v[name].view(-1, 1, 1, 1)
    yield Pair("enhance.adjust_gamma", with_numbers(gamma=2.2, gain=0.9),
               lambda v, p: enhance.adjust_gamma(v["image"], v["gamma"], v["gain"]), ("image", "gamma", "gain"))
    yield Pair("enhance.adjust_log", with_numbers(gain=0.9),
               lambda v, p: enhance.adjust_log(v["image"], one(v, "gain")), ("image", "gain"))
    yield Pair("enhance.adjust_sigmoid", with_numbers(cutoff=0.5, gain=8.0),
               lambda v, p: enhance.adjust_sigmoid(v["image"], one(v, "cutoff"), one(v, "gain")),
               ("image", "cutoff", "gain"))
    yield Pair("enhance.invert", with_numbers(max_value=1.0),
               lambda v, p: enhance.invert(v["image"], one(v, "max_value")), ("image", "max_value"))
    yield Pair("enhance.solarize", with_numbers(threshold=0.5, addition=0.1),
               lambda v, p: enhance.solarize(v["image"], v["threshold"], v["addition"]), ("image",))
    yield Pair("enhance.posterize", images(), lambda v, p: enhance.posterize(v["image"], p["bits"]), (),
               lambda h, w: {"bits": 3})
    yield Pair("enhance.threshold", with_numbers(threshold=0.5, level=1.0),
               lambda v, p: enhance.threshold(v["image"], one(v, "threshold"), one(v, "level"), 3), ("image",),
               lambda h, w: {"mode": "to_zero"})
    yield Pair("enhance.add_weighted", with_numbers(two(), alpha=0.6, beta=0.4, gamma=0.1),
               lambda v, p: enhance.add_weighted(v["a"], one(v, "alpha"), v["b"], one(v, "beta"), one(v, "gamma")),
               ("a", "b", "alpha", "beta", "gamma"))
    for name in ("normalize", "denormalize"):
        call = getattr(enhance, name)
        yield Pair("enhance." + name,
                   lambda n, h, w: {"x": image(n, 3, h, w), "mean": torch.tensor([0.485, 0.456, 0.406]),
                                    "std": torch.tensor([0.229, 0.224, 0.225])},
                   lambda v, p, call=call: call(v["x"], v["mean"], v["std"]), ("x", "mean", "std"))
    yield Pair("enhance.shift_rgb", with_numbers(red=0.1, green=-0.2, blue=0.15),
               lambda v, p: enhance.shift_rgb(v["image"], v["red"], v["green"], v["blue"]),
               ("image", "red", "green", "blue"))
    yield Pair("enhance.rescale", lambda n, h, w: {**images()(n, h, w), "factor": torch.tensor(1.5)},
               lambda v, p: enhance.Rescale(v["factor"])(v["image"]), ("image", "factor"), label="enhance.Rescale")


def loss_pairs():
    for name in ("charbonnier_loss", "cauchy_loss", "geman_mcclure_loss", "welsch_loss"):
        call = getattr(losses, name)
        yield Pair("losses." + name, two(), lambda v, p, call=call: call(v["a"], v["b"], reduction="mean"), ("a", "b"))
    for name in ("kl_div_loss_2d", "js_div_loss_2d"):
        call = getattr(losses, name)
        yield Pair("losses." + name, two(0.1, 0.9, "prediction", "target"),
                   lambda v, p, call=call: call(v["prediction"], v["target"]), ("prediction", "target"))
    yield Pair("losses.psnr_loss", two(), lambda v, p: losses.psnr_loss(v["a"], v["b"], 1.0), ("a", "b"))
    yield Pair("losses.psnr", two(), lambda v, p: kornia.metrics.psnr(v["a"], v["b"], 1.0), ("a", "b"),
               label="metrics.psnr")
    yield Pair("losses.total_variation", images(), of_image(losses.total_variation))
    yield Pair("losses.inverse_depth_smoothness_loss",
               lambda n, h, w: {"inverse_depth": image(n, 1, h, w, 0.1, 2), "image": image(n, 3, h, w, seed=8)},
               lambda v, p: losses.inverse_depth_smoothness_loss(v["inverse_depth"], v["image"]),
               ("inverse_depth", "image"))


def homography(n, h, w):
    matrix = torch.tensor([[0.99, -0.12, 0.05 * w], [0.12, 0.99, -0.05 * h], [0.01 / w, 0.02 / h, 1.0]])
    return matrix.expand(n, 3, 3).contiguous()


def box(n, x0, y0, x1, y1):
    return torch.tensor([[x0, y0], [x1, y0], [x1, y1], [x0, y1]], dtype=torch.float32).expand(n, 4, 2).contiguous()


def smooth(n, h, w):
    """An image without noise, whose slopes both see alike."""
    y, x = torch.meshgrid(torch.arange(h) / 11.0, torch.arange(w) / 13.0, indexing="ij")
    planes = [0.5 + 0.4 * torch.sin(x + 2 * c) * torch.cos(y + i - c) for i in range(n) for c in range(3)]
    return torch.stack(planes).view(n, 3, h, w)


def with_tensors(**makers):
    """An image, and what each maker gives for (n, h, w)."""
    return lambda n, h, w: {"image": smooth(n, h, w), **{name: make(n, h, w) for name, make in makers.items()}}


def warp_pairs():
    def affinity(n, h, w):
        return homography(n, h, w)[:, :2].contiguous()

    def vector(x, y):
        return lambda n, h, w: torch.tensor([x, y]).expand(n, 2).contiguous()

    def size_of(v):
        return v["image"].shape[-2:]
    half = {"params": lambda h, w: {"size": [h // 2, w // 2]}}
    yield Pair("geometry.warp_affine", with_tensors(matrix=affinity),
               lambda v, p: warps.warp_affine(v["image"], v["matrix"], size_of(v)), ("image", "matrix"))
    yield Pair("geometry.affine", with_tensors(matrix=affinity),
               lambda v, p: warps.affine(v["image"], v["matrix"]), ("image", "matrix"))
    yield Pair("geometry.warp_perspective", with_tensors(matrix=homography),
               lambda v, p: warps.warp_perspective(v["image"], v["matrix"], size_of(v)), ("image", "matrix"))
    yield Pair("geometry.homography_warp",
               with_tensors(matrix=lambda n, h, w: torch.tensor([[0.83, 0.11, 0.06], [-0.07, 0.75, 0.04], [0.01, -0.02, 1.0]])
                            .expand(n, 3, 3).contiguous()),
               lambda v, p: warps.homography_warp(v["image"], v["matrix"], size_of(v), align_corners=True),
               ("image", "matrix"))
    yield Pair("geometry.rotate", with_tensors(angle=lambda n, h, w: torch.full((n,), 0.45)),
               lambda v, p: warps.rotate(v["image"], torch.rad2deg(v["angle"])), ("image", "angle"))
    yield Pair("geometry.translate", with_tensors(translation=vector(1.3, -0.6)),
               lambda v, p: warps.translate(v["image"], v["translation"]), ("image", "translation"))
    yield Pair("geometry.scale", with_tensors(factor=vector(1.2, 0.9)),
               lambda v, p: warps.scale(v["image"], v["factor"]), ("image", "factor"))
    yield Pair("geometry.shear", with_tensors(shear=vector(0.13, -0.11)),
               lambda v, p: warps.shear(v["image"], v["shear"], align_corners=True), ("image", "shear"))
    yield Pair("geometry.crop_and_resize",
               with_tensors(boxes=lambda n, h, w: box(n, 0.1 * w, 0.1 * h, 0.7 * w, 0.8 * h)),
               lambda v, p: warps.crop_and_resize(v["image"], v["boxes"], tuple(p["size"])), ("image",), **half)
    yield Pair("geometry.crop_by_boxes",
               with_tensors(source=lambda n, h, w: box(n, w // 4, h // 4, 3 * w // 4 - 1, 3 * h // 4 - 1),
                            destination=lambda n, h, w: box(n, 0, 0, w // 2 - 1, h // 2 - 1)),
               lambda v, p: warps.crop_by_boxes(v["image"], v["source"], v["destination"]), ("image",), **half)
    yield Pair("geometry.center_crop", with_tensors(),
               lambda v, p: warps.center_crop(v["image"], tuple(p["size"])), **half)

    def positions(axis):
        def make(n, h, w):
            y, x = torch.meshgrid(torch.arange(h, dtype=torch.float32), torch.arange(w, dtype=torch.float32), indexing="ij")
            bent = x + 3 * torch.sin(y / 20) + 0.3 if axis == "x" else y + 3 * torch.cos(x / 20) - 0.4
            return bent.expand(n, h, w).contiguous()
        return make
    yield Pair("geometry.remap", with_tensors(map_x=positions("x"), map_y=positions("y")),
               lambda v, p: warps.remap(v["image"], v["map_x"], v["map_y"], align_corners=True),
               ("image", "map_x", "map_y"))
    yield Pair("geometry.resize", with_tensors(), lambda v, p: warps.resize(v["image"], tuple(p["size"])), **half)
    yield Pair("geometry.resize_side", with_tensors(), lambda v, p: warps.resize(v["image"], p["length"]),
               params=lambda h, w: {"length": min(h, w) // 2}, label="geometry.transform.resize, one side")
    yield Pair("geometry.rescale", with_tensors(), lambda v, p: warps.rescale(v["image"], tuple(p["factor"])),
               params=lambda h, w: {"factor": [1.5, 1.25]})
    yield Pair("geometry.resize_to_be_divisible", with_tensors(),
               lambda v, p: warps.resize_to_be_divisible(v["image"], p["divisor"]),
               params=lambda h, w: {"divisor": 7})
    for name in ("pyrdown", "pyrup"):
        yield Pair("geometry." + name, with_tensors(), of_image(getattr(warps, name)))
    for name in ("build_pyramid", "build_laplacian_pyramid"):
        call = getattr(warps, name)
        yield Pair("geometry." + name, with_tensors(), lambda v, p, call=call: call(v["image"], p["levels"]),
                   params=lambda h, w: {"levels": 3}, outputs=("0", "1", "2"))
    for name in ("hflip", "vflip", "rot180"):
        yield Pair("geometry." + name, with_tensors(), of_image(getattr(warps, name)), kind="copy")


def matrix_pairs():
    def numbers(seed, *shape):
        return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))

    def row(name, make, theirs):
        return Pair("geometry." + name, make, theirs, tuple(make(1, 1, 1)), kind="matrix")
    yield row("get_rotation_matrix2d",
              lambda n, h, w: {"center": numbers(1, n, 2), "angle": numbers(2, n), "scale": numbers(3, n, 2) + 0.5},
              lambda v, p: warps.get_rotation_matrix2d(v["center"], torch.rad2deg(v["angle"]), v["scale"]))
    yield row("get_shear_matrix2d", lambda n, h, w: {"center": numbers(1, n, 2), "shear": numbers(2, n, 2)},
              lambda v, p: warps.get_shear_matrix2d(v["center"], v["shear"][:, 0], v["shear"][:, 1]))
    yield row("get_translation_matrix2d", lambda n, h, w: {"translation": numbers(1, n, 2)},
              lambda v, p: warps.get_translation_matrix2d(v["translation"]))
    yield row("get_affine_matrix2d",
              lambda n, h, w: {"translation": numbers(1, n, 2), "center": numbers(2, n, 2), "scale": numbers(3, n, 2) + 0.5,
                               "angle": numbers(4, n), "shear": numbers(5, n, 2)},
              lambda v, p: warps.get_affine_matrix2d(v["translation"], v["center"], v["scale"], -torch.rad2deg(v["angle"]),
                                                     v["shear"][:, 0], v["shear"][:, 1]))
    yield row("invert_affine_transform",
              lambda n, h, w: {"matrix": numbers(1, n, 2, 3) + torch.tensor([[2.0, 0, 0], [0, 2, 0]])},
              lambda v, p: warps.invert_affine_transform(v["matrix"]))
    yield row("get_perspective_transform",
              lambda n, h, w: {"source": box(n, 0, 0, 4, 4) + numbers(1, n, 4, 2),
                               "destination": box(n, 0, 0, 4, 4) + numbers(2, n, 4, 2)},
              lambda v, p: warps.get_perspective_transform(v["source"], v["destination"]))


def filter_pairs():
    filters, morphology = kornia.filters, kornia.morphology

    def row(name, theirs, params=None, make=images(), by=("image",), area="filters", **more):
        return Pair(f"{area}.{name}", make, theirs, by, (lambda h, w: params) if params else (lambda h, w: {}), **more)
    for size in (5, 21):
        yield row("gaussian_blur2d",
                  lambda v, p, size=size: filters.gaussian_blur2d(v["image"], (size, size), torch.stack([v["sigma"]] * 2, 1)),
                  {"kernel": [size, size]}, lambda n, h, w: {"image": image(n, 3, h, w), "sigma": torch.full((1,), 1.5)},
                  label=f"filters.gaussian_blur2d {size}x{size}")
    yield row("box_blur", lambda v, p: filters.box_blur(v["image"], (3, 3), separable=True))
    yield row("median_blur", lambda v, p: filters.median_blur(v["image"], (3, 3)))
    yield row("laplacian", lambda v, p: filters.laplacian(v["image"], 3))
    yield row("spatial_gradient", lambda v, p: filters.spatial_gradient(v["image"]))
    yield row("sobel", lambda v, p: filters.sobel(v["image"]))
    yield row("unsharp_mask", lambda v, p: filters.unsharp_mask(v["image"], (5, 5), (1.5, 1.5)))
    yield row("blur_pool2d", lambda v, p: filters.blur_pool2d(v["image"], 3))
    yield row("max_blur_pool2d", lambda v, p: filters.max_blur_pool2d(v["image"], 3))
    yield row("bilateral_blur", lambda v, p: filters.bilateral_blur(v["image"], (5, 5), 0.1, (1.5, 1.5)))
    yield row("guided_blur", lambda v, p: filters.guided_blur(v["guidance"], v["image"], 5, 0.01),
              make=two(first="guidance", second="image"), by=("guidance", "image"))
    yield row("motion_blur", lambda v, p: filters.motion_blur(v["image"], 5, torch.tensor([0.0]), torch.tensor([0.0]),
                                                                "constant"))
    kernel = torch.ones(3, 3)
    for name in ("dilation", "erosion", "opening", "closing"):
        yield row(name, lambda v, p, call=getattr(morphology, name): call(v["image"], v["kernel"]),
                  make=lambda n, h, w: {"image": image(n, 3, h, w), "kernel": kernel}, area="morphology")


def products():
    """torch.matmul: squares whose sides are the next powers of two of the images'."""
    def make(n, h, w):
        side = min(2 ** round(math.log2(math.sqrt(h * w))), 1024)
        return {"a": image(n, 1, side, side)[:, 0], "b": image(n, 1, side, side, seed=8)[:, 0]}
    yield Pair("engine.matmul", make, lambda v, p: torch.matmul(v["a"], v["b"]), ("a", "b"), kind="product",
               label="torch.matmul")


def all_pairs():
    pairs = []
    for part in (color_pairs, enhance_pairs, loss_pairs, warp_pairs, filter_pairs, matrix_pairs, products):
        pairs += part()
    for pair in pairs:
        if not pair.label:
            pair.label = pair.name.replace("geometry.", "geometry.transform.")
    return pairs
