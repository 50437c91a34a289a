# Networks with attention on a much smaller map (ESA), and SAFMN and its kin,
# for make_import.py. SPDX-License-Identifier: LGPL-2.1-or-later
import torch
import torch.nn.functional as F
from torch import nn

from make_ntire import Conv, gate


def conv(i, o, k=3, **kw):
    return nn.Conv2d(i, o, k, padding=k // 2, **kw)


class Whole(nn.Module):
    """What files do not say: `range` of the pictures, `adds` the picture."""
    range, adds = 1, False

    def forward(self, x):
        y = self.core(x * self.range) / self.range
        if self.adds:
            y = y + F.interpolate(x, scale_factor=self.r, mode="bilinear")
        return y

    def settle(self):
        """The last layer's bias, so that grey stays grey."""
        with torch.no_grad():
            last = self.last[0]  # in a list: not registered twice
            last.weight *= 0.2
            y = []
            h = last.register_forward_hook(lambda m, i, o: y.append(o))
            self.core(torch.full((1, 3, 48, 48), 0.5 * self.range))
            h.remove()
            want = 0 if self.adds else 0.5 * self.range
            mean = getattr(self, "mean", torch.zeros(1)).flatten()
            want = (want - mean).repeat_interleave(len(last.bias) // len(mean))
            last.bias += want - y[0][:, :, 16:32, 16:32].mean((0, 2, 3))


class Bs(nn.Module):
    def __init__(self, i, o):
        super().__init__()
        self.pw = nn.Conv2d(i, o, 1, bias=False)
        self.dw = conv(o, o, groups=o)

    def forward(self, x):
        return self.dw(self.pw(x))


def thin(i, o):
    return nn.Sequential(conv(i, i, groups=i), nn.LeakyReLU(0.05), conv(i, o, 1))


class Esa(nn.Module):
    def __init__(self, nf, f, joined=True, old=False, c3=conv):
        super().__init__()
        self.conv1, self.conv4 = nn.Conv2d(nf, f, 1), nn.Conv2d(f, nf, 1)
        self.conv2, self.conv3 = nn.Conv2d(f, f, 3, 2), c3(f, f)
        self.conv_f = nn.Conv2d(f, f, 1) if joined else nn.Identity()
        if old:
            self.conv_max, self.conv3_ = conv(f, f), conv(f, f)
        self.old = old

    def forward(self, x):
        head = self.conv1(x)
        y = F.max_pool2d(self.conv2(head), 7, 3)
        if self.old:
            y = self.conv3_(F.relu(self.conv3(F.relu(self.conv_max(y)))))
        else:
            y = self.conv3(y)
        y = F.interpolate(y, x.shape[2:], mode="bilinear", align_corners=False)
        return x * torch.sigmoid(self.conv4(y + self.conv_f(head)))


class RlfnBlock(nn.Module):
    def __init__(self, nf, mid, c, act, convs=(1, 2, 3), c5=True, bn=False,
                 middle=None, **esa):
        super().__init__()
        for k in convs:
            setattr(self, f"c{k}_r", (middle or c if k == 2 else c)(
                nf if k == 1 else mid, nf if k == 3 else mid))
        self.bn1 = nn.BatchNorm2d(mid) if bn else nn.Identity()
        self.c5 = nn.Conv2d(nf, nf, 1) if c5 else None
        self.esa = Esa(nf, 5, **esa)
        self.convs, self.act = convs, act

    def forward(self, x):
        y = x
        for k in self.convs:
            y = getattr(self, f"c{k}_r")(y)
            y = self.bn1(y) if k == 1 else y
            if k < 3 or 2 in self.convs or self.c5:
                y = self.act(y)
        y = y + x if 2 in self.convs else y
        return self.esa(self.c5(y) if self.c5 else y)


class Feed(nn.Module):
    def __init__(self, nf):
        super().__init__()
        h = int(2.66 * nf)
        self.project_in = nn.Conv2d(nf, 2 * h, 1, bias=False)
        self.dwconv = conv(2 * h, 2 * h, groups=2 * h, bias=False)
        self.project_out = nn.Conv2d(h, nf, 1, bias=False)

    def forward(self, x):
        a, b = self.dwconv(self.project_in(x)).chunk(2, 1)
        return self.project_out(F.gelu(a) * b)


def named(name):
    return lambda i, o: Conv(i, o, name=name)


def leaky(x):
    return F.leaky_relu(x, 0.05)


class Rlfn(Whole):
    """kind: how its convolutions are spelt."""

    def __init__(self, kind="plain", nf=6, mid=8, r=2, range=1, adds=False):
        super().__init__()
        c, act = {"plain": (conv, leaky), "list": (conv, leaky),
                  "deep": (conv, leaky), "bn": (conv, leaky),
                  "feed": (conv, F.gelu), "bs": (Bs, F.gelu),
                  "ecb": (named("conv_infer"), F.gelu),
                  "rep": (named("rbr_reparam"), lambda x: leaky(leaky(x))),
                  "eval": (named("eval_conv"), F.silu),
                  "r2": (conv, leaky)}[kind]
        more = {"deep": dict(middle=thin), "bn": dict(bn=True),
                "list": dict(joined=False), "ecb": dict(c5=False),
                "r2": dict(convs=(1, 3), c5=False, joined=False),
                "eval": dict(c3=c, joined=False)}.get(kind, {})
        mid = nf if kind in ("rep", "eval", "feed") else mid
        blocks = [RlfnBlock(nf, mid, c, act, **more) for _ in "12"]
        if kind == "feed":
            blocks.insert(1, Feed(nf))
        if kind == "eval":
            blocks.insert(1, RlfnBlock(nf, nf, c, act, **dict(more, convs=(1, 3))))
        if kind == "list":
            self.block_list = nn.ModuleList(blocks)
        else:
            for i, b in enumerate(blocks):
                setattr(self, f"block_{i + 1}", b)
        self.blocks = [blocks]  # a list inside is not registered twice
        self.conv_1 = c(3, nf) if kind == "eval" else conv(3, nf)
        self.conv_2 = Bs(nf, nf) if kind == "bs" else conv(nf, nf, 1 if kind in
                                                           ("r2", "eval") else 3)
        up = c(nf, 3 * r * r) if kind == "eval" else conv(nf, 3 * r * r)
        self.last = [getattr(up, "eval_conv", up)]
        if kind == "list":
            self.upsampler = nn.Module()
            self.upsampler.upsample_conv = up
        else:
            setattr(self, "upsampler_x4" if kind == "ecb" else "upsampler",
                    nn.Sequential(up))
        self.up, self.r, self.range, self.adds = [up], r, range, adds
        self.mean = torch.tensor((0.4488, 0.4371, 0.4040)).view(
            1, 3, 1, 1) if kind == "bs" else torch.zeros(1)

    def core(self, x):
        head = self.conv_1(x - self.mean.to(x))
        y = head
        for b in self.blocks[0]:
            y = b(y)
        y = self.up[0](self.conv_2(y) + head)
        return F.pixel_shuffle(y, self.r) + self.mean.to(x)


class EernBlock(nn.Module):
    def __init__(self, nf, new):
        super().__init__()
        if new:
            self.eec1, self.eec2 = Conv(nf, nf, name="rep_conv"), Conv(
                nf, nf, name="rep_conv")
            self.eec1.act = nn.PReLU(nf)
            self.esa = Esa(nf, 5, False)
        else:
            self.conv1, self.conv2 = conv(nf, nf), conv(nf, nf)
            self.ESA = Esa(nf, 5, False)
        self.new = new

    def forward(self, x):
        if self.new:
            return self.esa(self.eec2(self.eec1.act(self.eec1(x))))
        return self.ESA(self.conv2(F.relu(self.conv1(x))))


class Eern(Whole):
    def __init__(self, new=False, nf=6, r=2, range=1):
        super().__init__()
        blocks = nn.Sequential(*[EernBlock(nf, new) for _ in "12"])
        setattr(self, "blocks" if new else "recon_trunk", blocks)
        self.head, self.tail = conv(3, nf), conv(nf, 3 * r * r)
        setattr(self, "conv1x1" if new else "finetune",
                conv(nf, nf, 1 if new else 3))
        self.last, self.r, self.range, self.new = [self.tail], r, range, new

    def core(self, x):
        x = self.head(x)
        y = (self.blocks if self.new else self.recon_trunk)(x)
        y = (self.conv1x1 if self.new else self.finetune)(y)
        return F.pixel_shuffle(self.tail(y + x), self.r)


class RfdnBlock(nn.Module):
    def __init__(self, nf, esa):
        super().__init__()
        d = nf // 2
        for k in range(1, 4):
            setattr(self, f"c{k}_d", nn.Conv2d(nf, d, 1))
            setattr(self, f"c{k}_r", conv(nf, nf))
        self.c4, self.c5 = conv(nf, d), nn.Conv2d(4 * d, nf, 1)
        self.esa = Esa(nf, 5, old=True) if esa else None

    def forward(self, x):
        y, kept = x, []
        for k in range(1, 4):
            kept.append(leaky(getattr(self, f"c{k}_d")(y)))
            y = leaky(getattr(self, f"c{k}_r")(y) + y)
        y = self.c5(torch.cat(kept + [leaky(self.c4(y))], 1))
        return self.esa(y) if self.esa else gate(y, x)


class Rfdn(Whole):
    def __init__(self, esa=True, nf=6, r=2, range=1):
        super().__init__()
        self.fea_conv, self.LR_conv = conv(3, nf), conv(nf, nf)
        for k in "123":
            setattr(self, "B" + k, RfdnBlock(nf, esa))
        self.c = nn.Sequential(nn.Conv2d(3 * nf, nf, 1), nn.LeakyReLU(0.05))
        self.upsampler = nn.Sequential(conv(nf, 3 * r * r), nn.PixelShuffle(r))
        self.last, self.range = [self.upsampler[0]], range

    def core(self, x):
        head = self.fea_conv(x)
        a = self.B1(head)
        b = self.B2(a)
        y = self.c(torch.cat([a, b, self.B3(b)], 1))
        return self.upsampler(self.LR_conv(y) + head)


class Layer(nn.Module):
    def __init__(self, nf, name, k):
        super().__init__()
        setattr(self, name, conv(nf, nf, k))
        self.act, self.name = nn.PReLU(nf), name

    def forward(self, x):
        return self.act(getattr(self, self.name)(x))


class Cell(nn.Module):
    def __init__(self, nf):
        super().__init__()
        self.conv1 = Layer(nf, "conv1x1", 1)
        self.conv2, self.conv3 = Layer(nf, "rep_conv", 3), Layer(nf, "rep_conv", 3)
        self.fuse = nn.Conv2d(2 * nf, nf, 1)
        self.att = Esa(nf, 5, old=True)
        self.branch = nn.ModuleList(nn.Conv2d(nf, nf // 2, 1) for _ in "1234")

    def forward(self, x):
        all = [x]
        for c in self.conv1, self.conv2, self.conv3:
            all.append(c(all[-1]))
        y = torch.cat([b(v) for b, v in zip(self.branch, all)], 1)
        return self.att(self.fuse(y)) + x


class Efdn(Whole):
    """Without its clamp to 0..1."""

    def __init__(self, nf=6, r=2):
        super().__init__()
        self.head = conv(3, nf)
        self.cells = nn.ModuleList(Cell(nf) for _ in "1234")
        self.local_fuse = nn.ModuleList(nn.Conv2d(2 * nf, nf, 1) for _ in "123")
        self.tail = nn.Sequential(conv(nf, 3 * r * r), nn.PixelShuffle(r))
        self.last = [self.tail[0]]

    def core(self, x):
        head = self.head(x)
        a = self.cells[0](head)
        b = self.cells[1](a)
        y = self.local_fuse[0](torch.cat([a, b], 1))
        c = self.cells[2](y)
        y = self.local_fuse[1](torch.cat([b, c], 1))
        y = self.local_fuse[2](torch.cat([b, self.cells[3](y)], 1))
        return self.tail(y + head)


class RcuBlock(nn.Module):
    def __init__(self, nf, mid):
        super().__init__()
        for k in range(1, 5):
            setattr(self, f"conv{k}", conv(mid, mid, bias=False))
        self.c5, self.esa = nn.Conv2d(nf + mid, nf, 1, bias=False), Esa(nf, 5)
        self.mid = mid

    def forward(self, x):
        y, out = x[:, :self.mid], [x[:, self.mid:]]
        for k in range(1, 5):
            y = F.leaky_relu(getattr(self, f"conv{k}")(y))
            out += [y] if k % 2 == 0 else []
        return self.esa(self.c5(torch.cat(out, 1)))


class Rcunet(Whole):
    def __init__(self, nf=6, r=2):
        super().__init__()
        self.conv_first, self.conv_tail = conv(3, nf), conv(nf, nf, bias=False)
        for k in "1234":
            setattr(self, "b" + k, RcuBlock(nf, 4))
        self.conv_last = conv(nf, 3 * r * r)
        self.last, self.r = [self.conv_last], r

    def core(self, x):
        x = self.conv_first(x)
        a = self.b1(x)
        b = self.b2(a)
        y = self.b4(self.b3(b) + b) + a
        return F.pixel_shuffle(self.conv_last(self.conv_tail(y) + x), self.r)


class ErrnBlock(nn.Module):
    def __init__(self, nf):
        super().__init__()
        for k, name in ("1_1", ""), ("1_2", ""), ("2_1", "2"), ("2_2", "2"):
            setattr(self, "rep" + k, Conv(nf, nf, name="rep_conv" + name))
        self.ssa = nn.Module()
        self.ssa.sa_conv = nn.Conv2d(nf, 1, 1)

    def forward(self, x):
        y = self.rep1_1(x)
        for c in self.rep1_2, self.rep2_1, self.rep2_2:
            y = c(F.leaky_relu(y, 0.1))
        y = y + x
        return y * torch.sigmoid(self.ssa.sa_conv(y))


class Errn(nn.Module):
    def __init__(self, nf=6, r=2):
        super().__init__()
        self.conv_1, self.conv_2 = conv(3, nf), conv(nf, nf)
        self.block_1, self.block_2 = ErrnBlock(nf), ErrnBlock(nf)
        self.upsampler = nn.Sequential(conv(nf, 3 * r * r), nn.PixelShuffle(r))

    def forward(self, x):
        x = self.conv_1(x)
        return self.upsampler(self.conv_2(self.block_2(self.block_1(x))) + x)


# ---- SAFMN ----


class ChannelNorm(nn.Module):
    def __init__(self, nf):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(nf))
        self.bias = nn.Parameter(torch.zeros(nf))

    def forward(self, x):
        x = F.layer_norm(x.permute(0, 2, 3, 1), x.shape[1:2], self.weight,
                         self.bias, 1e-6)
        return x.permute(0, 3, 1, 2)


class GroupNorm(nn.Module):
    def __init__(self, nf):
        super().__init__()
        self.norm = nn.GroupNorm(1, nf)

    def forward(self, x):
        return self.norm(x)


class Safm(nn.Module):
    def __init__(self, nf):
        super().__init__()
        self.mfr = nn.ModuleList(conv(nf // 4, nf // 4, groups=nf // 4)
                                 for _ in range(4))
        self.aggr = nn.Conv2d(nf, nf, 1)

    def forward(self, x):
        out = []
        for i, y in enumerate(x.chunk(4, 1)):
            y = F.adaptive_max_pool2d(y, [s >> i for s in x.shape[2:]])
            out.append(F.interpolate(self.mfr[i](y), x.shape[2:]))
        return F.gelu(self.aggr(torch.cat(out, 1))) * x


def mlp(nf, k):
    return nn.Sequential(conv(nf, 2 * nf, k), nn.GELU(), nn.Conv2d(2 * nf, nf, 1))


class SafmBlock(nn.Module):
    def __init__(self, nf, deep):
        super().__init__()
        norm = GroupNorm if deep else ChannelNorm
        self.norm1, self.norm2, self.safm = norm(nf), norm(nf), Safm(nf)
        if deep:
            self.ffn = mlp(nf, 1)
        else:
            self.ccm = nn.Module()
            self.ccm.ccm = mlp(nf, 3)
        self.deep = deep

    def forward(self, x):
        x = self.safm(self.norm1(x)) + x
        return (self.ffn if self.deep else self.ccm.ccm)(self.norm2(x)) + x


class Safmn(nn.Module):
    """SAFMN; deep: 2026's team 21."""

    def __init__(self, deep=False, nf=12, r=2):
        super().__init__()
        self.to_feat = conv(3, nf)
        setattr(self, "blocks" if deep else "feats",
                nn.Sequential(*[SafmBlock(nf, deep) for _ in "12"]))
        setattr(self, "upsampler" if deep else "to_img",
                nn.Sequential(conv(nf, 3 * r * r), nn.PixelShuffle(r)))
        self.deep, self.r = deep, r

    def forward(self, x):
        y = self.to_feat(x)
        if not self.deep:
            return self.to_img(self.feats(y) + y)
        base = F.interpolate(x, scale_factor=self.r, mode="bilinear")
        return self.upsampler(self.blocks(y) + y) + base


class Simple(nn.Module):
    def __init__(self, nf, c, train):
        super().__init__()
        d = nf // 3
        self.proj, self.out = c(nf, nf, 3), c(nf, nf, 1)
        self.dwconv = conv(d, d, groups=d, bias=False)
        if train:
            self.conv5_proj = nn.Conv2d(nf, nf, 1, bias=False)
            self.conv6_proj = conv(nf, nf, bias=False)
        self.train_form = train

    def forward(self, x):
        h, w = x.shape[2:]
        y, side = self.proj(x), 16 if self.train_form else 8
        if self.train_form:
            y = y + self.conv6_proj(self.conv5_proj(x))
        a, b = y.split([y.shape[1] // 3, y.shape[1] - y.shape[1] // 3], 1)
        y = self.dwconv(F.adaptive_max_pool2d(a, (h // side, w // side)))
        y = F.gelu(F.interpolate(y, (h, w), mode="bilinear")) * a
        return self.out(F.gelu(torch.cat([b, y], 1)))


class SimpleBlock(nn.Module):
    def __init__(self, nf, c, train):
        super().__init__()
        self.conv1, self.conv2 = Simple(nf, c, train), nn.Module()
        self.conv2.conv1, self.conv2.conv2 = c(nf, nf + 2, 3), c(nf + 2, nf, 1)

    def forward(self, x):
        y = self.conv2.conv1(self.conv1(x))
        return self.conv2.conv2(F.gelu(y)) + x


class Safmnpp(nn.Module):
    """form: "" SAFMN++, "train" FRnet, "eval" ExpandRepNet."""

    def __init__(self, form="", nf=6, r=2):
        super().__init__()

        def c(i, o, k=3):
            return Conv(i, o, k) if form == "eval" else conv(i, o, k, bias=False)

        self.to_feat = c(3, nf)
        self.feats = nn.Sequential(*[SimpleBlock(nf, c, form == "train")
                                     for _ in "12"])
        self.to_img = nn.Sequential(c(nf, 3 * r * r), nn.PixelShuffle(r))
        self.r = r

    def forward(self, x):
        base = F.interpolate(x, scale_factor=self.r, mode="bilinear")
        return self.to_img(self.feats(self.to_feat(x))) + base


CASES = [
    ("rlfn", lambda: Rlfn(range=255)), ("rlfn_list", lambda: Rlfn("list")),
    ("rlfn_adds", lambda: Rlfn(adds=True)), ("rlfn_deep", lambda: Rlfn("deep")),
    ("rlfn_bn", lambda: Rlfn("bn")), ("rlfn_feed", lambda: Rlfn("feed")),
    ("rlfn_bs", lambda: Rlfn("bs")), ("rlfn_ecb", lambda: Rlfn("ecb", r=4)),
    ("rlfn_rep", lambda: Rlfn("rep")), ("rlfn_eval", lambda: Rlfn("eval")),
    ("rlfn_r2", lambda: Rlfn("r2")), ("eern", lambda: Eern(range=255)),
    ("eecnet", lambda: Eern(True)), ("rfdn", lambda: Rfdn(range=255)),
    ("rfdn_gate", lambda: Rfdn(False)), ("efdn", Efdn),
    ("rcunet", Rcunet), ("errn24", Errn),
]
ALIGNED = [
    ("safmn", Safmn), ("safmn_deep", lambda: Safmn(True)), ("safmnpp", Safmnpp),
    ("frnet", lambda: Safmnpp("train")),
    ("expandrep", lambda: Safmnpp("eval")),
]
