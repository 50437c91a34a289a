#!/usr/bin/env python3
# The same networks in PyTorch: fp16, channels_last, the input on the device. One
# JSON line per way: eager, a CUDA graph, torch.compile. Random weights; what is
# measured is the network alone, RGB in and RGB out.
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# peers.py NAME WxH SECONDS [--cpu]   NAME: as tests/gpu/nets.py, fast-x2,
#     balanced-x2. --cpu: fp32 on the CPU, to see that this script works.
import json
import sys
import time

import torch
import torch.nn.functional as F
from torch import nn


class Compact(nn.Module):
    def __init__(self, c=64, layers=16, scale=2, ch=3, act=nn.PReLU):
        super().__init__()
        body = [nn.Conv2d(ch, c, 3, padding=1), act(c)]
        for _ in range(layers):
            body += [nn.Conv2d(c, c, 3, padding=1), act(c)]
        self.body = nn.Sequential(*body, nn.Conv2d(c, ch * scale * scale, 3, padding=1),
                                  nn.PixelShuffle(scale))
        self.scale = scale

    def forward(self, x):
        return self.body(x) + F.interpolate(x, scale_factor=self.scale, mode="nearest")


class Res(nn.Module):
    def __init__(self, c=32, blocks=6, scale=2):
        super().__init__()
        self.head, self.tail = nn.Conv2d(3, c, 3, padding=1), nn.Conv2d(c, c, 3, padding=1)
        self.pairs = nn.ModuleList(nn.ModuleList(nn.Conv2d(c, c, 3, padding=1) for _ in "ab")
                                   for _ in range(blocks))
        self.last, self.scale = nn.Conv2d(c, 3 * scale * scale, 3, padding=1), scale

    def forward(self, x):
        y = h = self.head(x)
        for a, b in self.pairs:
            y = y + b(torch.relu(a(y)))
        y = F.pixel_shuffle(self.last(h + self.tail(y)), self.scale)
        return y + F.interpolate(x, scale_factor=self.scale, mode="bicubic")


class Span(nn.Module):
    """Convolutions folded, as SPAN runs."""

    def __init__(self, c=48, blocks=6, scale=2):
        super().__init__()
        self.head, self.end = nn.Conv2d(3, c, 3, padding=1), nn.Conv2d(c, c, 3, padding=1)
        self.blocks = nn.ModuleList(nn.ModuleList(nn.Conv2d(c, c, 3, padding=1) for _ in "abc")
                                    for _ in range(blocks))
        self.cat = nn.Conv2d(4 * c, c, 1)
        self.up, self.scale = nn.Conv2d(c, 3 * scale * scale, 3, padding=1), scale

    def forward(self, x):
        y = h = self.head(x)
        for i, (a, b, c) in enumerate(self.blocks):
            first = a(y)
            out = c(F.silu(b(F.silu(first))))
            y = (out + y) * (torch.sigmoid(out) - 0.5)
            if i == 0:
                one = y
        joined = self.cat(torch.cat([h, self.end(y), one, first], 1))
        return F.pixel_shuffle(self.up(joined), self.scale)


class Rrdb(nn.Module):
    def __init__(self, c=64, grow=32, blocks=23):
        super().__init__()

        def conv(i, o):
            return nn.Conv2d(i, o, 3, padding=1)

        self.dense = nn.ModuleList(
            nn.ModuleList(conv(c + k * grow, grow if k < 4 else c) for k in range(5))
            for _ in range(3 * blocks))
        self.first, self.trunk, self.last = conv(3, c), conv(c, c), conv(c, 3)
        self.ups = nn.ModuleList([conv(c, c), conv(c, c)])
        self.hr = conv(c, c)

    def forward(self, x):
        def act(v):
            return F.leaky_relu(v, 0.2)

        y = h = self.first(x)
        for i in range(0, len(self.dense), 3):
            z = y
            for d in self.dense[i:i + 3]:
                all_ = [z]
                for k, conv in enumerate(d):
                    v = conv(torch.cat(all_, 1))
                    all_.append(act(v) if k < 4 else v)
                z = z + 0.2 * all_[-1]
            y = y + 0.2 * z
        y = h + self.trunk(y)
        for up in self.ups:
            y = act(up(F.interpolate(y, scale_factor=2, mode="nearest")))
        return self.last(act(self.hr(y)))


NETS = {"compact-64x16-x2": Compact, "span-48x6-x2": Span, "rrdb-23-x4": Rrdb,
        "fast-x2": lambda: Compact(16, 4, 2, 1, lambda c: nn.ReLU()),
        "balanced-x2": Res}


def measure(run, wait, seconds):
    for _ in range(5):
        run()
    wait()
    n, start, took = 0, time.perf_counter(), 0
    while took < seconds:
        run()
        n += 1
        if n % 8 == 0 or took == 0:
            wait()
            took = time.perf_counter() - start
    wait()
    return n / (time.perf_counter() - start)


def graph_of(net, x):
    side = torch.cuda.Stream()
    with torch.cuda.stream(side):
        for _ in range(3):
            net(x)
    torch.cuda.synchronize()
    g = torch.cuda.CUDAGraph()
    with torch.cuda.graph(g):
        net(x)
    return g.replay


def main():
    name, size, seconds = sys.argv[1], sys.argv[2], float(sys.argv[3])
    cpu = "--cpu" in sys.argv
    w, h = map(int, size.split("x"))
    dev, kind = ("cpu", torch.float32) if cpu else ("cuda", torch.float16)
    wait = (lambda: None) if cpu else torch.cuda.synchronize
    if not cpu:
        torch.backends.cudnn.benchmark = True
    net = NETS[name]().to(dev, kind, memory_format=torch.channels_last).eval()
    ch = 1 if name == "fast-x2" else 3
    x = torch.rand(1, ch, h, w, device=dev, dtype=kind).to(memory_format=torch.channels_last)
    ways = ["eager"] if cpu else ["eager", "graph", "compile"]
    with torch.inference_mode():
        for way in ways:
            try:
                if way == "graph":
                    run = graph_of(net, x)
                elif way == "compile":
                    fast = torch.compile(net, mode="max-autotune")
                    run = lambda: fast(x)
                else:
                    run = lambda: net(x)
                print(json.dumps({"way": way, "fps": round(measure(run, wait, seconds), 3)}),
                      flush=True)
            except Exception as e:
                print(json.dumps({"way": way, "error": str(e)[:300]}), flush=True)


main()
