# SPDX-License-Identifier: Apache-2.0
"""What bench_registration_peers compares with: each peer takes grey 8-bit images and a model, and gives fixed -> moving
as a 3x3 matrix in pixels, or None."""
import functools
import importlib.util

import cv2
import numpy as np

MOTION = {"translation": cv2.MOTION_TRANSLATION, "similarity": cv2.MOTION_AFFINE, "affine": cv2.MOTION_AFFINE,
          "homography": cv2.MOTION_HOMOGRAPHY}  # OpenCV's ECC has no similarity


def start_for(model, start):
    start = np.eye(3) if start is None else start
    rows = 3 if model == "homography" else 2
    start = start[:rows].astype(np.float32)
    if model == "translation":
        start[:, :2] = np.eye(2)
    return start


def whole(matrix):
    matrix = np.asarray(matrix, float)
    return matrix if len(matrix) == 3 else np.vstack([matrix, [0, 0, 1]])


def ecc(fixed, moving, model, start=None, steps=200):
    criteria = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, steps, 1e-6)
    try:
        found = cv2.findTransformECC(fixed, moving, start_for(model, start), MOTION[model], criteria, None, 5)[1]
    except cv2.error:  # it throws when the correlation stops growing: what it was given is all there is
        return start
    return whole(found)


def ecc_ms(fixed, moving, model):
    """As it comes, with the criteria of `ecc` at every level."""
    options = cv2.ECCParameters()
    options.motionType = MOTION[model]
    options.criteria = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 200, 1e-6)
    try:
        return whole(cv2.findTransformECCMultiScale(fixed, moving, start_for(model, None), options)[1])
    except cv2.error:
        return None


def matches(fixed, moving, points, contrast, ratio):
    sift = cv2.SIFT_create(points, contrastThreshold=contrast)
    (here, a), (there, b) = (sift.detectAndCompute(image, None) for image in (fixed, moving))
    if a is None or b is None or len(here) < 2 or len(there) < 2:
        return np.zeros((0, 2)), np.zeros((0, 2))
    twos = [m for m in cv2.BFMatcher(cv2.NORM_L2).knnMatch(a, b, k=2) if len(m) == 2]
    good = [m for m, second in twos if m.distance < ratio * second.distance]
    return (np.float64([here[m.queryIdx].pt for m in good]).reshape(-1, 2),
            np.float64([there[m.trainIdx].pt for m in good]).reshape(-1, 2))


def fitted(p, q, model, threshold, magsac):
    if len(p) < (4 if model == "homography" else 3):
        return None
    if model == "homography":
        method = cv2.USAC_MAGSAC if magsac else cv2.RANSAC
        return cv2.findHomography(p, q, method, threshold, maxIters=10000 if magsac else 2000, confidence=0.999)[0]
    estimate = cv2.estimateAffine2D if model == "affine" else cv2.estimateAffinePartial2D
    found, inliers = estimate(p, q, ransacReprojThreshold=threshold)
    if found is None:
        return None
    if model != "translation":
        return whole(found)
    used = inliers.ravel() > 0
    shift = np.mean((q - p)[used], axis=0) if used.any() else np.median(q - p, axis=0)
    return np.array([[1, 0, shift[0]], [0, 1, shift[1]], [0, 0, 1.0]])


def sift(fixed, moving, model):
    return fitted(*matches(fixed, moving, 2000, 0.04, 0.8), model, 3.0, False)


def sift_magsac(fixed, moving, model):
    return fitted(*matches(fixed, moving, 4000, 0.02, 0.85), model, 2.0, True)


def frame_of(image, motion):
    h, w = image.shape
    q = np.c_[[[0, 0], [w - 1, 0], [w - 1, h - 1], [0, h - 1]], np.ones(4)] @ motion.T
    return q[:, :2] / q[:, 2:], q[:, 2]


def refined(first, fixed, moving, model, most):
    """ECC from a start that is no collapse, kept when it moves the corners by less than `most`."""
    start = first(fixed, moving, model)
    if start is None or not np.isfinite(start).all():
        return ecc_ms(fixed, moving, model) if hasattr(cv2, "findTransformECCMultiScale") else ecc(fixed, moving, model)
    corners, depth = frame_of(fixed, start)
    if (depth <= 0.05).any() or (depth > 20).any():
        return start
    better = ecc(fixed, moving, model, start, 100)
    return better if np.linalg.norm(frame_of(fixed, better)[0] - corners, axis=1).mean() < most else start


def kornia(fixed, moving, model, tuned=None):
    """It knows no affine motion: affine pairs get its homography."""
    import torch
    from kornia.geometry.transform import HomographyWarper, ImageRegistrator
    torch.set_num_threads(1)
    kind, settings = ("homography" if model == "affine" else model), {}
    if tuned:
        kind = "homography" if model == "similarity" and fixed.shape[0] != fixed.shape[1] else kind
        loss = torch.nn.functional.mse_loss if tuned == "short" else torch.nn.functional.l1_loss
        settings = dict(lr=5e-3 if tuned == "short" else 2e-3, num_iterations=200 if tuned == "short" else 500,
                        tolerance=1e-8, loss_fn=loss)
    registrator = ImageRegistrator(kind, **settings)
    if tuned:
        registrator.warper = functools.partial(HomographyWarper, align_corners=True)
    a, b = (torch.from_numpy(image.astype(np.float32) / 255)[None, None] for image in (fixed, moving))
    found = registrator.register(b, a).detach().numpy()[0].astype(float)
    h, w = fixed.shape
    unit = np.array([[2 / (w - 1), 0, -1], [0, 2 / (h - 1), -1], [0, 0, 1.0]])
    return np.linalg.inv(unit) @ found @ unit


def peers():
    """Those that can run here, by name."""
    found = {"ecc": ecc}
    if hasattr(cv2, "findTransformECCMultiScale"):
        found["ecc_ms"] = ecc_ms
    found |= {"sift": sift, "sift_magsac": sift_magsac,
              "sift_ecc": lambda f, m, model: refined(sift, f, m, model, 3.0),
              "sift_magsac_ecc": lambda f, m, model: refined(sift_magsac, f, m, model, 1.5)}
    if importlib.util.find_spec("kornia") and importlib.util.find_spec("torch"):
        found |= {"kornia_default": kornia,
                  "kornia_tuned": lambda f, m, model: kornia(f, m, model, "short"),
                  "kornia_best": lambda f, m, model: kornia(f, m, model, "long")}
    return found
