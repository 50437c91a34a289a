#!/bin/sh
# OpenEXR pictures with layers through a network, on one thread and several:
# each layer is enlarged, whether or not gansr would hold frames of their size.
# SPDX-License-Identifier: LGPL-2.1-or-later
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/common.inc"
cd "$T" || exit 1
mkdir in one two three

# Uncompressed scanlines of half floats, channels in the order of their names.
python3 - in/f.0001.exr in/f.0002.exr << 'E'
import struct
import sys

W, H = 40, 24
NAMES = ["B", "G", "R", "diffuse.B", "diffuse.G", "diffuse.R"]


def attribute(name, kind, value):
    return name.encode() + b"\0" + kind.encode() + b"\0" + struct.pack("<i", len(value)) + value


def picture(seed):
    channels = b"".join(n.encode() + b"\0" + struct.pack("<iBxxxii", 1, 0, 1, 1)
                        for n in NAMES) + b"\0"
    box = struct.pack("<4i", 0, 0, W - 1, H - 1)
    head = struct.pack("<ii", 20000630, 2)
    for a in (("channels", "chlist", channels), ("compression", "compression", b"\0"),
              ("dataWindow", "box2i", box), ("displayWindow", "box2i", box),
              ("lineOrder", "lineOrder", b"\0"), ("pixelAspectRatio", "float", struct.pack("<f", 1)),
              ("screenWindowCenter", "v2f", struct.pack("<2f", 0, 0)),
              ("screenWindowWidth", "float", struct.pack("<f", 1))):
        head += attribute(*a)
    head += b"\0"
    rows = [struct.pack("<ii", y, 2 * W * len(NAMES)) + b"".join(
        struct.pack("<e", ((x * 7 + y * 3 + 11 * c + seed) % 64) / 64)
        for c in range(len(NAMES)) for x in range(W)) for y in range(H)]
    at = len(head) + 8 * H
    return head + b"".join(struct.pack("<Q", at + y * len(rows[0])) for y in range(H)) + b"".join(rows)


for i, path in enumerate(sys.argv[1:]):
    open(path, "wb").write(picture(5 * i))
E
"$BUILD/tests/filters/mkmodel" compact rgb 2 net.safetensors || exit 1
cat > p.yaml << E
preset: 1
chain:
  - gansr: {model: $T/net.safetensors}
output:
  container: image2
  video: {codec: exr}
E
check "on one thread" run p.yaml in/f.%04d.exr -o one/f.%04d.exr --threads 1
check "on two" run p.yaml in/f.%04d.exr -o two/f.%04d.exr --threads 2
sed 's/net.safetensors/&, inflight: 2/' p.yaml > q.yaml
check "on two, several at a time" run q.yaml in/f.%04d.exr -o three/f.%04d.exr \
    --threads 2
for i in 1 2; do
    for d in one three; do # the header names the preset
        tail -c 4000 $d/f.000$i.exr > $d/end
    done
    check "picture $i: the same again" cmp one/end three/end
    check "picture $i: the same, all layers" cmp one/f.000$i.exr two/f.000$i.exr
    check "picture $i: its layer is there" grep -qa "diffuse.R" two/f.000$i.exr
done
done_testing
