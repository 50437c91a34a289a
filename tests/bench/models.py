#!/usr/bin/env python3
# Community families by ffgan and by other engines: CPU time of a picture, one
# thread, the least of interleaved rounds, each engine in a process of its own.
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# models.py FFGAN [--size 192x108] [--rounds 3] [--runs 3] [--engines LIST]
#     [--networks compact,span,rrdb]
# Needs spandrel (whose classes make the networks, with random weights),
# PyTorch, onnx, onnxruntime, openvino, ncnn. All engines get the same weights:
# ffgan and PyTorch the state_dict, the others ffgan's ONNX export, which for
# ncnn is written as its own layers here.
import argparse
import json
import os
import subprocess
import sys
import tempfile
import time

import numpy as np

ENGINES = ["ffgan int16", "ffgan fp32", "ffgan bf16", "onnxruntime", "ncnn", "pytorch",
           "openvino f32", "openvino bf16"]


def make(name, path):
    import torch
    from spandrel.architectures.Compact import Compact
    from spandrel.architectures.ESRGAN import ESRGAN
    from spandrel.architectures.SPAN import SPAN

    torch.manual_seed(1)
    net = {"compact": lambda: Compact(num_feat=64, num_conv=16, upscale=4),
           "span": lambda: SPAN(num_in_ch=3, num_out_ch=3, feature_channels=48, upscale=4),
           "rrdb": lambda: ESRGAN(num_blocks=6)}[name]()
    torch.save(net.state_dict(), path)


def to_ncnn(model, stem):
    """Our ONNX operators as ncnn's layers."""
    import onnx
    from onnx import numpy_helper

    g = onnx.load(model).graph
    const = {t.name: numpy_helper.to_array(t) for t in g.initializer}
    lines, data, uses = [], [], {}
    for n in g.node:
        for i in n.input:
            uses[i] = uses.get(i, 0) + (i not in const)
    left, blobs = {}, 0

    def emit(kind, ins, out, params=""):
        nonlocal blobs
        outs = [out]
        lines.append("%s l%d %d 1 %s %s %s" % (kind, len(lines), len(ins), " ".join(ins), out,
                                              params))
        blobs += 1
        if uses.get(out, 0) > 1:
            outs = ["%s_%d" % (out, k) for k in range(uses[out])]
            lines.append("Split l%d 1 %d %s %s" % (len(lines), len(outs), out, " ".join(outs)))
            blobs += len(outs)
        left[out] = outs

    def take(name):
        return left[name].pop()

    def constant(a):
        out = "c%d" % len(lines)
        a = a.reshape(-1)
        lines.append("MemoryData l%d 0 1 %s 0=1 1=1 2=%d" % (len(lines), out, a.size))
        data.append(a.astype("<f4").tobytes())
        return out

    emit("Input", [], "input")
    for n in g.node:
        attr = {a.name: onnx.helper.get_attribute_value(a) for a in n.attribute}
        x, out = [i for i in n.input if i], n.output[0]
        if n.op_type == "Conv":
            w = const[x[1]]
            emit("Convolution", [take(x[0])], out, "0=%d 1=%d 3=1 4=%d 5=%d 6=%d" % (
                w.shape[0], w.shape[2], attr["pads"][0], len(x) > 2, w.size))
            data.extend([b"\0\0\0\0", w.astype("<f4").tobytes()])
            if len(x) > 2:
                data.append(const[x[2]].astype("<f4").tobytes())
        elif n.op_type == "PRelu":
            s = const[x[1]].reshape(-1)
            emit("PReLU", [take(x[0])], out, "0=%d" % s.size)
            data.append(s.astype("<f4").tobytes())
        elif n.op_type in ("Add", "Mul"):
            op = 2 * (n.op_type == "Mul")
            c = [const[i] for i in x if i in const]
            ins = [take(i) for i in x if i not in const]
            if c and c[0].size == 1:
                emit("BinaryOp", ins, out, "0=%d 1=1 2=%.9g" % (op, c[0].reshape(-1)[0]))
            else:
                emit("BinaryOp", ins + [constant(a) for a in c], out, "0=%d" % op)
        elif n.op_type == "Resize":
            f = const[x[1]][2]
            emit("Interp", [take(x[0])], out, "0=1 1=%g 2=%g" % (f, f))
        else:
            kind, params = {
                "Concat": ("Concat", "0=0"), "Identity": ("Noop", ""),
                "Sigmoid": ("Sigmoid", ""), "Tanh": ("TanH", ""),
                "LeakyRelu": ("ReLU", "0=%.9g" % attr.get("alpha", 0)),
                "DepthToSpace": ("PixelShuffle", "0=%d" % attr.get("blocksize", 0)),
            }[n.op_type]
            emit(kind, [take(i) for i in x], out, params)
    with open(stem + ".param", "w") as f:
        f.write("7767517\n%d %d\n%s\n" % (len(lines), blobs + len(lines), "\n".join(lines)))
    with open(stem + ".bin", "wb") as f:
        f.write(b"".join(data))


def runner(engine, stem, x):
    if engine == "onnxruntime":
        import onnxruntime as ort

        o = ort.SessionOptions()
        o.intra_op_num_threads = o.inter_op_num_threads = 1
        s = ort.InferenceSession(stem + ".onnx", o, providers=["CPUExecutionProvider"])
        return lambda: s.run(None, {"input": x})[0]
    if engine.startswith("openvino"):
        import openvino as ov

        m = ov.Core().compile_model(stem + ".onnx", "CPU", {
            "INFERENCE_NUM_THREADS": 1, "NUM_STREAMS": 1, "ENABLE_CPU_PINNING": False,
            "INFERENCE_PRECISION_HINT": engine.split()[1]})
        r = m.create_infer_request()
        return lambda: r.infer({0: x})[0]
    if engine == "pytorch":
        import spandrel
        import torch

        torch.set_num_threads(1)
        net, t = spandrel.ModelLoader().load_from_file(stem + ".pth").model.eval(), \
            torch.from_numpy(x)

        def run():
            with torch.inference_mode():
                return net(t).numpy()

        return run
    import ncnn

    net = ncnn.Net()
    net.opt.num_threads = 1
    net.load_param(stem + ".param")
    net.load_model(stem + ".bin")

    def run():
        e = net.create_extractor()
        e.input("input", ncnn.Mat(x[0]).clone())
        return np.array(e.extract("output")[1])[None]

    return run


def child(engine, stem, w, h, runs):
    x = np.random.default_rng(3).random((1, 3, h, w), dtype="float32")
    run, cpu = runner(engine, stem, x), []
    out = run()
    for _ in range(runs):
        t = time.process_time()
        run()
        cpu.append(1e3 * (time.process_time() - t))
    np.save("%s.%s.npy" % (stem, engine.replace(" ", "_")), out)
    print(json.dumps(min(cpu)))


def ours(args, engine, stem):
    t = subprocess.run([args.ffgan, "bench", stem + ".pth", "--size", args.size, "--threads", "1",
                        "--precision", engine.split()[1], "--runs", str(args.runs), "--json"],
                       stdout=subprocess.PIPE, check=True).stdout
    return json.loads(t)["cpu_ms_min"]


def measure(args, engine, stem):
    if engine.startswith("ffgan"):
        return ours(args, engine, stem)
    w, h = args.size.split("x")
    t = subprocess.run([sys.executable, __file__, "--child", engine, stem, w, h, str(args.runs)],
                       stdout=subprocess.PIPE, check=True).stdout
    return json.loads(t.splitlines()[-1])


def differences(stem, engines):
    """Of each from PyTorch, in the range: that all ran the same network."""
    path = "%s.%s.npy"
    if "pytorch" not in engines:
        return ""
    want = np.load(path % (stem, "pytorch"))
    return ", ".join("%s %.1g" % (e, np.abs(np.load(path % (stem, e.replace(" ", "_"))) -
                                            want).max())
                     for e in engines if e != "pytorch" and not e.startswith("ffgan"))


def main():
    a = argparse.ArgumentParser()
    a.add_argument("ffgan")
    a.add_argument("--size", default="192x108")
    a.add_argument("--rounds", type=int, default=3)
    a.add_argument("--runs", type=int, default=3)
    a.add_argument("--engines", default=",".join(ENGINES))
    a.add_argument("--networks", default="compact,span,rrdb")
    args = a.parse_args()
    engines = args.engines.split(",")
    print("| network, %s | %s |" % (args.size, " | ".join(engines)))
    print("|---" * (len(engines) + 1) + "|")
    with tempfile.TemporaryDirectory() as tmp:
        for name in args.networks.split(","):
            stem = os.path.join(tmp, name)
            make(name, stem + ".pth")
            subprocess.run([args.ffgan, "model", "export", stem + ".pth", "--onnx",
                            stem + ".onnx"], check=True, stdout=subprocess.DEVNULL)
            to_ncnn(stem + ".onnx", stem)
            best = {e: float("inf") for e in engines}
            for _ in range(args.rounds):
                for e in engines:
                    best[e] = min(best[e], measure(args, e, stem))
            print("| %s | %s |" % (name, " | ".join("%.3g ms" % best[e] for e in engines)))
            print("<!-- from PyTorch: %s -->" % differences(stem, engines), flush=True)


if len(sys.argv) > 1 and sys.argv[1] == "--child":
    child(sys.argv[2], sys.argv[3], int(sys.argv[4]), int(sys.argv[5]), int(sys.argv[6]))
else:
    main()
