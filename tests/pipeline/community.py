#!/usr/bin/env python3
# Community models in ncnn's own library and in ours, frame by frame; exported
# models in other runtimes. SPDX-License-Identifier: LGPL-2.1-or-later
#
# community.py LIST: each line is one comparison, fields between tabs:
#     ncnn TEXT PARAM FRAMES OURS W H SCALE    frames are gbrp16le
#     rife TEXT PARAM REFERENCE                as of `ffgan model check --record`
#     onnx TEXT MODEL.onnx REFERENCE           as of `ffgan model check --record`
#     spandrel TEXT WEIGHTS REFERENCE
# Prints "ok", "not ok" or "skip", TEXT and the largest differences (of the
# range, or of the largest value where that is above 1), between tabs.
# community.py make-esrgan OUT.safetensors: random weights, from spandrel.
# community.py make-ops OUT.safetensors: a model of ours, random weights, of ops
# that no family's network has.
import json
import struct
import sys

import numpy as np

LIMIT = 1e-4


def planes(path, w, h):
    raw = np.fromfile(path, "<u2").reshape(-1, 3, h, w)
    return raw[:, [2, 0, 1]].astype("float32") / 65535  # G, B, R to R, G, B


def plain_net():
    import ncnn

    net = ncnn.Net()
    for name in ("use_fp16_packed", "use_fp16_storage", "use_fp16_arithmetic",
                 "use_bf16_storage", "use_int8_inference"):
        if hasattr(net.opt, name):
            setattr(net.opt, name, False)
    net.opt.num_threads = 2
    return net


def run_ncnn(param, frames, ours, w, h, scale):
    import ncnn

    w, h, scale = int(w), int(h), int(scale)
    net = plain_net()
    if net.load_param(param) or net.load_model(param[:-5] + "bin"):
        return {"ncnn cannot load it": 9}
    want, got = planes(frames, w, h), planes(ours, w * scale, h * scale)
    if len(want) != len(got) or not len(got):
        return {"%d frames in, %d out" % (len(want), len(got)): 9}
    worst = {}
    for i, frame in enumerate(want):
        frame = np.ascontiguousarray(frame)
        x = net.create_extractor()
        x.input("data", ncnn.Mat(frame).clone())
        ret, out = x.extract("output")
        d = 9 if ret else np.abs(np.clip(np.array(out), 0, 1) - got[i]).max()
        worst["frame %d" % i] = d
    return worst


def tensors(path):
    with open(path, "rb") as f:
        head = json.loads(f.read(struct.unpack("<Q", f.read(8))[0]))
        data = f.read()
    for name in ("input", "output"):
        a, b = head[name]["data_offsets"]
        yield np.frombuffer(data[a:b], "<f4").reshape(head[name]["shape"])


def bilinear(x, flow):
    """x moved along flow, places outside clamped, as rife-ncnn-vulkan does."""
    h, w = x.shape[1:]
    px = np.clip(np.arange(w) + flow[0].astype(float), 0, w - 1)
    py = np.clip(np.arange(h)[:, None] + flow[1].astype(float), 0, h - 1)
    x0, y0 = px.astype(int), py.astype(int)
    x1, y1 = np.minimum(x0 + 1, w - 1), np.minimum(y0 + 1, h - 1)
    a, b = px - x0, py - y0
    top = x[:, y0, x0] * (1 - a) + x[:, y0, x1] * a
    low = x[:, y1, x0] * (1 - a) + x[:, y1, x1] * a
    return np.ascontiguousarray((top * (1 - b) + low * b).astype("float32"))


def run_rife(param, reference):
    """ncnn runs the network, with rife-ncnn-vulkan's own layer written here."""
    import ncnn

    class Warp(ncnn.Layer):
        def __init__(self):
            ncnn.Layer.__init__(self)
            self.one_blob_only = False

        def forward(self, bottom, top, opt):
            out = bilinear(np.array(bottom[0]), np.array(bottom[1]))
            top[0].clone_from(ncnn.Mat(out), opt.blob_allocator)
            return 0

    kept = []  # layers and inputs that ncnn knows by address
    net = plain_net()
    net.opt.use_packing_layout = False  # layers in Python read plain planes
    net.register_custom_layer(
        "rife.Warp", lambda: kept.append(Warp()) or kept[-1], lambda layer: None)
    if net.load_param(param) or net.load_model(param[:-5] + "bin"):
        return {"ncnn cannot load it": 9}
    x, want = tensors(reference)
    e = net.create_extractor()
    for i, (a, b) in enumerate([(0, 3), (3, 6), (6, 7)]):
        kept.append(np.ascontiguousarray(x[0, a:b]))
        kept.append(ncnn.Mat(kept[-1]).clone())
        e.input("in%d" % i, kept[-1])
    ret, out = e.extract("out0")
    return {"frame": 9 if ret else np.abs(np.array(out) - want[0]).max()}


def run_checker(path, x):
    import onnx

    onnx.checker.check_model(path, full_check=True)


def run_onnxruntime(path, x):
    import onnxruntime as ort

    o = ort.SessionOptions()
    o.intra_op_num_threads = 2
    s = ort.InferenceSession(path, o, providers=["CPUExecutionProvider"])
    return s.run(None, {s.get_inputs()[0].name: x})[0]


def run_openvino(path, x):
    """In f32: on CPUs with AMX its own choice is bf16, 1e-2 away."""
    import openvino as ov

    m = ov.Core().compile_model(path, "CPU", {
        "INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": 2})
    return m.create_infer_request().infer({0: x})[0]


def run_opencv(path, x):
    import cv2

    net = cv2.dnn.readNetFromONNX(path)
    net.setInput(x)
    return net.forward()


def run_onnx(path, reference):
    x, want = tensors(reference)
    worst = {}
    for name in ("checker", "onnxruntime", "openvino", "opencv"):
        try:
            out = globals()["run_" + name](path, x)
        except ImportError:
            worst["no " + name] = 0
            continue
        except Exception as e:
            worst[name + " fails: " + str(e).replace("\n", " ")[:200]] = 9
            continue
        if out is None:
            worst[name] = 0
        elif out.shape != want.shape:
            worst["%s makes %s, not %s" % (name, out.shape, want.shape)] = 9
        else:
            worst[name] = np.abs(out - want).max() / max(1, np.abs(want).max())
    return worst


def run_spandrel(weights, reference):
    import spandrel
    import torch

    x, want = tensors(reference)
    net = spandrel.ModelLoader().load_from_file(weights).model.eval()
    with torch.no_grad():
        out = net(torch.from_numpy(x.copy())).numpy()
    return {"spandrel": np.abs(out - want).max() / max(1, np.abs(want).max())}


def make_esrgan(path):
    import torch
    from safetensors.torch import save_file
    from spandrel.architectures.ESRGAN import ESRGAN

    torch.manual_seed(1)
    save_file(ESRGAN(num_filters=8, num_blocks=1).state_dict(), path)


def make_ops(path):
    rng = np.random.default_rng(1)
    nodes, data = [], {}

    def add(name, op, *to, shapes=(), **attr):
        keys = ["%s.%s" % (name, what) for what in ("weight", "bias")]
        nodes.append({"name": name, "op": op, "in": list(to), "attr": attr,
                      "param": keys[:len(shapes)]})
        for key, shape in zip(keys, shapes):
            fan = np.prod(shape[1:]) if len(shape) > 1 else 100
            data[key] = (rng.standard_normal(shape) / fan**0.5).astype("<f4")
        return name

    def conv(name, to, i, o, k, stride=1, pad=None):
        return add(name, "conv2d", to, shapes=((o, i, k, k), (o,)), channels=o,
                   kernel=k, stride=stride, bias=1,
                   pad=k // 2 if pad is None else pad)

    add("input", "input", channels=3)
    a = add("a.drop", "dropout", conv("a", "input", 3, 8, 3), alpha=0.25)
    b = conv("b", a, 8, 8, 3)
    alike = add("alike", "correlate", a, b, kernel=5)
    x = conv("c", add("join", "concat", b, alike), 33, 8, 1)
    gate = add("squeeze", "dense", add("mean", "mean", x), channels=4, bias=1,
               shapes=((4, 8), (4,)))
    gate = add("excite", "dense", add("squeeze.act", "relu", gate), channels=8,
               shapes=((8, 4),))
    x = add("gated", "mul", x, add("gate", "sigmoid", gate))
    y = add("pool", "max_pool", conv("d", x, 8, 4, 3, 2, 0), kernel=7, stride=3)
    y = add("back", "resize_like", y, x)
    x = add("both", "concat", x, y)
    conv("e", x, 12, 3, 3)
    head, at = {"__metadata__": {
        "ffgan.format": "1", "ffgan.scale": "1", "ffgan.colour": "rgb",
        "ffgan.graph": json.dumps({"nodes": nodes})}}, 0
    for key in sorted(data):
        head[key] = {"dtype": "F32", "shape": list(data[key].shape),
                     "data_offsets": [at, at + data[key].nbytes]}
        at += data[key].nbytes
    text = json.dumps(head).encode()
    with open(path, "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text)
        for key in sorted(data):
            f.write(data[key].tobytes())


def main(path):
    with open(path) as f:
        for line in f:
            kind, text, *args = line.rstrip("\n").split("\t")
            try:
                d = globals()["run_" + kind](*args)
            except ImportError as e:
                print("skip\t%s\t%s is not installed" % (text, e.name))
                continue
            except Exception as e:
                d = {type(e).__name__ + " " + str(e).replace("\n", " ")[:200]: 9}
            good = d and all(v < LIMIT for v in d.values())
            said = ", ".join("%s %.2g" % i for i in d.items())
            print("%s\t%s\t%s" % ("ok" if good else "not ok", text, said),
                  flush=True)


if sys.argv[1] == "make-esrgan":
    make_esrgan(sys.argv[2])
elif sys.argv[1] == "make-ops":
    make_ops(sys.argv[2])
else:
    main(sys.argv[1])
