#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The ten steps of samples/learnable_color_jitter, taken again by Kornia on the same photograph with the same draws.

    learnable_color_jitter PHOTO --out DIR
    compare_color_jitter.py DIR

Prints how far losses and ranges are from each other, relative, and exits with 1 beyond 1e-4. Needs PyTorch and
Kornia (pip install torch kornia); lumigrad never does.

On eleven photographs, with the levels their bytes give them, the two are 1.4e-5 to 9.5e-5 apart. That takes three
agreements: descent moves pixels out of [0, 1], and both limit the image before they jitter it; equal channels share the
slope of the largest; and a hue that is turned to a corner of its hexagon has the slopes of the side that begins there.
What is left are pixels within a rounding error of a tie or a corner, on either side of which the two may find
themselves (dither moves them away: then 4e-7 to 7e-6). Values of exactly 0 and 1 are avoided by the sample: there the
slope of a limit is 1 in lumigrad and in PyTorch up to 2.9 at least, and 0 in PyTorch 2.15.

Kornia is given its draws: the position u within a range that lumigrad drew is applied to Kornia's own range.
"""
import json
import math
import sys

import numpy as np
import torch
from kornia.augmentation import ColorJitter

NAMES = ("brightness", "contrast", "saturation", "hue")


def main(folder):
    steps = json.load(open(f"{folder}/steps.json"))
    photo = np.load(f"{folder}/photo.npy")
    worst = 0.0
    for hue_learns in (False, True):
        run = [step for step in steps if step["hue_learns"] == hue_learns]
        image = torch.tensor(photo).requires_grad_()
        start = {name: run[0][name]["low"] / (2 * math.pi if name == "hue" else 1) for name in NAMES}
        ends = {name: torch.tensor([start[name]] * 2, dtype=torch.float64,
                                   requires_grad=name != "hue" or hue_learns) for name in NAMES}
        image_descent = torch.optim.SGD([image], lr=1e5)
        range_descent = torch.optim.SGD([end for end in ends.values() if end.requires_grad], lr=0.1)
        jitter = ColorJitter(0.0, 0.0, 0.0, 0.0, p=1.0)
        for step in run:
            params = {"order": torch.tensor([0, 1, 2, 3]), "batch_prob": torch.ones(1),
                      "forward_input_shape": torch.tensor(image.shape)}
            for name in NAMES:
                u = step[name]["u"]
                unit = 2 * math.pi if name == "hue" else 1
                # Hue is in radians there and in turns here; so is the gradient of its ends.
                drawn = ends[name][0] + (ends[name][1] - ends[name][0]) * u
                params[f"{name}_factor"] = drawn.float()[None]
                for k, side in enumerate(("low", "high")):
                    ours, theirs = step[name][side], float(ends[name][k].detach()) * unit
                    worst = max(worst, abs(ours - theirs) / abs(theirs))
            result = jitter(image, params=params)
            loss = torch.nn.functional.mse_loss(result, image)
            difference = abs(step["loss"] - float(loss.detach())) / float(loss.detach())
            worst = max(worst, difference)
            print(f"hue {'learns' if hue_learns else 'given '}  step {step['step']}  lumigrad {step['loss']:.8f}  "
                  f"Kornia {float(loss.detach()):.8f}  relative {difference:.1e}")
            image_descent.zero_grad()
            range_descent.zero_grad()
            loss.backward()
            if ends["hue"].grad is not None:
                ends["hue"].grad /= (2 * math.pi) ** 2  # a step in radians, taken in turns
            image_descent.step()
            range_descent.step()
    print(f"largest relative difference of losses and ranges: {worst:.1e}")
    return 0 if worst <= 1e-4 else 1


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    sys.exit(main(*sys.argv[1:]))
