#!/usr/bin/env python3
# A super-resolver's training step here and in PyTorch, turn by turn on the same
# cores: forward, L1, backward, Adam; batch 16 of 48x48, x4.
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# python3 tests/bench/train.py build/tests/bench/train [THREADS [ROUNDS]]
# The least step of each round as time passed; PyTorch in both memory layouts,
# fp32 and bf16 (autocast). The ratios are those of one round each, to the
# better layout. `make bench` runs it where PyTorch is.
import re
import statistics
import subprocess
import sys
import time

import torch
from torch import nn

THREADS = int(sys.argv[2]) if len(sys.argv) > 2 else 2
ROUNDS = int(sys.argv[3]) if len(sys.argv) > 3 else 3
STEPS = 4
NETWORKS = {"64x16, x4": 16, "8 convolutions": 6}
torch.set_num_threads(THREADS)


class Net(nn.Module):
    """compact: head, layers of 64 with PReLU, tail, shuffle, + nearest."""

    def __init__(self, layers):
        super().__init__()
        body = [nn.Conv2d(3, 64, 3, padding=1), nn.PReLU(64)]
        for _ in range(layers):
            body += [nn.Conv2d(64, 64, 3, padding=1), nn.PReLU(64)]
        self.body = nn.Sequential(*body, nn.Conv2d(64, 48, 3, padding=1))

    def forward(self, x):
        base = nn.functional.interpolate(x, scale_factor=4, mode="nearest")
        return nn.functional.pixel_shuffle(self.body(x), 4) + base


def pytorch(layers, bf16, layout):
    net = Net(layers).to(memory_format=layout)
    adam = torch.optim.Adam(net.parameters(), 1e-4)
    x = torch.rand(16, 3, 48, 48).contiguous(memory_format=layout)
    y = torch.rand(16, 3, 192, 192).contiguous(memory_format=layout)
    least = 1e9
    for _ in range(STEPS + 1):
        t = time.perf_counter()
        adam.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            loss = (net(x).float() - y).abs().mean()
        loss.backward()
        adam.step()
        least = min(least, time.perf_counter() - t)
    return least


def ours():
    out = subprocess.run([sys.argv[1], str(STEPS), str(THREADS)],
                         capture_output=True, text=True, check=True).stdout
    found = re.findall(r"^(.*?) +(16 bits|fp32) .*least ([0-9.]+) s", out, re.M)
    return {(name.strip(), kind): float(s) for name, kind, s in found}


took = {}
for _ in range(ROUNDS):
    for key, s in ours().items():
        took.setdefault(("ffgan",) + key, []).append(s)
    for name, layers in NETWORKS.items():
        for kind in "fp32", "16 bits":
            best = min(pytorch(layers, kind != "fp32", layout) for layout in
                       (torch.contiguous_format, torch.channels_last))
            took.setdefault(("PyTorch", name, kind), []).append(best)
print(f"PyTorch {torch.__version__}, {THREADS} threads, {ROUNDS} rounds in turn")
for name in NETWORKS:
    for kind in "fp32", "16 bits":
        a, b = (took[who, name, kind] for who in ("ffgan", "PyTorch"))
        ratio = sorted(y / x for x, y in zip(a, b))
        print(f"{name:15} {kind:8} ffgan {min(a):.3f} s, PyTorch {min(b):.3f} s, "
              f"ratio {statistics.median(ratio):.2f} "
              f"({ratio[0]:.2f} to {ratio[-1]:.2f})")
