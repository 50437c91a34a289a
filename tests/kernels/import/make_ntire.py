# Networks of the efficient super-resolution challenges, for make_import.py.
# SPDX-License-Identifier: LGPL-2.1-or-later
import torch
import torch.nn.functional as F
from torch import nn


class Conv(nn.Module):
    """A convolution under a name of its own: KEY.NAME.weight."""

    def __init__(self, i, o, k=3, name="eval_conv", bias=True):
        super().__init__()
        setattr(self, name, nn.Conv2d(i, o, k, padding=k // 2, bias=bias))
        self.name = name

    def forward(self, x):
        return getattr(self, self.name)(x)


def up(nf, r, inner=None):
    return nn.Sequential(inner or nn.Conv2d(nf, 3 * r * r, 3, padding=1),
                         nn.PixelShuffle(r))


def gate(y, x):
    return (y + x) * (torch.sigmoid(y) - 0.5)


class Gated(nn.Module):
    def __init__(self, i, nf, convs=("c1_r", "c2_r", "c3_r")):
        super().__init__()
        self.convs = convs
        for k, name in enumerate(convs):
            setattr(self, name, Conv(nf if k else i, nf))

    def forward(self, x, y=None):
        """y: what the first of three convolutions made, where x has none."""
        first = None
        for name in self.convs:
            y = getattr(self, name)(x if y is None else F.silu(y))
            first = F.silu(y) if first is None else first
        return (gate(y, x) if y.shape == x.shape else y), first


def chain(net, x, first=1):
    """block_FIRST on: the value after each."""
    out = []
    while hasattr(net, f"block_{first}"):
        x = getattr(net, f"block_{first}")(x)
        x, seen = x if isinstance(x, tuple) else (x, None)
        out.append((x, seen))
        first += 1
    return out


class TsrBlock(nn.Module):
    def __init__(self, nf, more):
        super().__init__()
        self.c1_r, self.c2_r, self.c3_r = Conv(nf, nf), Conv(nf, nf), Conv(nf, nf)
        self._extern_conv_block = nn.ModuleList(Conv(nf, nf) for _ in range(more))

    def forward(self, x):
        y = x
        for c in (self.c1_r, self.c2_r, *self._extern_conv_block, self.c3_r):
            y = F.silu(c(y))
        return x + y


class Tsr(nn.Module):
    """TSR; with a last 1x1 TSSR and DISP."""

    def __init__(self, nf=6, r=4, small=False):
        super().__init__()
        self.conv_1 = Conv(3, nf)
        self.blocks = nn.Sequential(*[TsrBlock(nf, i) for i in (1, 1, 2)])
        self.conv_2 = nn.Conv2d(nf, nf, 1) if small else Conv(nf, nf)
        self.upsampler = up(nf, r)

    def forward(self, x):
        x = self.conv_1(x)
        return self.upsampler(self.conv_2(self.blocks(x)) + x)


class ErrnBlock(nn.Module):
    def __init__(self, nf):
        super().__init__()
        for i in range(1, 5):
            setattr(self, f"rep{i}", Conv(nf, nf, name="rep_conv"))

    def forward(self, x):
        y = self.rep1(x)
        for c in self.rep2, self.rep3, self.rep4:
            y = c(F.leaky_relu(y, 0.1))
        return gate(y, x)


class Errn(nn.Module):
    def __init__(self, nf=6, r=4):
        super().__init__()
        self.conv_1 = nn.Conv2d(3, nf, 3, padding=1)
        for i in range(1, 4):
            setattr(self, f"block_{i}", ErrnBlock(nf))
        self.conv_2 = nn.Conv2d(nf, nf, 3, padding=1)
        self.upsampler = up(nf, r)

    def forward(self, x):
        x = self.conv_1(x)
        return self.upsampler(self.conv_2(chain(self, x)[-1][0]) + x)


class Espan(nn.Module):
    def __init__(self, nf=6, r=4):
        super().__init__()
        self.conv_1 = Conv(3, nf, 9)
        for i in range(1, 4):
            setattr(self, f"block_{i}", Gated(nf, nf))
        self.teacher_block_seq = Gated(nf, nf, ("c1_r", "c2_r"))
        self.tea_conv_cat = nn.Conv2d(4 * nf, nf, 1)
        self.tea_conv_2 = Conv(nf, nf)
        self.tea_upsampler = up(nf, r, Conv(nf, 3 * r * r))

    def forward(self, x):
        head = self.conv_1(x)
        all = chain(self, head)
        y = self.teacher_block_seq(all[-1][0])[0]
        y = torch.cat([head, self.tea_conv_2(y), all[0][0], y], 1)
        return self.tea_upsampler(self.tea_conv_cat(y))


class Spanv2Block(nn.Module):
    def __init__(self, i, nf):
        super().__init__()
        for k in range(1, 4):
            setattr(self, f"c{k}", Conv(nf if k > 1 else i, nf, name="conv",
                                        bias=False))
        if i == nf:
            self.guidance_map_conv = nn.Conv2d(nf, nf, 1)

    def forward(self, x):
        y = self.c3(F.relu(self.c2(F.relu(self.c1(x)))))
        if y.shape != x.shape:
            return F.relu(y)
        return (x + y) * self.guidance_map_conv(y)


def near(r):
    return nn.Conv2d(3, 3 * r * r, 3, padding=1, groups=3, bias=False)


class Spanv2(nn.Module):
    def __init__(self, nf=6, r=4):
        super().__init__()
        for i in range(1, 4):
            setattr(self, f"block_{i}", Spanv2Block(nf if i > 1 else 3, nf))
        self.conv_near = near(r)
        c = nf + 3 * r * r
        self.depthwise_conv = nn.Conv2d(c, c, 3, padding=1, groups=c, bias=False)
        self.pointwise_conv = nn.Conv2d(c, 3 * r * r, 1, bias=False)
        self.depth_to_space = nn.PixelShuffle(r)

    def forward(self, x):
        y = torch.cat([self.conv_near(x), chain(self, x)[-1][0]], 1)
        return self.depth_to_space(self.pointwise_conv(self.depthwise_conv(y)))


class Pds(nn.Module):
    def __init__(self, nf=6, end=5, r=4):
        super().__init__()
        self.conv_near = near(r)
        for i in range(1, 4):
            setattr(self, f"block_{i}", Gated(nf if i > 1 else 3, nf))
        self.conv_cat_1 = nn.Conv2d(2 * nf + 3 * r * r, end, 1)
        self.conv_2_1 = Conv(end, 3 * r * r)
        self.depth_to_space = nn.PixelShuffle(r)

    def forward(self, x):
        all = chain(self, x)
        y = torch.cat([self.conv_near(x), all[-1][0], all[0][0]], 1)
        return self.depth_to_space(self.conv_2_1(self.conv_cat_1(y)))


class Dscf(nn.Module):
    def __init__(self, nf=6, r=4):
        super().__init__()
        self.conv_1 = Conv(3, nf)
        self.conv_fused = nn.Conv2d(3, nf, 5, padding=2)
        self.block_1 = Gated(nf, nf, ("c2_r", "c3_r"))
        for i in (2, 3, 4):
            setattr(self, f"block_{i}", Gated(nf, nf))
        self.conv_cat_other = nn.Conv2d(3 * nf, nf, 1)
        self.conv2_fused = nn.Conv2d(nf, nf, 3, padding=1, bias=False)
        self.upsampler = up(nf, r)

    def forward(self, x):
        mean = torch.tensor((0.4488, 0.4371, 0.4040)).view(1, 3, 1, 1)
        x = (x - mean.to(x)) * 255
        head = self.conv_1(x)
        b1 = self.block_1(head, self.conv_fused(x))[0]
        last, first = chain(self, b1, 2)[-1]
        y = self.conv_cat_other(torch.cat([head, b1, first], 1))
        return self.upsampler(y + self.conv2_fused(last))


class NanoBlock(nn.Module):
    def __init__(self, nf):
        super().__init__()
        self.feature_extractor = Conv(nf, nf, name="conv")
        self.pixel_attention = nn.Module()
        for k in "123":
            setattr(self.pixel_attention, "conv_" + k, Conv(nf, nf, name="conv"))

    def forward(self, x):
        x, a = self.feature_extractor(x), self.pixel_attention
        first = F.silu(a.conv_1(x))
        return gate(a.conv_3(F.silu(a.conv_2(first))), x), first


class Joined(nn.Module):
    """As SPAN ends: the head, the end, the first block, a part of the last."""

    def forward(self, x):
        mean = torch.tensor((0.4488, 0.4371, 0.4040)).view(1, 3, 1, 1)
        head = self.conv_1((x - mean.to(x)) * 255)
        all = chain(self, head)
        y, first = all[-1]
        y = self.conv_cat(torch.cat([head, self.end(y), all[0][0], first], 1))
        return self.upsampler(y)


class Nano(Joined):
    def __init__(self, nf=6, r=4):
        super().__init__()
        self.conv_1 = Conv(3, nf, name="conv")
        for i in range(1, 4):
            setattr(self, f"block_{i}", NanoBlock(nf))
        self.conv_2 = Conv(nf, nf, name="conv")
        self.conv_cat, self.upsampler = nn.Conv2d(4 * nf, nf, 1), up(nf, r)

    def end(self, x):
        return self.conv_2(x)


class Spare(nn.Module):
    def __init__(self, nf):
        super().__init__()
        self.c1_r = Conv(nf, nf)


class Esrnet(Joined):
    def __init__(self, nf=6, r=2):
        super().__init__()
        self.conv_1 = Conv(3, nf)
        for i in range(1, 4):
            setattr(self, f"block_{i}", Gated(nf, nf))
        self.conv_2, self.spare = Conv(nf, nf), Spare(nf)
        self.conv_cat, self.upsampler = nn.Conv2d(4 * nf, nf, 1), up(nf, r)

    def end(self, x):
        return self.conv_2(x) + 1e-5 * self.spare.c1_r(x)

    def settle(self):
        """So large that it would be missed."""
        with torch.no_grad():
            self.spare.c1_r.eval_conv.weight *= 1e5


class PfdnBlock(nn.Module):
    def __init__(self, nf, prune):
        super().__init__()
        body = [nn.Conv2d(nf, 4, 1), nn.MaxPool2d(7, 3),
                nn.Conv2d(4, 4, 3, 2, 1), nn.Conv2d(4, nf, 3, 1, 1)]
        self.attn = nn.Module()
        self.attn.body = nn.Sequential(*body)
        h = self.h = nf // 2
        self.conv1 = nn.Conv2d(nf, h if prune else nf, 3, 1, 1)
        self.conv2 = None if prune else nn.Conv2d(h, h, 3, 1, 1)
        self.conv3 = nn.Conv2d(nf, nf, 3, 1, 1)

    def forward(self, x):
        heat = torch.sigmoid(self.attn.body(x))
        heat = F.interpolate(heat, x.shape[2:], mode="bilinear")
        x = heat * torch.sigmoid(x[:, :1]) * x
        y = F.silu(self.conv1(x))
        if self.conv2:
            y = torch.cat([F.silu(self.conv2(y[:, :self.h])), y[:, self.h:]], 1)
        else:
            y = torch.cat([y, x[:, self.h:]], 1)
        return F.silu(self.conv3(y)) + x


class Pfdn(nn.Module):
    def __init__(self, nf=8, r=4):
        super().__init__()
        self.head, self.r = nn.Conv2d(3, nf, 3, 1, 1), r
        for i in range(1, 4):
            setattr(self, f"block{i}", PfdnBlock(nf, i == 2))
        self.tail = nn.Sequential(nn.Conv2d(nf, 3 * r * r, 3, 1, 1))

    def forward(self, x):
        y = self.head(x)
        for b in self.block1, self.block2, self.block3:
            y = b(y)
        y = self.tail(y) + x.repeat_interleave(self.r**2, 1)
        return F.pixel_shuffle(y, self.r)
