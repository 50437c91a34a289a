#!/usr/bin/env python3
# A DCGAN step here and in PyTorch, turn by turn on the same cores.
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# python3 tests/bench/gan.py build/tests/bench/gan [THREADS [ROUNDS]]
# CPU time of the least step of each round; PyTorch in both memory layouts. The
# ratios are those of one round each, so that a slower machine cancels out.
# `make bench` runs it where PyTorch is.
import re
import statistics
import subprocess
import sys
import time

import torch
from torch import nn

THREADS = int(sys.argv[2]) if len(sys.argv) > 2 else 1
ROUNDS = int(sys.argv[3]) if len(sys.argv) > 3 else 3
torch.set_num_threads(THREADS)


def up(i, o, s, p):
    return nn.ConvTranspose2d(i, o, 4, s, p, bias=False)


def down(i, o, s, p):
    return nn.Conv2d(i, o, 4, s, p, bias=False)


def bench(layout, steps=8):
    g = nn.Sequential(up(100, 256, 1, 0), nn.ReLU(True), up(256, 128, 2, 1),
                      nn.ReLU(True), up(128, 64, 2, 1), nn.ReLU(True),
                      up(64, 3, 2, 1), nn.Tanh()).to(memory_format=layout)
    d = nn.Sequential(down(3, 64, 2, 1), nn.ReLU(True), down(64, 128, 2, 1),
                      nn.ReLU(True), down(128, 256, 2, 1), nn.ReLU(True),
                      down(256, 1, 1, 0), nn.Sigmoid()).to(memory_format=layout)
    og = torch.optim.Adam(g.parameters(), 1e-4)
    od = torch.optim.Adam(d.parameters(), 1e-4)
    bce, one, zero = nn.BCELoss(), torch.ones(64), torch.zeros(64)
    x = (torch.rand(64, 3, 32, 32) * 2 - 1).contiguous(memory_format=layout)
    least = 1e9
    for _ in range(steps):
        t = time.process_time()
        d.zero_grad()
        bce(d(x).view(-1), one).backward()
        f = g(torch.randn(64, 100, 1, 1))
        bce(d(f.detach()).view(-1), zero).backward()
        od.step()
        g.zero_grad()
        bce(d(f).view(-1), one).backward()
        og.step()
        least = min(least, time.process_time() - t)
    return least * 1e3


def ours():
    out = subprocess.run([sys.argv[1], "8", str(THREADS)], capture_output=True,
                         text=True, check=True).stdout
    return float(re.search(r"([0-9.]+) ms of CPU", out).group(1))


took = {"ours": [], "PyTorch": [], "PyTorch, channels last": []}
for _ in range(ROUNDS):
    for name, fn in (("ours", ours),
                     ("PyTorch", lambda: bench(torch.contiguous_format)),
                     ("PyTorch, channels last",
                      lambda: bench(torch.channels_last))):
        took[name].append(fn())
print(f"PyTorch {torch.__version__}, {THREADS} threads, {ROUNDS} rounds in turn")
for name, ms in took.items():
    ratio = sorted(a / b for a, b in zip(ms, took["ours"]))
    print(f"{name:24} {min(ms):7.1f} ms of CPU a step, ratio to ours "
          f"{statistics.median(ratio):.2f} ({ratio[0]:.2f} to {ratio[-1]:.2f})")
