# Writes an Ifnet of make_import.py as ncnn's files of RIFE 4 are: a .param of
# three inputs with rife.Warp, and its .bin, convolutions as 16-bit floats.
# SPDX-License-Identifier: LGPL-2.1-or-later
import struct

import torch

HALF = struct.pack("<I", 0x01306B47)


def raw(t):
    return t.detach().float().numpy().astype("<f4").tobytes()


def tagged(t):
    data = t.detach().half().numpy().astype("<f2").tobytes()
    return HALF + data + b"\0" * (-len(data) % 4)


class Writer:
    def __init__(self):
        self.layers, self.bin = [], b""

    def __call__(self, kind, ins, params="", outs=1, name=None):
        name = name or f"l{len(self.layers)}"
        outs = [name] if outs == 1 else [f"{name}_{i}" for i in range(outs)]
        self.layers.append((kind, name, list(ins), outs, params))
        return outs[0]

    def conv(self, m, x, act=True):
        o, i, k = m.weight.shape[:3]
        self.bin += tagged(m.weight) + raw(m.bias)
        return self("Convolution", [x], f"0={o} 1={k} 3={m.stride[0]} 4=1 5=1 "
                    f"6={o * i * k * k}" +
                    (" 9=2 -23310=1,2.000000e-01" if act else ""))

    def deconv(self, m, x):
        i, o, k = m.weight.shape[:3]
        self.bin += tagged(m.weight.transpose(0, 1)) + raw(m.bias)
        return self("Deconvolution", [x],
                    f"0={o} 1={k} 3=2 4=1 5=1 6={o * i * k * k}")

    def op(self, code, a, b):
        if isinstance(b, str):
            return self("BinaryOp", [a, b], f"0={code}")
        return self("BinaryOp", [a], f"0={code} 1=1 2={b:e}")

    def crop(self, x, first, end):
        return self("Crop", [x], f"-23309=1,{first} -23310=1,{end} -23311=1,0")

    def sized(self, x, by):
        scales = "" if by == 1 else f" 1={by:e} 2={by:e}"
        return self("Interp", [x], "0=2" + scales)

    def text(self):
        """With a Split for each value that is read more than once."""
        reads, lines = {}, []
        for _, _, ins, _, _ in self.layers:
            for x in ins:
                reads[x] = reads.get(x, 0) + 1
        left = dict(reads)
        for kind, name, ins, outs, params in self.layers:
            named = []
            for x in ins:
                left[x] -= 1
                named.append(x if reads[x] == 1 else f"{x}_s{left[x]}")
            lines.append([kind, name, len(ins), len(outs), *named, *outs, params])
            for x in outs:
                n = reads.get(x, 0)
                if n > 1:
                    lines.append(["Split", "split_" + x, 1, n, x] +
                                 [f"{x}_s{i}" for i in range(n)])
        body = "\n".join(" ".join(map(str, f)).rstrip() for f in lines)
        return f"7767517\n{len(lines)} 9999\n{body}\n"


def block(w, net, i, x, betas):
    for layer in net.conv0:
        x = w.conv(layer[0], x)
    for k, res in enumerate(net.convblock):
        y = w.op(2, w.conv(res.conv, x, False), betas[i, k])
        x = w("ReLU", [w.op(0, y, x)], "0=2.000000e-01")
    return w("PixelShuffle", [w.deconv(net.lastconv[0], x)], "0=2")


def ifnet(path, sd, net):
    w, betas = Writer(), {}
    img = [w("Input", [], name=n) for n in ("in0", "in1")]
    blocks = [getattr(net, f"block{i}") for i in range(net.nb)]
    time = w("Input", [], name="in2")
    for i, b in enumerate(blocks):
        for k, res in enumerate(b.convblock):
            w.bin += raw(res.beta)
            betas[i, k] = w("MemoryData", [], f"0=1 1=1 2={res.beta.numel()}",
                            name=f"block{i}.convblock.{k}.beta")
    one = w.op(0, w.op(2, w.crop(w("Concat", img), 0, 1), 0.0), 1.0)
    time = w.op(2, one, time)
    code = []
    for x in img if net.encode else []:
        x = w.crop(x, 0, 3)
        for layer in net.encode.cnn0, net.encode.cnn1, net.encode.cnn2:
            x = w.conv(layer, x)
        code.append(w.deconv(net.encode.cnn3, x))
    now, seen, flow = list(img), list(code), None
    for i, b in enumerate(blocks):
        s = 2**(net.nb - 1 - i)
        parts = now + seen + [time]
        if i:
            parts += [mask] + ([more] if code else [])
        x = w.sized(w("Concat", parts), 1 / s)
        if i:
            small = w.sized(flow, 1 / s)
            small = small if s == 1 else w.op(3, small, float(s))
            x = w("Concat", [x, small])
        y = w.sized(block(w, b, i, x, betas), float(s))
        f = w.crop(y, 0, 4)
        m, more = w.crop(y, 4, 5), w.crop(y, 5, 2147483647) if code else None
        if not i:
            flow, mask = w.op(2, f, float(s)), m
        else:
            flow = w("Eltwise", [flow, f], f"0=1 -23301=2,1.0,{float(s)}") \
                if s > 1 else w.op(0, flow, f)
            mask = m if code else w.op(0, mask, m)
        ways = w.crop(flow, 0, 2), w.crop(flow, 2, 4)
        now = [w("rife.Warp", v, "0=6") for v in zip(img, ways)]
        if i < net.nb - 1:
            seen = [w("rife.Warp", v) for v in zip(code, ways)]
    m = w("Sigmoid", [mask])
    a, b = w.op(2, now[0], m), w.op(2, now[1], w.op(7, m, 1.0))
    w("BinaryOp", [a, b], "", name="out0")
    # Values that nothing reads: what a file of ncnn's tools leaves out.
    read = {x for _, _, ins, _, _ in w.layers for x in ins} | {"out0"}
    w.layers = [n for n in w.layers if n[3][0] in read]
    with open(path + ".param", "w") as f:
        f.write(w.text())
    with open(path + ".bin", "wb") as f:
        f.write(w.bin)
