# SPDX-License-Identifier: Apache-2.0
"""What tools/gpu_check measures, what is hoped for, and the tables that say how near the figures come."""

# Operators by the share of the device's copy rate they should reach: what they must move, over time.
GOALS = (
    ("pixel and colour", 0.85,
     "engine.add engine.mul color.rgb_to_grayscale color.rgb_to_hsv color.hsv_to_rgb color.rgb_to_lab color.rgb_to_ycbcr "
     "color.rgb_to_xyz color.rgb_to_linear_rgb color.rgb_to_hls enhance.adjust_gamma enhance.adjust_brightness "
     "enhance.adjust_contrast enhance.adjust_saturation enhance.adjust_hue enhance.invert enhance.solarize "
     "enhance.color_jitter"),
    ("separable filters and resize", 0.70,
     "filters.gaussian_blur2d filters.box_blur filters.sobel filters.spatial_gradient geometry.resize geometry.pyrdown "
     "geometry.pyrup engine.avg_pool2d"),
    ("warps", 0.60,
     "geometry.warp_affine geometry.warp_perspective geometry.rotate geometry.translate geometry.scale geometry.shear "
     "geometry.remap geometry.grid_sample"),
    ("others", None,
     "filters.median_blur filters.bilateral_blur morphology.dilation morphology.erosion losses.mse_loss "
     "engine.histogram engine.softmax engine.sort engine.cumsum engine.matmul engine.conv2d "
     "engine.sum engine.max_pool2d filters.canny"),
)
BOTH_GOAL = 3  # forward and backward of a parametric map, over the time of the forward's bytes
PARAMETRIC = ("geometry.warp_affine", "geometry.warp_perspective", "geometry.rotate", "geometry.translate", "geometry.scale",
              "geometry.shear", "enhance.adjust_gamma", "enhance.adjust_brightness", "enhance.adjust_contrast",
              "enhance.adjust_saturation", "enhance.adjust_hue", "enhance.color_jitter")


def benchmarked(known):
    """The operators of GOALS that the catalogue has."""
    return [name for _, _, names in GOALS for name in names.split() if name in known]


def group_of(name):
    return next(((group, goal) for group, goal, names in GOALS if name in names.split()), ("others", None))


def verdict(value, goal, more=True):
    if value is None or goal is None:
        return ""
    return "yes" if (value >= goal if more else value <= goal) else "no"


def number(value, form="{:.3g}"):
    return "-" if value is None else form.format(value)


def table(head, rows):
    return ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)] + ["| " + " | ".join(row) + " |" for row in rows]


def operator_rows(items, kornia):
    for item in items:
        forward, both = item["forward"], item.get("forward_backward", {})
        group, goal = group_of(item["name"])
        share, over = forward.get("of_stream"), None
        if share and both:
            over = both["median_ns"] / (share * forward["median_ns"])
        parametric = item["name"] in PARAMETRIC
        large = item.get("large", False)
        theirs = kornia.get((item["name"], item["size"]), {})
        ratio = lambda kind, mine: number(theirs[kind] / (mine / 1e3), "{:.2f}") if theirs.get(kind) and mine else ""
        yield [item["name"], group, item["size"], number(forward["median_ns"] / 1e3, "{:.1f}"),
               number(share and 100 * share, "{:.0f} %"),
               f"{100 * goal:.0f} %: {verdict(share, goal)}" if goal and large and share else "",
               number(both.get("median_ns") and both["median_ns"] / 1e3, "{:.1f}"), number(over, "{:.1f}"),
               f"{BOTH_GOAL}: {verdict(over, BOTH_GOAL, False)}" if parametric and large and over else "",
               ratio("forward_us", forward["median_ns"]), ratio("both_us", both.get("median_ns"))]


REGISTRATION_GOALS = {"one pair, 512x512": ("ms", 0.4), "256 pairs, 512x512": ("pairs/s", 20000),
                      "256 pairs, 256x256": ("pairs/s", 20000), "one pair, 3 megapixels": ("ms", 1.0)}


def registration_rows(items):
    for item in items:
        if "error" in item:
            yield [item["name"], item["error"], "", "", "", ""]
        elif "operators" in item:
            yield [item["name"], f"{item['eager_us']:.1f} us", f"{item['captured_us']:.1f} us",
                   f"{item['eager_us_an_operator']:.2f} and {item['captured_us_an_operator']:.2f} us an operator", "", ""]
        else:
            unit, goal = REGISTRATION_GOALS.get(item["name"], ("ms", None))
            best = min(item["eager_ms"], item.get("captured_ms", item["eager_ms"]))
            reached = item["pairs_per_s"] if unit == "pairs/s" else best
            yield [item["name"], f"{item['eager_ms']:.3f} ms",
                   f"{item['captured_ms']:.3f} ms" if "captured_ms" in item else item.get("captured_error", "-"),
                   f"{item['pairs_per_s']:.0f} pairs/s; {item['converged']} of {item['pairs']} converged",
                   f"{'>=' if unit == 'pairs/s' else '<='} {goal} {unit}" if goal else "",
                   verdict(reached, goal, unit == "pairs/s")]


def markdown(report):
    lines = ["# lumigrad on a device", "", f"{report['device']}; {report['machine']}; {report['toolkit']}", ""]
    lines += table(["step", "seconds", "result", "what it said"],
                   [[s["name"], f"{s['seconds']:.1f}", s["result"], s["said"].replace("|", "/")] for s in report["steps"]])
    kornia = {(k["name"], k["size"]): k for k in report.get("kornia", [])}
    if report.get("operators"):
        lines += ["", "## Operators (f32)", "", "Share: bytes that must move, over time, of the device's own copy of as many "
                  "bytes. Floor: the time of the forward's bytes at the copy's rate. Kornia: its time over ours, the better of "
                  "eager and compiled.", ""]
        lines += table(["operator", "group", "size", "forward, us", "share", "goal", "forward + backward, us", "over floor",
                        "goal", "Kornia, forward", "Kornia, both"], operator_rows(report["operators"], kornia))
    if report.get("not_measured"):
        lines += ["", "Not measured: " + "; ".join(report["not_measured"])]
    if report.get("registration"):
        lines += ["", "## Registration and launches", ""]
        lines += table(["what", "eager", "captured", "rate", "goal", "reached"], registration_rows(report["registration"]))
    return "\n".join(lines) + "\n"
