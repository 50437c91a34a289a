#!/usr/bin/env python3
# Paints the key frame of ink-look.yaml: Kuwahara's filter twice, seven soft
# steps of light in split tones, stronger colours, dark lines along edges.
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# python3 ink-look.py FRAME.png PAINTED.png   (numpy and Pillow)
import sys

import numpy as np
from PIL import Image


def corner_mean(a, r, dy, dx):
    """Means of squares of side r + 1 that have a pixel in one corner."""
    p = np.pad(a, ((r, r), (r, r), (0, 0)), mode="edge")
    c = np.cumsum(np.cumsum(np.pad(p, ((1, 0), (1, 0), (0, 0))), 0), 1)
    h, w = a.shape[:2]
    y, x, s = (0 if dy < 0 else r), (0 if dx < 0 else r), r + 1
    return (c[y + s:y + s + h, x + s:x + s + w] - c[y:y + h, x + s:x + s + w]
            - c[y + s:y + s + h, x:x + w] + c[y:y + h, x:x + w]) / s**2


def kuwahara(a, r):
    """Of the four squares round a pixel the mean of the one that varies least."""
    best = out = None
    for dy in (-1, 1):
        for dx in (-1, 1):
            m = corner_mean(a, r, dy, dx)
            v = corner_mean(a * a, r, dy, dx) - m * m
            v = v.sum(2, keepdims=True)
            out = m if best is None else np.where(v < best, m, out)
            best = v if best is None else np.minimum(best, v)
    return out


def paint(a):
    luma = np.array([0.299, 0.587, 0.114])
    k = kuwahara(kuwahara(a, 4), 3)
    y = k @ luma
    step = np.floor(y * 7) + 0.5 + 0.42 * np.tanh(9 * (y * 7 % 1 - 0.5))
    step = step[..., None] / 7
    tone = np.array([0.04, 0.06, 0.16]) + np.array([1.02, 0.95, 0.74]) * step
    out = tone + 1.9 * (k - y[..., None])
    gy, gx = np.gradient(kuwahara(a, 2) @ luma)
    line = 0.85 * np.clip(np.hypot(gx, gy) * 14 - 0.45, 0, 1)[..., None]
    return out * (1 - line) + np.array([0.07, 0.05, 0.13]) * line


if __name__ == "__main__":
    frame = np.asarray(Image.open(sys.argv[1]).convert("RGB")) / 255
    done = (np.clip(paint(frame), 0, 1) * 255 + 0.5).astype(np.uint8)
    Image.fromarray(done).save(sys.argv[2])
