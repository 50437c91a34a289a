#!/bin/sh
# Outputs of a given size; other tools' patterns; lists of frames; EXR.
# SPDX-License-Identifier: LGPL-2.1-or-later
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/common.inc"
cd "$T" || exit 1
mk -f lavfi -i testsrc2=s=96x54:r=25:d=0.2 -c:v libx264 in.mp4
mk -f lavfi -i testsrc2=s=72x58:r=25:d=0.2 -vf setsar=16/11 -c:v libx264 dvd.mkv
size_of() { "$FFPROBE" -v error -select_streams v -show_entries stream=width,height,sample_aspect_ratio -of csv=p=0 "$1"; }
up() { cli upscale "$@" --set speed=ultrafast; }
check "--size x108" up in.mp4 -o a.mkv --size x108
check "--size x108: 192x108" [ "$(size_of a.mkv | cut -d , -f 1,2)" = 192,108 ]
check "--size 150x" up in.mp4 -o b.mkv --size 150x
check "--size 150x: even, the same shape" [ "$(size_of b.mkv | cut -d , -f 1,2)" = 150,84 ]
check "--size 384x216" up in.mp4 -o c.mkv --size 384x216
check "--size 384x216: by the x4 network" grep -q "upscale-4x" err
check "--size 384x216: its size" [ "$(size_of c.mkv | cut -d , -f 1,2)" = 384,216 ]
check "--size 108x108" up in.mp4 -o d.mkv --size 108x108
check "--size 108x108: shown as wide as before" [ "$(size_of d.mkv)" = 108,108,16:9 ]
check "anamorphic, x116" up dvd.mkv -o e.mkv --size x116
check "anamorphic, x116: its pixels keep their shape" [ "$(size_of e.mkv)" = 144,116,16:11 ]
check "anamorphic, exact" up dvd.mkv -o f.mkv --size 192x108
# 72 * 16 * 108 : 58 * 11 * 192 = 324:319; Matroska says it in shown pixels.
check "anamorphic, exact: shown as wide as before" [ "$(size_of f.mkv)" = 192,108,65:64 ]
check "a chain without gansr" run "$N" in.mp4 -o g.mkv --size x28
check "a chain without gansr: its size" [ "$(size_of g.mkv | cut -d , -f 1,2)" = 50,28 ]
for s in 3 x 0x9 1x1 x99999 9x9x9 axb; do
    refused "--size $s" 64 "WxH" up in.mp4 -o z.mkv --size $s
done
check "--size in chunks" up in.mp4 -o h.mkv --size x108 --chunk 2
mk -i a.mkv -f framemd5 a.md5
mk -i h.mkv -f framemd5 h.md5
check "--size in chunks: size" [ "$(size_of h.mkv)" = "$(size_of a.mkv)" ]

mkdir s
mk -f lavfi -i testsrc2=s=32x18:r=24:d=0.5 -start_number 1001 s/a.%04d.png
for p in 'a.####.png' 'a.@@@@.png' 'a.$F4.png' 'a.<frame04>.png'; do
    rm -f s/b.*
    check "pattern $p" cli upscale "s/$p" -o "s/b.####.png"
    check "pattern $p: all" [ "$(ls s/b.* | wc -l)" = 12 ]
done
rm -f s/b.*
check "--frames" cli upscale s/a.%04d.png -o s/b.%04d.png --frames 1001-1010x3,1012
check "--frames: their numbers" [ "$(ls s | grep ^b | tr -d '\n')" = b.1001.pngb.1004.pngb.1007.pngb.1010.pngb.1012.png ]
rm -f s/b.*
check "--frames in chunks" cli upscale s/a.%04d.png -o s/b.%04d.png --frames 1001-1010x3,1012 --chunk 2
check "--frames in chunks: their numbers" [ "$(ls s | grep ^b | tr -d '\n')" = b.1001.pngb.1004.pngb.1007.pngb.1010.pngb.1012.png ]
refused "--frames: one is missing" 66 "a.1013.png" cli upscale s/a.%04d.png -o s/c.%04d.png --frames 1010-1013
refused "--frames that is no list" 64 "not a list of frames" cli upscale s/a.%04d.png -o s/c.%04d.png --frames 5-1
refused "--frames for a video" 64 "sequences of pictures" cli upscale in.mp4 -o z.mkv --frames 1-5

# EXR: scene-linear light through the network, whole and in chunks.
mk -f lavfi -i testsrc2=s=32x18:r=24:d=0.25 -vf format=gbrpf32,setparams=color_trc=linear s/e.%04d.exr
check "EXR" cli upscale 's/e.####.exr' -o 's/f.####.exr'
check "EXR in chunks" cli upscale 's/e.####.exr' -o 's/g.####.exr' --chunk 2
check "EXR: the same file in chunks" cmp s/f.0006.exr s/g.0006.exr
check "EXR: twice as wide" [ "$(size_of s/f.0001.exr | cut -d , -f 1,2)" = 64,36 ]
check "EXR: the source's attributes" grep -aq framesPerSecond s/f.0001.exr
mk -i s/e.%04d.exr -frames:v 1 -vf zscale=w=64:h=36 -f rawvideo -pix_fmt gbrpf32le e.raw
mk -i s/f.0001.exr -f rawvideo -pix_fmt gbrpf32le f.raw
check "EXR: near a plain enlargement" python3 -c "
import array
a, b = array.array('f'), array.array('f')
a.frombytes(open('e.raw', 'rb').read()); b.frombytes(open('f.raw', 'rb').read())
d = sum((x - y) ** 2 for x, y in zip(a, b)) / len(a)
assert len(a) == len(b) == 64 * 36 * 3 and d < 0.02, d"
head -c 900 s/e.0003.exr > cut && cp cut s/e.0003.exr
refused "EXR cut short" 65 "e.0003.exr" cli upscale 's/e.####.exr' -o 's/h.####.exr'
done_testing
