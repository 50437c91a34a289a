#!/usr/bin/env python3
# Whole networks by ffgan and by other engines, interleaved; ms a frame, best of
# the rounds, as time passed and (--cpu, for a machine with other work on it) as
# CPU time of all threads. Every engine is driven through its public interface, in a process
# of its own, with the same network: convolutions folded, activations, sums and
# the pixel shuffle (without the enlarged input, which only ffgan adds).
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# peers.py FFGAN [--networks A,B,fast-x2,balanced-x2] [--sizes 480x270,...]
#          [--threads 1,2] [--rounds 3] [--runs 5] [--cpu] [--engines LIST]
# Engines that are not installed are named and left out. A private environment:
#   python3 -m venv ENV && ENV/bin/pip install ncnn onnxruntime onnx openvino
#   ENV/bin/python tests/bench/peers.py build/bin/ffgan
# PyTorch is also looked for in /usr/bin/python3 (Debian's python3-torch).
import argparse, json, os, subprocess, sys, tempfile, time

OURS = {
    "A": "compact:channels=64,layers=16,scale=4,activation=prelu,base=nearest",
    "B": "compact:channels=24,layers=4,scale=2,base=nearest",
    "fast-x2": "fast-x2",
    "balanced-x2": "balanced-x2",
}


def compact(c, f, layers, scale, act):
    net = [("conv", c, f, act)]
    net += [("conv", f, f, act)] * layers
    return net + [("conv", f, c * scale * scale, None), ("shuffle", scale)]


def res(c, f, blocks, scale):
    net = [("conv", c, f, None), ("push",)]
    for _ in range(blocks):
        net += [("push",), ("conv", f, f, "relu"), ("conv", f, f, None), ("add",)]
    net += [("conv", f, f, None), ("add",)]
    return net + [("conv", f, c * scale * scale, None), ("shuffle", scale)]


def span(f, blocks, scale):
    """SPAN: 3x3 convolutions with SiLU, gates, four values joined at the end."""
    net = [("conv", 3, f, None), ("keep", "head")]
    for i in range(blocks):
        net += [("push",), ("conv", f, f, "silu"), ("keep", "first"), ("conv", f, f, "silu"),
                ("conv", f, f, None), ("gate",)] + [("keep", "b1")] * (i == 0)
    net += [("conv", f, f, None), ("join", ("head", "b1", "first"))]
    return net + [("conv", 4 * f, f, None, 1), ("conv", f, 3 * scale * scale, None), ("shuffle", scale)]


NETS = {
    "span": span(28, 6, 4),
    "A": compact(3, 64, 16, 4, "prelu"),
    "B": compact(3, 24, 4, 2, "relu"),
    "fast-x2": compact(1, 16, 4, 2, "relu"),
    "balanced-x2": res(3, 32, 6, 2),
}


def conv(step):
    """ic, oc, activation, kernel"""
    return step[1:4] + (step[4] if len(step) > 4 else 3,)


def weights(rng, ic, oc, k=3):
    return (rng.standard_normal((oc, ic, k, k)) * (2.0 / (k * k * ic)) ** 0.5).astype("float32")


def channels(net):
    return net[0][1]


# ---- ONNX: for ONNX Runtime and OpenVINO ----

def onnx_model(net, w, h, path):
    import numpy as np
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    rng, nodes, init, stack, x = np.random.default_rng(1), [], [], [], "in"
    kept = {}
    init.append(numpy_helper.from_array(np.float32(0.5), "half"))

    def emit(op, inputs, **attr):
        y = "v%d" % len(nodes)
        nodes.append(helper.make_node(op, inputs, [y], **attr))
        return y

    for i, step in enumerate(net):
        if step[0] == "conv":
            ic, oc, act, k = conv(step)
            for name, v in (("w", weights(rng, ic, oc, k)), ("b", np.zeros(oc, "float32"))):
                init.append(numpy_helper.from_array(v, "%s%d" % (name, i)))
            x = emit("Conv", [x, "w%d" % i, "b%d" % i], kernel_shape=[k, k], pads=[k // 2] * 4)
            if act == "relu":
                x = emit("Relu", [x])
            elif act == "silu":
                x = emit("Mul", [x, emit("Sigmoid", [x])])
            elif act == "prelu":
                init.append(numpy_helper.from_array(np.full((oc, 1, 1), 0.25, "float32"), "s%d" % i))
                x = emit("PRelu", [x, "s%d" % i])
        elif step[0] == "push":
            stack.append(x)
        elif step[0] == "add":
            x = emit("Add", [x, stack.pop()])
        elif step[0] == "keep":
            kept[step[1]] = x
        elif step[0] == "gate":
            x = emit("Mul", [emit("Add", [x, stack.pop()]),
                             emit("Sub", [emit("Sigmoid", [x]), "half"])])
        elif step[0] == "join":
            x = emit("Concat", [x] + [kept[k] for k in step[1]], axis=1)
        else:
            x = emit("DepthToSpace", [x], blocksize=step[1], mode="CRD")
    c = channels(net)
    graph = helper.make_graph(
        nodes, "net", [helper.make_tensor_value_info("in", TensorProto.FLOAT, [1, c, h, w])],
        [helper.make_tensor_value_info(x, TensorProto.FLOAT, None)], init)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.save(model, path)


def run_onnxruntime(net, w, h, threads, precision, tmp):
    import numpy as np
    import onnxruntime as ort

    ort.set_default_logger_severity(3)
    path = os.path.join(tmp, "net.onnx")
    onnx_model(net, w, h, path)
    if precision == "int8":
        from onnxruntime.quantization import CalibrationDataReader, quantize_static

        class Reader(CalibrationDataReader):
            left = 2

            def get_next(self):
                self.left -= 1
                return {"in": np.random.rand(1, channels(net), h, w).astype("float32")} \
                    if self.left >= 0 else None

        quantize_static(path, path + ".q", Reader(), per_channel=True)
        path += ".q"
    o = ort.SessionOptions()
    o.intra_op_num_threads = threads
    o.inter_op_num_threads = 1
    s = ort.InferenceSession(path, o, providers=["CPUExecutionProvider"])
    x = {"in": np.random.rand(1, channels(net), h, w).astype("float32")}
    return "onnxruntime " + ort.__version__, lambda: s.run(None, x)


def run_openvino(net, w, h, threads, precision, tmp):
    import numpy as np
    import openvino as ov

    path = os.path.join(tmp, "net.onnx")
    onnx_model(net, w, h, path)
    core = ov.Core()
    m = core.compile_model(path, "CPU", {
        "INFERENCE_NUM_THREADS": threads, "NUM_STREAMS": 1, "ENABLE_CPU_PINNING": False,
        "INFERENCE_PRECISION_HINT": "bf16" if precision == "bf16" else "f32"})
    got = str(m.get_property("INFERENCE_PRECISION_HINT"))
    r = m.create_infer_request()
    x = np.random.rand(1, channels(net), h, w).astype("float32")
    return "openvino %s (%s)" % (ov.__version__.split("-")[0], got), lambda: r.infer({0: x})


# ---- ncnn ----

def ncnn_files(net, tmp):
    import numpy as np

    rng, lines, blob, stack, data = np.random.default_rng(1), [], ["in"], [], b""
    count = [1]

    def new():
        count[0] += 1
        return "v%d" % count[0]

    def layer(kind, ins, outs, params=""):
        lines.append("%s l%d %d %d %s %s" % (kind, len(lines), len(ins), len(outs),
                                             " ".join(ins + outs), params))

    def split(x):
        a, b = new(), new()
        layer("Split", [x], [a, b])
        return a, b

    layer("Input", [], ["in"])
    x, kept = "in", {}
    for step in net:
        if step[0] == "conv":
            ic, oc, act, k = conv(step)
            y = new()
            fused = " 9=1" if act == "relu" else ""
            layer("Convolution", [x], [y], "0=%d 1=%d 4=%d 5=1 6=%d%s"
                  % (oc, k, k // 2, oc * ic * k * k, fused))
            data += b"\0\0\0\0" + weights(rng, ic, oc, k).tobytes() + np.zeros(oc, "float32").tobytes()
            x = y
            if act == "silu":
                x = new()
                layer("Swish", [y], [x])
            if act == "prelu":
                y = new()
                layer("PReLU", [x], [y], "0=%d" % oc)
                data += np.full(oc, 0.25, "float32").tobytes()
                x = y
        elif step[0] == "push":
            x, y = split(x)
            stack.append(y)
        elif step[0] == "add":
            y = new()
            layer("BinaryOp", [x, stack.pop()], [y], "0=0")
            x = y
        elif step[0] == "keep":
            x, kept[step[1]] = split(x)
        elif step[0] == "gate":
            a, b = split(x)
            sum_, sig, half, x = new(), new(), new(), new()
            layer("BinaryOp", [a, stack.pop()], [sum_], "0=0")
            layer("Sigmoid", [b], [sig])
            layer("BinaryOp", [sig], [half], "0=1 1=1 2=0.5")
            layer("BinaryOp", [sum_, half], [x], "0=2")
        elif step[0] == "join":
            y = new()
            layer("Concat", [x] + [kept[k] for k in step[1]], [y], "0=0")
            x = y
        else:
            layer("PixelShuffle", [x], ["out"], "0=%d" % step[1])
    p, b = os.path.join(tmp, "n.param"), os.path.join(tmp, "n.bin")
    with open(p, "w") as f:
        f.write("7767517\n%d %d\n%s\n" % (len(lines), count[0] + 1, "\n".join(lines)))
    with open(b, "wb") as f:
        f.write(data)
    return p, b


def run_ncnn(net, w, h, threads, precision, tmp):
    import ncnn
    import numpy as np

    p, b = ncnn_files(net, tmp)
    n = ncnn.Net()
    n.opt.num_threads = threads
    n.opt.use_vulkan_compute = False
    n.opt.use_bf16_storage = precision == "bf16"
    n.opt.use_fp16_storage = n.opt.use_fp16_packed = n.opt.use_fp16_arithmetic = False
    if n.load_param(p) or n.load_model(b):
        raise RuntimeError("ncnn refused the network")
    pixels = np.random.rand(channels(net), h, w).astype("float32")
    x = ncnn.Mat(pixels).clone()

    def once():
        e = n.create_extractor()
        e.input("in", x)
        if e.extract("out")[0]:
            raise RuntimeError("ncnn failed")

    isa = "" if ncnn.cpu_support_x86_avx2() else " (no AVX2!)"
    return "ncnn %s%s" % (ncnn.__version__, isa), once


# ---- PyTorch ----

def run_torch(net, w, h, threads, precision, tmp):
    import contextlib
    import torch
    from torch import nn

    torch.set_num_threads(threads)

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.steps = nn.ModuleList()
            for s in net:
                if s[0] == "conv":
                    self.steps.append(nn.Sequential(
                        nn.Conv2d(s[1], s[2], conv(s)[3], padding=conv(s)[3] // 2),
                        {"relu": nn.ReLU(), "prelu": nn.PReLU(s[2]), "silu": nn.SiLU(),
                         None: nn.Identity()}[s[3]]))
                else:
                    self.steps.append(nn.PixelShuffle(s[1]) if s[0] == "shuffle" else nn.Identity())

        def forward(self, x):
            stack, kept = [], {}
            for s, m in zip(net, self.steps):
                if s[0] == "push":
                    stack.append(x)
                elif s[0] == "add":
                    x = x + stack.pop()
                elif s[0] == "keep":
                    kept[s[1]] = x
                elif s[0] == "gate":
                    x = (x + stack.pop()) * (torch.sigmoid(x) - 0.5)
                elif s[0] == "join":
                    x = torch.cat([x] + [kept[k] for k in s[1]], 1)
                else:
                    x = m(x)
            return x

    m = Net().eval().to(memory_format=torch.channels_last)
    x = torch.rand(1, channels(net), h, w).contiguous(memory_format=torch.channels_last)
    cast = torch.autocast("cpu", dtype=torch.bfloat16) if precision == "bf16" \
        else contextlib.nullcontext()

    def once():
        with torch.inference_mode(), cast:
            m(x)

    return "torch " + torch.__version__, once


CHILD = {"onnxruntime": run_onnxruntime, "openvino": run_openvino, "ncnn": run_ncnn,
         "torch": run_torch}
PRECISIONS = {"onnxruntime": ["fp32", "int8"], "openvino": ["fp32", "bf16"],
              "ncnn": ["fp32", "bf16"], "torch": ["fp32", "bf16"]}


def child(engine, name, w, h, threads, precision, runs):
    with tempfile.TemporaryDirectory() as tmp:
        what, once = CHILD[engine](NETS[name], w, h, threads, precision, tmp)
        ms, cpu = [], []
        for _ in range(runs + 1):
            t, c = time.perf_counter(), time.process_time()
            once()
            ms.append(1e3 * (time.perf_counter() - t))
            cpu.append(1e3 * (time.process_time() - c))
    print(json.dumps({"what": what, "ms": sorted(ms[1:]), "cpu": sorted(cpu[1:])}))


# ---- the table ----

def call(cmd, threads):
    cpus = sorted(os.sched_getaffinity(0))[-threads:]
    env = dict(os.environ, OMP_NUM_THREADS=str(threads))
    return subprocess.run(cmd, capture_output=True, text=True, env=env,
                          preexec_fn=lambda: os.sched_setaffinity(0, cpus))


def ours(ffgan, name, size, threads, precision, runs):
    with tempfile.TemporaryDirectory() as tmp:
        net = OURS.get(name)
        if not net:
            net = os.path.join(tmp, "net.onnx")
            onnx_model(NETS[name], *map(int, size.split("x")), net)
        r = call([ffgan, "bench", net, "--size", size, "--threads", str(threads),
                  "--precision", precision, "--runs", str(runs), "--json"], threads)
    j = json.loads(r.stdout)
    return {"what": "ffgan %s, %.1f dB" % (j["isa"], j["snr_db"]), "ms": [j["ms_min"]],
            "cpu": [j["cpu_ms_min"]]}


def python_of(engine):
    for py in [sys.executable] + (["/usr/bin/python3"] if engine == "torch" else []):
        if subprocess.run([py, "-c", "import " + engine], capture_output=True).returncode == 0:
            return py
    return None


def table(args, pythons, name, size, threads):
    w, h = size.split("x")
    best, what = {}, {}
    kind = "cpu" if args.cpu else "ms"
    for _ in range(args.rounds):
        for p in ("int16", "fp32", "bf16"):
            r = ours(args.ffgan, name, size, threads, p, args.runs)
            key = ("ffgan", p)
            best[key], what[key] = min(best.get(key, 1e9), r[kind][0]), r["what"]
        for e, py in pythons.items():
            for p in PRECISIONS[e]:
                r = call([py, os.path.abspath(__file__), "--child", e, name, w, h,
                          str(threads), p, str(args.runs)], threads)
                if r.returncode:
                    what[(e, p)] = "failed: " + (r.stderr.strip().splitlines() or ["?"])[-1][:60]
                    continue
                j = json.loads(r.stdout.splitlines()[-1])
                best[(e, p)], what[(e, p)] = min(best.get((e, p), 1e9), j[kind][0]), j["what"]
    print("\n%s %s, %d thread%s" % (name, size, threads, "s" * (threads > 1)))
    for k in what:
        print("  %-12s %-6s %9s  %s" % (k[0], k[1], "%.1f ms" % best[k] if k in best else "-", what[k]))
    peers = {k: v for k, v in best.items() if k[0] != "ffgan"}
    for ours_p, allowed in (("bf16", ("bf16",)), ("int16", ("bf16",)), ("int16", ("fp32", "bf16", "int8")),
                            ("fp32", ("fp32",))):
        near = [(v, k) for k, v in peers.items() if k[1] in allowed]
        if near:
            v, k = min(near)
            print("  ffgan %s is %.2f times as fast as the best of %s (%s %s)"
                  % (ours_p, v / best[("ffgan", ours_p)], "/".join(allowed), k[0], k[1]))
    sys.stdout.flush()


def main():
    a = argparse.ArgumentParser()
    a.add_argument("ffgan")
    a.add_argument("--cpu", action="store_true")
    a.add_argument("--engines", default=",".join(CHILD))
    a.add_argument("--networks", default="A,B,fast-x2,balanced-x2")
    a.add_argument("--sizes", default="480x270")
    a.add_argument("--threads", default="1,2")
    a.add_argument("--rounds", type=int, default=3)
    a.add_argument("--runs", type=int, default=5)
    args = a.parse_args()
    pythons = {e: python_of(e) for e in args.engines.split(",")}
    for e in [e for e, py in pythons.items() if not py]:
        print("%s: not installed" % e)
    pythons = {e: py for e, py in pythons.items() if py}
    for size in args.sizes.split(","):
        for name in args.networks.split(","):
            for threads in args.threads.split(","):
                table(args, pythons, name, size, int(threads))


if __name__ == "__main__":
    if len(sys.argv) > 1 and sys.argv[1] == "--child":
        e, n, w, h, t, p, r = sys.argv[2:]
        child(e, n, int(w), int(h), int(t), p, int(r))
    else:
        main()
