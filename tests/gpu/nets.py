#!/usr/bin/env python3
# Networks of the peers' sizes with random weights, as .safetensors files, with
# Python alone. What they make of a picture means nothing; how long it takes does.
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# nets.py FOLDER [--small]   compact-64x16-x2, span-48x6-x2, rrdb-23-x4
import json
import math
import os
import struct
import sys


def conv(t, name, o, i, k=3):
    t[name + ".weight"] = (o, i, k, k)
    t[name + ".bias"] = (o,)


def compact(t, c=64, layers=16, scale=2):
    for n in range(layers + 2):
        last = n == layers + 1
        conv(t, "body.%d" % (2 * n), 3 * scale * scale if last else c, c if n else 3)
        if not last:
            t["body.%d.weight" % (2 * n + 1)] = (c,)


def span(t, c=48, blocks=6, scale=2):
    def three(name, i, o, gain=2):
        conv(t, name + ".sk", o, i, 1)
        conv(t, name + ".conv.0", i * gain, i, 1)
        conv(t, name + ".conv.1", o * gain, i * gain)
        conv(t, name + ".conv.2", o, o * gain, 1)
        conv(t, name + ".eval_conv", o, i)

    three("conv_1", 3, c)
    for b in range(blocks):
        for k in "123":
            three("block_%d.c%s_r" % (b + 1, k), c, c)
    conv(t, "conv_cat", c, 4 * c, 1)
    three("conv_2", c, c)
    conv(t, "upsampler.0", 3 * scale * scale, c)


def rrdb(t, blocks=23, c=64, grow=32):
    conv(t, "conv_first", c, 3)
    for b in range(blocks):
        for r in "123":
            for k in range(5):
                conv(t, "body.%d.rdb%s.conv%d" % (b, r, k + 1), grow if k < 4 else c,
                     c + k * grow)
    for name in ("conv_body", "conv_up1", "conv_up2", "conv_hr"):
        conv(t, name, c, c)
    conv(t, "conv_last", 3, c)


def numbers(count, size):
    """Halves of random sign within an eighth of size."""
    n = 2 * count
    fixed = struct.unpack("<H", struct.pack("<e", size))[0] & 0xFF00
    bits = int.from_bytes(os.urandom(n), "little")
    mask = int.from_bytes(b"\xff\x80" * count, "little")
    return ((bits & mask) | int.from_bytes(struct.pack("<H", fixed) * count,
                                           "little")).to_bytes(n, "little")


def write(path, shapes, gain):
    head, data, at = {}, [], 0
    for name, s in shapes.items():
        count = math.prod(s)
        fan = math.prod(s[1:])
        # Slopes and biases are small.
        size = math.sqrt(gain / fan) if len(s) == 4 else 0.05
        data.append(numbers(count, size))
        head[name] = {"dtype": "F16", "shape": s, "data_offsets": [at, at + 2 * count]}
        at += 2 * count
    text = json.dumps(head).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text + b"".join(data))


def main():
    folder, small = sys.argv[1], "--small" in sys.argv
    # Gains that keep values near 1: SPAN's blocks multiply values with themselves.
    nets = {"compact-64x16-x2": (compact, dict(c=16, layers=2) if small else {}, 1.5),
            "span-48x6-x2": (span, dict(c=8) if small else {}, 0.7),
            "rrdb-23-x4": (rrdb, dict(blocks=1, c=16, grow=8) if small else {}, 1.5)}
    os.makedirs(folder, exist_ok=True)
    for name, (make, sizes, gain) in nets.items():
        shapes = {}
        make(shapes, **sizes)
        write(os.path.join(folder, name + ".safetensors"), shapes, gain)


main()
