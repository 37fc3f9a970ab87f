# SPDX-License-Identifier: Apache-2.0
"""Pairs of views of photographs through known motions, the same for the same seed.

A view has a lower resolution than its photograph and takes the mean of 25 samples for each pixel, so that the truth is
exact. Motions map fixed to moving pixels, centres at integers.
"""
import math
import pathlib

import cv2
import numpy as np

SIZES = [(320, 240), (384, 288), (512, 384), (384, 384), (256, 192), (333, 251)]
LARGE = {"rot30": (25, 35, 1.0, 1.0), "rot90": (80, 100, 1.0, 1.0), "scale": (0, 5, 1.5, 2.0),
         "hardmix": (20, 60, 1.2, 1.6)}  # degrees and scale, from and to


def corners(width, height):
    return np.array([[0, 0], [width - 1, 0], [width - 1, height - 1], [0, height - 1]], float)


def moved(motion, points):
    q = np.c_[points, np.ones(len(points))] @ motion.T
    return q[:, :2] / q[:, 2:]


def about_middle(linear, width, height):
    middle = np.array([[1, 0, (width - 1) / 2], [0, 1, (height - 1) / 2], [0, 0, 1]])
    return middle @ linear @ np.linalg.inv(middle)


def turn(radians, scale):
    c, s = scale * math.cos(radians), scale * math.sin(radians)
    return np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])


def random_homography(dice, width, height, distance):
    """Moves the corners by `distance` pixels on average."""
    frame, by = corners(width, height), dice.normal(size=(4, 2))
    by *= distance / np.linalg.norm(by, axis=1).mean()
    return cv2.getPerspectiveTransform(frame.astype(np.float32), (frame + by).astype(np.float32)).astype(float)


def random_motion(dice, model, width, height, distance):
    """The same for any model: a direction, taken as far as it needs."""
    if model == "homography":
        return random_homography(dice, width, height, distance)
    linear = np.zeros((2, 2))
    if model == "similarity":
        a, s = dice.normal(size=2) / width
        linear = np.array([[s, -a], [a, s]])
    elif model == "affine":
        linear = dice.normal(size=(2, 2)) / width
    shift, frame = dice.normal(size=2) / 2, corners(width, height)

    def at(far):
        motion = np.eye(3)
        motion[:2, :2] += far * linear
        motion = about_middle(motion, width, height)
        motion[:2, 2] += far * shift
        return motion

    low, high = 0.0, 1e4
    for _ in range(60):
        far = (low + high) / 2
        too_far = np.linalg.norm(moved(at(far), frame) - frame, axis=1).mean() > distance
        low, high = (low, far) if too_far else (far, high)
    return at(low)


def motion_of(dice, kind, model, part, width, height):
    if kind not in LARGE:
        return random_motion(dice, model, width, height, part * width)
    a, b, s, t = LARGE[kind]
    scale = dice.uniform(s, t) ** dice.choice([-1, 1])
    motion = about_middle(turn(math.radians(dice.uniform(a, b)) * dice.choice([-1, 1]), scale), width, height)
    if model == "homography":
        motion = motion @ random_homography(dice, width, height, 0.03 * width)
    else:
        motion[:2, 2] += dice.normal(size=2) * 0.04 * width
    return motion / motion[2, 2]


def overlap(motion, width, height):
    y, x = np.mgrid[0:height:8, 0:width:8]
    q = moved(motion, np.c_[x.ravel(), y.ravel()])
    return ((q >= 0) & (q <= [width - 1, height - 1])).all(axis=1).mean()


def seen(photograph, view, width, height, samples=5):
    """The photograph through `view` (pixels of the picture to pixels of the photograph), the mean over each pixel."""
    y, x = np.mgrid[0:height, 0:width].astype(float)
    total = 0
    for i in range(samples):
        for j in range(samples):
            q = moved(view, np.c_[(x + (i + 0.5) / samples - 0.5).ravel(), (y + (j + 0.5) / samples - 0.5).ravel()])
            q = q.astype(np.float32).reshape(height, width, 2)
            total = total + cv2.remap(photograph, q[..., 0], q[..., 1], cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT)
    return total / samples ** 2


def relit(dice, picture):
    """Gamma, a ramp and vignetting."""
    height, width = picture.shape
    y, x = np.mgrid[0:height, 0:width]
    x, y, angle = x / width - 0.5, y / height - 0.5, dice.uniform(0, 2 * math.pi)
    ramp = 1 + dice.uniform(0.2, 0.5) * (math.cos(angle) * x + math.sin(angle) * y)
    return np.clip(picture, 0, 1) ** dice.uniform(0.6, 1.7) * ramp * (1 - dice.uniform(0.2, 0.8) * (x * x + y * y))


def covered(dice, picture, others, share):
    """Pieces of other photographs over `share` of the picture."""
    height, width = picture.shape
    picture, done = picture.copy(), 0
    while done < share * picture.size:
        other = others[dice.integers(len(others))]
        h, w = (int(dice.uniform(0.15, 0.4) * side) for side in (height, width))
        y, x = dice.integers(height - h), dice.integers(width - w)
        v, u = dice.integers(other.shape[0] - h), dice.integers(other.shape[1] - w)
        picture[y:y + h, x:x + w] = other[v:v + h, u:u + w] / np.float32(255)
        done += h * w
    return picture


def degraded(dice, kind, fixed, moving, others):
    mixed, noise = kind in ("combined", "hardmix"), 1.0
    if kind == "blur":
        sigma = dice.uniform(1.2, 2.5)
        if dice.random() < 0.5:
            fixed = cv2.GaussianBlur(fixed, (0, 0), sigma)
        else:
            moving = cv2.GaussianBlur(moving, (0, 0), sigma)
    if mixed:
        moving = cv2.GaussianBlur(moving, (0, 0), 1.0)
    if kind == "gainbias" or mixed:
        moving = moving * dice.uniform(0.6, 1.4) + dice.uniform(-0.1, 0.1)
    if kind == "gamma":
        moving = relit(dice, moving)
    if kind == "occlusion" or mixed:
        moving = covered(dice, moving, others, 0.15 if mixed else dice.uniform(0.08, 0.25))
    if kind == "noise":
        noise = dice.uniform(8, 20)
    if mixed:
        noise = 5.0
    return [np.clip(np.rint(255 * p + noise * dice.normal(size=p.shape)), 0, 255).astype(np.uint8)
            for p in (fixed, moving)]


def kinds(count):
    """(class, kind, model, part of the width) of so many pairs, in the proportions of 106."""
    listed = []
    for part in (0.02, 0.05, 0.1, 0.2):
        for k in range(max(1, round(12 * count / 106))):
            model = ("translation", "similarity", "affine", "homography")[k % 4]
            listed.append((f"clean-{round(100 * part)}%", "clean", model, part))
    shares = dict(gainbias=6, gamma=6, noise=6, blur=6, occlusion=6, combined=6, rot30=5, rot90=5, scale=7, hardmix=5)
    for kind, share in shares.items():
        for k in range(max(1, round(share * count / 106))):
            model = "homography"
            if kind not in LARGE and kind != "combined" and k % 3 == 0:
                model = "affine"
            if kind in ("rot30", "rot90", "scale") and k % 2 == 0:
                model = "similarity"
            listed.append((kind, kind, model, (0.05, 0.1)[k % 2]))
    return listed


def draw_pair(dice, photographs, kind, model, part):
    """Fixed and moving picture (8-bit grey) and the motion."""
    for _ in range(5000):
        photograph = photographs[dice.integers(len(photographs))]
        width, height = SIZES[dice.integers(len(SIZES))]
        motion = motion_of(dice, kind, model, part, width, height)
        shares = [overlap(m, width, height) for m in (motion, np.linalg.inv(motion))]
        if max(shares) < 0.55 or min(shares) < 0.2:
            continue
        zoom, (high, wide) = dice.uniform(1.3, 3), photograph.shape
        if zoom * width > wide - 8 or zoom * height > high - 8:
            continue
        view = np.array([[zoom, 0, dice.uniform(2, wide - 4 - zoom * width)],
                         [0, zoom, dice.uniform(2, high - 4 - zoom * height)], [0, 0, 1]])
        other = view @ np.linalg.inv(motion)
        q = np.r_[moved(view, corners(width, height)), moved(other, corners(width, height))]
        if (q < 1).any() or (q[:, 0] > wide - 2).any() or (q[:, 1] > high - 2).any():
            continue
        fixed, moving = (seen(photograph, v, width, height).astype(np.float32) / 255 for v in (view, other))
        return *degraded(dice, kind, fixed, moving, photographs), motion
    raise SystemExit(f"the photographs are too small for a pair of the class {kind}")


def photographs_in(folder, short, long):
    """The pictures below a folder whose sides have at least so many pixels, grey, in the order of their names."""
    paths = sorted(p for p in pathlib.Path(folder).rglob("*") if p.suffix.lower() in (".png", ".jpg", ".jpeg", ".tif"))
    pictures = [cv2.imread(str(p), cv2.IMREAD_GRAYSCALE) for p in paths]
    found = [p.astype(np.float32) for p in pictures if p is not None and min(p.shape) >= short and max(p.shape) >= long]
    if not found:
        raise SystemExit(f"expected pictures of at least {short} x {long} pixels in {folder}, got none")
    return found


def draw_pairs(folder, count, seed):
    """The pairs, and how many photographs of at least 400 pixels a side there are in the folder."""
    photographs = photographs_in(folder, 400, 400)
    pairs = []
    for number, (name, kind, model, part) in enumerate(kinds(count)):
        fixed, moving, motion = draw_pair(np.random.default_rng([seed, number]), photographs, kind, model, part)
        pairs.append(dict(id=f"{number:03d}", name=name, model=model, fixed=fixed, moving=moving, truth=motion))
    return pairs, len(photographs)
