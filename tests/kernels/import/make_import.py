#!/usr/bin/env python3
# Makes small files of other programs' networks and records what PyTorch makes
# of them: NAME.pth, NAME.safetensors, NAME.onnx, and outputs.safetensors with
# NAME.in and NAME.out. SPDX-License-Identifier: LGPL-2.1-or-later
#
# Run by hand: python3 make_import.py [NAME...]; needs PyTorch, and safetensors,
# onnx and spandrel for what is theirs. Weights are random; the networks are
# written here from their descriptions, in the smallest sizes, under the
# families' own names of tensors. Where spandrel knows the family, it must load
# the same weights and agree.
import os
import sys

import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file
from torch import nn

import make_esa
import make_ncnn
import make_ntire as ntire

HERE = os.path.dirname(os.path.abspath(__file__))
OUT = os.path.join(HERE, "outputs.safetensors")
record = load_file(OUT) if os.path.exists(OUT) else {}
wanted = sys.argv[1:]


def conv(i, o, k=3, **kw):
    return nn.Conv2d(i, o, k, padding=k // 2, **kw)


class Compact(nn.Module):
    def __init__(self, c=3, nf=6, nb=2, r=4):
        super().__init__()
        layers = [conv(c, nf), nn.PReLU(nf)]
        for _ in range(nb):
            layers += [conv(nf, nf), nn.PReLU(nf)]
        self.body = nn.ModuleList(layers + [conv(nf, c * r * r)])
        self.r = r

    def forward(self, x):
        y = x
        for layer in self.body:
            y = layer(y)
        y = F.pixel_shuffle(y, self.r)
        return y + F.interpolate(x, scale_factor=self.r, mode="nearest")


class Dense(nn.Module):
    def __init__(self, nf, gc, plus=False):
        super().__init__()
        self.conv1x1 = nn.Conv2d(nf, gc, 1, bias=False) if plus else None
        for i in range(5):
            setattr(self, f"conv{i + 1}",
                    conv(nf + i * gc, gc if i < 4 else nf))

    def forward(self, x):
        all = [x]
        for i in range(1, 5):
            y = F.leaky_relu(getattr(self, f"conv{i}")(torch.cat(all, 1)), 0.2)
            if self.conv1x1 and i % 2 == 0:
                y = y + (self.conv1x1(x) if i == 2 else all[2])
            all.append(y)
        return self.conv5(torch.cat(all, 1)) * 0.2 + x


class Block(nn.Module):
    def __init__(self, nf, gc, plus=False):
        super().__init__()
        for i in range(3):
            setattr(self, f"rdb{i + 1}", Dense(nf, gc, plus))

    def forward(self, x):
        return self.rdb3(self.rdb2(self.rdb1(x))) * 0.2 + x


class Esrgan(nn.Module):
    def __init__(self, nf=8, gc=4, nb=2, r=4, plus=False, ups=(2, 2)):
        super().__init__()
        self.unshuffle = 4 // r
        self.ups = ups
        self.conv_first = conv(3 * self.unshuffle**2, nf)
        self.body = nn.ModuleList([Block(nf, gc, plus) for _ in range(nb)])
        self.conv_body = conv(nf, nf)
        for i in range(len(ups)):
            setattr(self, f"conv_up{i + 1}", conv(nf, nf))
        self.conv_hr = conv(nf, nf)
        self.conv_last = conv(nf, 3)

    def forward(self, x):
        x = F.pixel_unshuffle(x, self.unshuffle)
        head = x = self.conv_first(x)
        for b in self.body:
            x = b(x)
        x = self.conv_body(x) + head
        for i, up in enumerate(self.ups):
            x = F.interpolate(x, scale_factor=up, mode="nearest")
            x = F.leaky_relu(getattr(self, f"conv_up{i + 1}")(x), 0.2)
        return self.conv_last(F.leaky_relu(self.conv_hr(x), 0.2))


def numbered(sd, nb, ups=2):
    """The names of the first ESRGAN."""
    layers = {"conv_first": "model.0", "conv_body": f"model.1.sub.{nb}",
              "conv_up1": "model.3", "conv_up2": "model.6",
              "conv_hr": f"model.{3 * ups + 2}",
              "conv_last": f"model.{3 * ups + 4}"}
    out = {}
    for k, v in sd.items():
        name, kind = k.rsplit(".", 1)
        if name in layers:
            out[f"{layers[name]}.{kind}"] = v
        else:
            _, i, rdb, c = name.split(".")
            c += "" if c == "conv1x1" else ".0"
            out[f"model.1.sub.{i}.{rdb.upper()}.{c}.{kind}"] = v
    return out


def trunk(sd):
    """The names of the rewritten ESRGAN (BSRGAN, RealSR)."""
    layers = {"conv_body": "trunk_conv", "conv_up1": "upconv1",
              "conv_up2": "upconv2", "conv_hr": "HRconv"}
    out = {}
    for k, v in sd.items():
        name, kind = k.rsplit(".", 1)
        if name.startswith("body."):
            _, i, rdb, c = name.split(".")
            name = f"RRDB_trunk.{i}.{rdb.upper()}.{c}"
        out[f"{layers.get(name, name)}.{kind}"] = v
    return out


class Conv3XC(nn.Module):
    """Parts, and beside them a merged layer that training left behind."""

    def __init__(self, i, o):
        super().__init__()
        self.sk = nn.Conv2d(i, o, 1)
        self.conv = nn.Sequential(nn.Conv2d(i, 2 * i, 1),
                                  nn.Conv2d(2 * i, 2 * o, 3),
                                  nn.Conv2d(2 * o, o, 1))
        self.eval_conv = conv(i, o)

    def forward(self, x):
        return self.conv(F.pad(x, (1, 1, 1, 1))) + self.sk(x)


class Merged(nn.Module):
    def __init__(self, i, o):
        super().__init__()
        self.eval_conv = conv(i, o)

    def forward(self, x):
        return self.eval_conv(x)


class Spab(nn.Module):
    def __init__(self, i, nf, kind):
        super().__init__()
        self.c1_r = kind(i, nf)
        self.c2_r = kind(nf, nf)
        self.c3_r = kind(nf, nf)

    def forward(self, x):
        y1 = F.silu(self.c1_r(x))
        y = self.c3_r(F.silu(self.c2_r(y1)))
        if y.shape == x.shape:
            y = (y + x) * (torch.sigmoid(y) - 0.5)
        return y, y1


class Span(nn.Module):
    def __init__(self, nf=8, r=2, norm=True):
        super().__init__()
        self.norm = norm
        if not norm:
            self.register_buffer("no_norm", torch.zeros(1))
        self.conv_1 = Conv3XC(3, nf)
        for i in range(6):
            setattr(self, f"block_{i + 1}", Spab(nf, nf, Conv3XC))
        self.conv_cat = nn.Conv2d(4 * nf, nf, 1)
        self.conv_2 = Conv3XC(nf, nf)
        self.upsampler = nn.Sequential(conv(nf, 3 * r * r), nn.PixelShuffle(r))

    def forward(self, x):
        if self.norm:
            mean = torch.tensor((0.4488, 0.4371, 0.4040)).view(1, 3, 1, 1)
            x = (x - mean.to(x)) * 255
        head = x = self.conv_1(x)
        for i in range(6):
            x, y1 = getattr(self, f"block_{i + 1}")(x)
            if not i:
                b1 = x
        x = torch.cat([head, self.conv_2(x), b1, y1], 1)
        return self.upsampler(self.conv_cat(x))


class Spanf(nn.Module):
    def __init__(self, nf=8, r=4):
        super().__init__()
        self.conv_near = conv(3, 3 * r * r, groups=3, bias=False)
        for i in range(5):
            setattr(self, f"block_{i + 1}",
                    Spab(nf if i else 3, nf, Merged))
        self.conv_cat = nn.Conv2d(2 * nf + 3 * r * r, nf, 1)
        self.conv_2 = Merged(nf, 3 * r * r)
        self.r = r

    def forward(self, x):
        near = self.conv_near(x)
        for i in range(5):
            x, _ = getattr(self, f"block_{i + 1}")(x)
            if not i:
                b1 = x
        x = self.conv_2(self.conv_cat(torch.cat([near, x, b1], 1)))
        return F.pixel_shuffle(x, self.r)


class Lk(nn.Module):
    def __init__(self, n, k):
        super().__init__()
        self.conv = conv(n, n, k)

    def forward(self, x):
        n = self.conv.weight.shape[0]
        return torch.cat([self.conv(x[:, :n]), x[:, n:]], 1)


class Gate(nn.Module):
    def __init__(self, nf):
        super().__init__()
        self.f = nn.Sequential(conv(nf, nf), nn.Sigmoid())

    def forward(self, x):
        return x * self.f(x)


class ChannelNorm(nn.Module):
    def __init__(self, nf):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(nf))
        self.bias = nn.Parameter(torch.zeros(nf))

    def forward(self, x):
        x = F.layer_norm(x.permute(0, 2, 3, 1), self.weight.shape,
                         self.weight, self.bias, 1e-6)
        return x.permute(0, 3, 1, 2)


class PlkBlock(nn.Module):
    def __init__(self, nf, real, layer_norm, k):
        super().__init__()
        self.real, self.ln = real, layer_norm
        mixer = nn.Sequential(conv(nf, 2 * nf),
                              nn.Mish() if real else nn.GELU(),
                              conv(2 * nf, nf, 3 if real else 1))
        setattr(self, "channel_mixer" if real else "channe_mixer", mixer)
        self.mixer = lambda x: mixer(x)
        self.lk = Lk(nf // 4, k)
        self.attn = Gate(nf)
        self.refine = nn.Conv2d(nf, nf, 1)
        if layer_norm:
            self.layer_norm = ChannelNorm(nf)
        elif real:
            self.norm = nn.GroupNorm(4, nf)

    def forward(self, x):
        y = self.mixer(self.layer_norm(x) if self.ln else x)
        y = self.refine(self.attn(self.lk(y)))
        return x + (self.norm(y) if self.real and not self.ln else y)


class DySample(nn.Module):
    """Pixel by pixel where the published code calls grid_sample."""

    def __init__(self, c, out, r, groups):
        super().__init__()
        self.r, self.groups = r, groups
        self.end_conv = nn.Conv2d(c, out, 1)
        self.offset = nn.Conv2d(c, 2 * groups * r * r, 1)
        self.scope = nn.Conv2d(c, 2 * groups * r * r, 1, bias=False)
        at = (torch.arange(r) - (r - 1) / 2) / r
        pos = torch.zeros(2, groups, r, r)
        pos[0] = at.view(1, 1, r)
        pos[1] = at.view(1, r, 1)
        self.register_buffer("init_pos", pos.reshape(1, -1, 1, 1))

    def forward(self, x):
        n, c, h, w = x.shape
        r, g = self.r, self.groups
        d = self.offset(x) * self.scope(x).sigmoid() * 0.5 + self.init_pos
        d = F.pixel_shuffle(d, r).view(2, g, r * h, r * w)
        px = torch.arange(w).repeat_interleave(r) + d[0]
        py = torch.arange(h).repeat_interleave(r).view(-1, 1) + d[1]
        grid = torch.stack([(px + 0.5) / w, (py + 0.5) / h], -1) * 2 - 1
        y = F.grid_sample(x.view(g, c // g, h, w), grid, "bilinear", "border",
                          align_corners=False)
        return self.end_conv(y.view(1, c, r * h, r * w))


class Plksr(nn.Module):
    def __init__(self, nf=8, nb=2, r=2, real=True, layer_norm=False, k=17,
                 dysample=False):
        super().__init__()
        self.to_img = (DySample(3 * r * r, 3, r, 3 if r % 2 else 4)
                       if dysample else nn.PixelShuffle(r))
        blocks = [PlkBlock(nf, real, layer_norm, k) for _ in range(nb)]
        self.feats = nn.Sequential(
            conv(3, nf), *blocks, *([nn.Dropout2d(0.5)] if real else []),
            conv(nf, 3 * r * r))
        self.r = r

    def forward(self, x):
        y = self.feats(x) + x.repeat_interleave(self.r**2, 1)
        return self.to_img(y)


class MoBlock(nn.Module):
    def __init__(self, nf, hidden, deep):
        super().__init__()
        self.norm = ChannelNorm(nf)
        self.fc1 = conv(nf, 2 * hidden)
        self.conv = conv(deep, deep, 7, groups=deep)
        self.fc2 = conv(hidden, nf)
        self.parts = hidden, hidden - deep, deep

    def forward(self, x):
        g, past, deep = self.fc1(self.norm(x)).split(self.parts, 1)
        y = torch.cat([past, self.conv(deep)], 1) * F.mish(g)
        return F.mish(self.fc2(y)) + x - 0.5


class MoShort(nn.Module):
    def __init__(self, nf):
        super().__init__()
        self.block = nn.Sequential(conv(3, nf), nn.Mish(), conv(nf, nf), nn.Mish())
        self.conv11 = nn.Conv2d(3, nf, 1)

    def forward(self, x):
        return self.block(x) + self.conv11(x)


class Gps(nn.Module):
    def __init__(self, nf, r):
        super().__init__()
        self.in_to_k = conv(nf, 3 * r * r * 8)
        self.r = r

    def forward(self, x):
        y = self.in_to_k(x).unflatten(1, (8, -1)).mean(1)
        return F.pixel_shuffle(y, self.r)


class Mosr(nn.Module):
    def __init__(self, nf=8, r=2, up="ps", deep=8):
        super().__init__()
        self.gblocks = nn.Sequential(
            conv(3, nf), *[MoBlock(nf, nf + nf // 2, deep) for _ in range(2)],
            conv(nf, 2 * nf), nn.Mish(), conv(2 * nf, nf), nn.Mish(),
            nn.Conv2d(nf, nf, 1))
        self.shortcut = MoShort(nf)
        self.upsampler = (Gps(nf, r) if up == "gps" else
                          DySample(nf, 3, r, 4) if up == "dys" else
                          nn.Sequential(conv(nf, 3 * r * r), nn.PixelShuffle(r)))

    def forward(self, x):
        return self.upsampler(self.gblocks(x) + self.shortcut(x) - 0.5)


def warp(x, flow):
    n, _, h, w = x.shape
    px = torch.arange(w) + flow[:, 0]
    py = torch.arange(h).view(-1, 1) + flow[:, 1]
    grid = torch.stack([px / (w - 1), py / (h - 1)], -1) * 2 - 1
    return F.grid_sample(x, grid.to(x), "bilinear", "border",
                         align_corners=True)


def leaky(i, o):
    return nn.Sequential(nn.Conv2d(i, o, 3, 2, 1), nn.LeakyReLU(0.2))


class IfRes(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.conv = conv(c, c)
        self.beta = nn.Parameter(torch.ones(1, c, 1, 1))

    def forward(self, x):
        return F.leaky_relu(self.conv(x) * self.beta + x, 0.2)


class IfBlock(nn.Module):
    def __init__(self, i, c, o):
        super().__init__()
        self.conv0 = nn.Sequential(leaky(i, c // 2), leaky(c // 2, c))
        self.convblock = nn.Sequential(*[IfRes(c) for _ in range(8)])
        self.lastconv = nn.Sequential(nn.ConvTranspose2d(c, 4 * o, 4, 2, 1),
                                      nn.PixelShuffle(2))

    def forward(self, x, flow, s):
        def sized(v, by):
            return F.interpolate(v, scale_factor=by, mode="bilinear")
        x = sized(x, 1 / s)
        if flow is not None:
            x = torch.cat([x, sized(flow, 1 / s) / s], 1)
        y = sized(self.lastconv(self.convblock(self.conv0(x))), float(s))
        return y[:, :4] * s, y[:, 4:5], y[:, 5:]


class Encoder(nn.Module):
    def __init__(self, c=8):
        super().__init__()
        self.cnn0 = nn.Conv2d(3, c, 3, 2, 1)
        self.cnn1 = conv(c, c)
        self.cnn2 = conv(c, c)
        self.cnn3 = nn.ConvTranspose2d(c, 4, 4, 2, 1)

    def forward(self, x):
        for c in self.cnn0, self.cnn1, self.cnn2:
            x = F.leaky_relu(c(x), 0.2)
        return self.cnn3(x)


class Ifnet(nn.Module):
    """RIFE 4.6; with an encoder 4.25 and 4.26. Frames, then the time."""

    def __init__(self, encoder=False, widths=(8, 6, 4, 4)):
        super().__init__()
        self.encode = Encoder() if encoder else None
        more, out = (8, 13) if encoder else (0, 6)
        for i, c in enumerate(widths):
            size = 12 + more + (out - 5 if encoder else 0) if i else 7 + more
            setattr(self, f"block{i}", IfBlock(size, c, out))
        self.nb = len(widths)

    def forward(self, x):
        h, w = x.shape[2:]
        x = F.pad(x, (0, -w % 64, 0, -h % 64), mode="replicate")
        a, b, t = x[:, :3], x[:, 3:6], x[:, 6:]
        e = [self.encode(v) for v in (a, b)] if self.encode else []
        flow, mask, feat, wa, wb, we = None, None, None, a, b, e
        for i in range(self.nb):
            parts = [wa, wb, *we, t] + ([mask] if i else [])
            parts += [feat] if i and e else []
            f, m, feat = getattr(self, f"block{i}")(
                torch.cat(parts, 1), flow, 2 ** (self.nb - 1 - i))
            flow = flow + f if i else f
            mask = mask + m if i and not e else m
            ways = flow[:, :2], flow[:, 2:]
            wa, wb = warp(a, ways[0]), warp(b, ways[1])
            we = [warp(v, way) for v, way in zip(e, ways)]
        mask = mask.sigmoid()
        return (wa * mask + wb * (1 - mask))[:, :, :h, :w]


def frames(h, w):
    """Two smooth pictures, the second one moved, and a time."""
    noise = F.interpolate(torch.rand(1, 3, h // 8 + 2, w // 8 + 2),
                          size=(h + 3, w + 3), mode="bicubic").clamp(0, 1)
    return torch.cat([noise[:, :, :h, :w], noise[:, :, 3:, 2:w + 2],
                      torch.full((1, 1, h, w), 0.375)], 1)


def agree(sd, x, y):
    try:
        import spandrel
    except ImportError:
        return "not checked: no spandrel"
    sd = {k: v.clone() for k, v in sd.items()}
    try:
        net = spandrel.ModelLoader().load_from_state_dict(sd).model.eval()
    except spandrel.UnsupportedModelError:
        return "not known to spandrel"
    with torch.no_grad():
        d = (net(x.float()) - y.float()).abs().max().item()
    assert d < 1e-4 * max(1, y.abs().max().item()), d
    return f"as spandrel, to {d:.1e}"


def make(name, net, save, names=None, w=13, h=9, tame=1.0, check=True,
         half=0, input=None):
    if wanted and name not in wanted:
        return
    torch.manual_seed(sum(name.encode()))
    net = net().eval()
    with torch.no_grad():
        for p in net.parameters():
            p.copy_(torch.randn(p.shape) * tame *
                    (0.1 if p.dim() < 2 else p[0].numel() ** -0.5))
            if half:
                p.copy_(p.half().float())
    if hasattr(net, "settle"):
        net.settle()
    sd = net.state_dict()
    sd = names(sd) if names else sd
    x = input(h, w) if input else torch.rand(1, 3, h, w)
    with torch.no_grad():
        y = net.double()(x.double()).float()
    net.float()
    said = agree(sd, x, y) if check else ""
    if not save:
        return print(f"{name}: {said}")
    record[name + ".in"], record[name + ".out"] = x, y.contiguous()
    save(os.path.join(HERE, name), sd, net)
    print(f"{name}: {tuple(y.shape)}, sd {y.std():.3f}, {said}")


def pth(wrap=lambda sd: sd, **kw):
    return lambda path, sd, net: torch.save(wrap(dict(sd)), path + ".pth", **kw)


def safetensors(path, sd, net):
    save_file({k: v.contiguous() for k, v in sd.items()},
              path + ".safetensors")


class Last(nn.Module):
    """N, H, W, C outside."""

    def __init__(self, net):
        super().__init__()
        self.net = net

    def forward(self, x):
        return self.net(x.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)


def onnx(opset=17, static=False, last=False, **kw):
    def save(path, sd, net):
        size = record[os.path.basename(path) + ".in"].shape if static else 0
        x = torch.rand(size or (1, 3, 16, 24))
        axes = {0: "n", 2: "h", 3: "w"}
        if last:
            net, x = Last(net), x.permute(0, 2, 3, 1)
            axes = {0: "n", 1: "h", 2: "w"}
        torch.onnx.export(
            net, (x,), path + ".onnx", opset_version=opset, dynamo=False,
            input_names=["in"], output_names=["out"],
            dynamic_axes=None if static else {"in": axes, "out": axes}, **kw)
    return save


class Mixed(nn.Module):
    """Many operators in odd forms, for the reader of ONNX."""

    def __init__(self):
        super().__init__()
        self.a = nn.Conv2d(3, 8, (3, 1), padding=(1, 0))
        self.b = nn.Conv2d(8, 8, 3, padding=2, dilation=2, groups=4)
        self.bn = nn.BatchNorm2d(8)
        self.c = nn.Conv2d(8, 8, 1)
        self.gain = nn.Parameter(torch.ones(1, 8, 1, 1))
        self.shift = nn.Parameter(torch.ones(8, 1, 1))
        self.p = nn.PReLU()
        self.down = nn.Conv2d(8, 8, 4, stride=2, padding=1)
        self.up = nn.ConvTranspose2d(8, 8, 4, stride=2, padding=1)
        self.tail = nn.Conv2d(16, 12, 3)

    def forward(self, x):
        y = F.gelu(self.a(x))
        y = F.mish(self.b(y)) + F.silu(self.bn(y))
        z, w = y.chunk(2, 1)
        y = torch.cat([w * torch.sigmoid(z), torch.tanh(z) - w / 3], 1)
        y = self.p(self.c(y) * self.gain + self.shift)
        y = y * F.adaptive_avg_pool2d(y, 1) + F.hardswish(y) * 0.5
        y = 1.5 - self.up(F.relu6(self.down(y))) + F.leaky_relu(y)
        y = torch.cat([y[:, 2:6], y.clamp(-0.3, 0.4), y[:, :4] ** 2], 1)
        y = self.tail(F.pad(y, (1, 1, 1, 1), mode="reflect"))
        y = F.pixel_shuffle(y, 2)
        y = y + F.interpolate(x, scale_factor=2, mode="bilinear")
        return y.clamp(0, 1) if self.training else y


class Norms(nn.Module):
    """The norms' forms, and scaling by cubic curves and ratios."""

    def __init__(self, group=False):
        super().__init__()
        self.a = conv(3, 8)
        self.ln = nn.LayerNorm(8)
        self.cn = ChannelNorm2(8)
        self.gn = nn.GroupNorm(2, 8) if group else nn.Identity()
        self.b = conv(8, 12)

    def forward(self, x):
        y = self.a(x)
        y = self.ln(y.permute(0, 2, 3, 1)).permute(0, 3, 1, 2) + y
        y = self.gn(self.cn(F.relu(y))) * y
        y = F.pixel_shuffle(self.b(y), 2)
        z = F.interpolate(x, scale_factor=4, mode="bicubic")
        z = F.interpolate(z, scale_factor=0.75, mode="bicubic")
        y = F.interpolate(y, scale_factor=1.5, mode="bilinear")
        return y + z


class ChannelNorm2(ChannelNorm):
    """As it is written out in the files of many."""

    def forward(self, x):
        u = x.mean(1, keepdim=True)
        s = (x - u).pow(2).mean(1, keepdim=True)
        x = (x - u) / torch.sqrt(s + 1e-6)
        return self.weight[:, None, None] * x + self.bias[:, None, None]


class Plain(nn.Module):
    """As the efficient networks of NTIRE 2024 to 2026 are built: convolutions,
    activations, gates, residuals, values put side by side, a shuffle."""

    def __init__(self, nf=8, r=4):
        super().__init__()
        self.head = conv(3, nf)
        self.c1 = nn.ModuleList(conv(nf, nf) for _ in range(3))
        self.c2 = nn.ModuleList(conv(nf, nf) for _ in range(3))
        self.d = nn.ModuleList(conv(nf, nf // 2, 1) for _ in range(3))
        self.gate = nn.ModuleList(conv(nf, nf, 1) for _ in range(3))
        self.cat = conv(nf + 3 * (nf // 2), nf, 1)
        self.tail = conv(nf, 3 * r * r)
        self.r = r

    def forward(self, x):
        head = y = self.head(x)
        kept = []
        for a, b, d, g in zip(self.c1, self.c2, self.d, self.gate):
            kept.append(d(y))
            z = b(F.gelu(a(y))) + y
            y = z * torch.sigmoid(g(F.adaptive_avg_pool2d(z, 1)))
            y = F.leaky_relu(y, 0.05)
        y = self.cat(torch.cat([y, *kept], 1)) + head
        y = F.pixel_shuffle(self.tail(y), self.r)
        return y


def prefixed(sd):
    return {"module." + k: v for k, v in sd.items()}


def turned(sd):
    """The same values under other strides, two tensors in one storage."""
    both = torch.cat([v.flatten() for v in sd.values()])
    at, out = 0, {}
    for k, v in sd.items():
        out[k] = both[at:at + v.numel()].view(v.shape)
        at += v.numel()
        if v.dim() == 4:
            out[k] = v.permute(2, 3, 1, 0).contiguous().permute(3, 2, 0, 1)
    return out


make("compact", Compact, pth(lambda sd: {"params": sd}))
make("compact_x1", lambda: Compact(nf=5, nb=1, r=1),
     pth(pickle_protocol=4), check=False)
make("compact_strides", Compact, pth(turned))
make("compact_half", Compact,
     pth(lambda sd: {"params": {k: v.half() for k, v in sd.items()}}), half=1)
make("compact_st", lambda: Compact(r=2), safetensors)
make("esrgan", lambda: Esrgan(nb=1), pth(lambda sd: {"params_ema": sd, "step": 5}),
     check=False)
make("esrgan_old", lambda: Esrgan(nf=4), pth(), names=lambda sd: numbered(sd, 2),
     check=False)
make("esrgan_trunk", lambda: Esrgan(nb=1), pth(prefixed), names=trunk,
     check=False)
make("esrgan_x2", lambda: Esrgan(r=2, nb=1), safetensors, w=14, h=10,
     check=False)
make("esrgan_plus", lambda: Esrgan(nf=4, nb=1, plus=True), pth(),
     names=lambda sd: numbered(sd, 1), check=False)
# spandrel knows growths of 32 alone: too large to keep.
for plus in (False, True):
    make("esrgan_32", lambda: Esrgan(nf=4, gc=32, nb=2, plus=plus), None,
         names=lambda sd: numbered(sd, 2))
make("3x_esrgan", lambda: Esrgan(nf=4, nb=1, ups=(3,)), pth(),
     names=lambda sd: numbered(sd, 1, 1), check=False)
make("span", lambda: Span(nf=4), pth(lambda sd: {"state_dict": sd}), tame=0.7)
make("span_nonorm", lambda: Span(nf=4, norm=False), safetensors)
make("spanf", Spanf, pth())
make("tsr", ntire.Tsr, pth(lambda sd: {"params_ema": sd}), check=False)
make("tssr", lambda: ntire.Tsr(r=2, small=True), safetensors, check=False)
make("errn", ntire.Errn, pth(), check=False)
make("espan", ntire.Espan, pth(), check=False)
make("spanv2", ntire.Spanv2, safetensors, check=False)
make("pds", ntire.Pds, pth(), check=False)
make("dscf", ntire.Dscf, pth(), tame=0.7, check=False)
make("nanosr", ntire.Nano, pth(), tame=0.7, check=False)
make("esrnet", ntire.Esrnet, pth(), tame=0.7, check=False,
     names=lambda sd: {k.replace("spare", "block_4"): v for k, v in sd.items()})
make("pfdn", ntire.Pfdn, pth(), w=29, h=21, check=False)
make("mosr", Mosr, pth(lambda sd: {"params_ema": sd}))
make("mosr_gps", lambda: Mosr(r=4, up="gps", deep=12), safetensors)
make("mosr_dys", lambda: Mosr(r=2, up="dys"), pth())
for name, net in make_esa.CASES:  # ESA takes any sides
    make(name, net, pth(), w=29, h=21, check=False)
for name, net in make_esa.ALIGNED:  # sides that 8, and 16, divide
    make(name, net, pth(), w=32, h=16, check=name == "safmn")
make("realplksr", Plksr, pth(lambda sd: {"params_ema": sd}), w=20, h=19)
make("realplksr_ln", lambda: Plksr(nb=1, layer_norm=True, k=7), safetensors)
make("realplksr_dysample", lambda: Plksr(nb=1, k=5, dysample=True), pth())
make("realplksr_dysample3",
     lambda: Plksr(nb=1, r=3, k=5, layer_norm=True, dysample=True), safetensors)
make("plksr", lambda: Plksr(nb=1, real=False, r=3, k=9), pth())
make("ifnet", Ifnet, pth(lambda sd: {"module." + k: v for k, v in sd.items()}),
     w=60, h=52, tame=0.8, check=False, input=frames)
make("ifnet_encoder", lambda: Ifnet(True, (8, 6, 4, 4, 4)), safetensors, w=60,
     h=52, tame=0.8, check=False, input=frames)
make("ncnn_ifnet", lambda: Ifnet(True, (8, 6, 4, 4, 4)), make_ncnn.ifnet, w=64,
     h=64, tame=0.8, check=False, half=1, input=frames)
make("onnx_compact", lambda: Compact(r=2), onnx(13))
make("onnx_nhwc", lambda: Compact(r=2), onnx(15, last=True), check=False)
make("onnx_esrgan_x2", lambda: Esrgan(r=2, nb=1), onnx(), w=14, h=10,
     check=False)
make("onnx_span", lambda: Span(nf=4, r=4), onnx(17), check=False, tame=0.7)
make("onnx_plksr", lambda: Plksr(nb=1, real=False, k=5), onnx(20))
make("onnx_realplksr", lambda: Plksr(nb=1, k=5), onnx(17))
make("onnx_norms", Norms, onnx(17), check=False, w=12, h=8)
make("onnx_norms_14", Norms, onnx(14), check=False, w=12, h=8)
make("onnx_norms_21", lambda: Norms(True), onnx(21), check=False, w=12, h=8)
make("onnx_plain", Plain, onnx(16), check=False)
make("onnx_esa", lambda: make_esa.Rlfn("r2", nf=4), onnx(17), check=False, w=29,
     h=21)
make("onnx_esa_static", lambda: make_esa.Rlfn("r2", nf=4), onnx(14, static=True),
     check=False, w=29, h=21)
make("onnx_mixed", Mixed, onnx(17), check=False, w=16, h=10)
make("onnx_static", Mixed, onnx(14, static=True), check=False, w=16, h=10)
save_file(record, OUT)
save_file({"input": record["compact.in"], "output": record["compact.out"]},
          os.path.join(HERE, "compact.reference.safetensors"))
