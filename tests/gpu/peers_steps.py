#!/usr/bin/env python3
# The training steps of tests/gpu/steps.c in PyTorch: automatic mixed precision
# (fp16 with a gradient scaler) and fp32, channels_last, Adam, an average of the
# weights. One JSON line per way. SPDX-License-Identifier: LGPL-2.1-or-later
#
# peers_steps.py sr|dcgan SECONDS [--cpu]   --cpu: fp32 on the CPU, small, to see
#     that this script works.
import json
import sys
import time

import torch
import torch.nn.functional as F
from torch import nn

CPU = "--cpu" in sys.argv
DEV = "cpu" if CPU else "cuda"


class Compact(nn.Module):
    def __init__(self, c, layers, scale=2, ch=3):
        super().__init__()
        body = [nn.Conv2d(ch, c, 3, padding=1), nn.PReLU(c)]
        for _ in range(layers):
            body += [nn.Conv2d(c, c, 3, padding=1), nn.PReLU(c)]
        self.body = nn.Sequential(*body, nn.Conv2d(c, ch * scale * scale, 3, padding=1),
                                  nn.PixelShuffle(scale))

    def forward(self, x):
        return self.body(x) + F.interpolate(x, scale_factor=2, mode="nearest")


def generator(f, latent):
    def up(i, o, s, p):
        return [nn.ConvTranspose2d(i, o, 4, s, p, bias=False), nn.BatchNorm2d(o),
                nn.LeakyReLU(0.2)]
    return nn.Sequential(*up(latent, 4 * f, 1, 0), *up(4 * f, 2 * f, 2, 1), *up(2 * f, f, 2, 1),
                         nn.ConvTranspose2d(f, 3, 4, 2, 1), nn.Tanh())


def critic(f):
    def down(i, o):
        return [nn.Conv2d(i, o, 4, 2, 1, bias=False), nn.BatchNorm2d(o), nn.LeakyReLU(0.2)]
    return nn.Sequential(nn.Conv2d(3, f, 4, 2, 1), nn.LeakyReLU(0.2), *down(f, 2 * f),
                         *down(2 * f, 4 * f), nn.Conv2d(4 * f, 1, 4, 1, 0))


class Net:
    def __init__(self, net, half):
        self.net = net.to(DEV, memory_format=torch.channels_last)
        self.average = [p.detach().clone() for p in self.net.parameters()]
        self.adam = torch.optim.Adam(self.net.parameters(), 1e-4, (0.9, 0.99))
        self.scaler = torch.amp.GradScaler(DEV, enabled=half)

    def step(self, loss):
        self.adam.zero_grad(set_to_none=True)
        self.scaler.scale(loss).backward()
        self.scaler.step(self.adam)
        self.scaler.update()
        with torch.no_grad():
            torch._foreach_lerp_(self.average, [p.detach() for p in self.net.parameters()], 0.001)


def last(t):
    return t.to(DEV).to(memory_format=torch.channels_last)


def sr(half):
    n, side = (2, 8) if CPU else (16, 48)
    g = Net(Compact(8, 1) if CPU else Compact(64, 16), half)
    x, y = last(torch.rand(n, 3, side, side)), last(torch.rand(n, 3, 2 * side, 2 * side))

    def step():
        with torch.autocast(DEV, torch.float16, enabled=half):
            loss = F.l1_loss(g.net(x), y)
        g.step(loss)
    return step


def dcgan(half):
    n, f, latent = (2, 4, 5) if CPU else (64, 64, 100)
    g, d = Net(generator(f, latent), half), Net(critic(f), half)
    z, real = last(torch.randn(n, latent, 1, 1)), last(torch.rand(n, 3, 32, 32))

    def bce(t, want):
        return F.binary_cross_entropy_with_logits(t, torch.full_like(t, want))

    def step():
        with torch.autocast(DEV, torch.float16, enabled=half):
            fake = g.net(z)
            loss = bce(d.net(real), 1.0) + bce(d.net(fake.detach()), 0.0)
        d.step(loss)
        with torch.autocast(DEV, torch.float16, enabled=half):
            loss = bce(d.net(fake), 1.0)
        g.step(loss)
    return step


def measure(step, seconds):
    wait = (lambda: None) if CPU else torch.cuda.synchronize
    for _ in range(5):
        step()
    wait()
    n, start, took = 0, time.perf_counter(), 0
    while took < seconds:
        step()
        n += 1
        if n % 8 == 0 or CPU:
            wait()
            took = time.perf_counter() - start
    wait()
    return 1e3 * (time.perf_counter() - start) / n


what, seconds = {"sr": sr, "dcgan": dcgan}[sys.argv[1]], float(sys.argv[2])
if not CPU:
    torch.backends.cudnn.benchmark = True
for half in ([False] if CPU else [True, False]):
    row = {"way": "eager", "precision": "fp16" if half else "fp32"}
    try:
        row["ms"] = round(measure(what(half), seconds), 3)
    except Exception as e:
        row["error"] = str(e)[:300]
    print(json.dumps(row), flush=True)
