#!/bin/sh
# gansrc that gives frames in GPU memory, with no GPU: FFmpeg's own CUDA code on
# a stand-in for the driver, the kernels' sources on the CPU.
# SPDX-License-Identifier: LGPL-2.1-or-later
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/../cuda-frames.inc"
. "$(dirname "$0")/../near.sh"

plugin=$BUILD/tests/ffgan-cuda-emulated.so
need_cuda_frames "$plugin"
for m in dcgan plate texture; do
    "$BUILD/tests/filters/mkmodel" $m rgb 1 "$T/$m.safetensors" || exit 1
done

run() { # OUT SOURCE FILTERS
    LD_LIBRARY_PATH=$BUILD/tests/gpu FFGAN_CUDA=$plugin FAKECUDA_LOG=$T/log \
        "$FFMPEG" -v verbose -nostdin -y -filter_complex "$2,$3" \
        -f rawvideo "$1" > "$T/said" 2>&1
}
inner=
both() { # TEXT MODEL FORMAT CPU-FILTERS LEVELS NEAR [OPTIONS]
    src=gansrc=model=$T/$2.safetensors:s=64x40:nb_frames=4:precision=fp32
    src=$src${7:+:$7}
    rm -f "$T/log"
    check "$1: runs" run "$T/g.raw" "$src:device=cuda:samples=$3" \
        "hwdownload,format=$3$inner"
    run "$T/c.raw" "$src" "$4$inner"
    check "$1: as on the CPU" "$6" "$T/g.raw" "$T/c.raw" "$5"
    check "$1: nothing waits but the downloads, nothing is left" grep -q \
        "^syncs=4 .*pending=0 live=0 depth=0 contexts=0\$" "$T/log"
}
# To R'G'B' one code of rounding; to Y'CbCr the scaler's arithmetic has 14 bits.
yuv="format=gbrpf32,zscale=m=709:r=limited:min=gbr:rin=full:f=bicubic:c=left"
for m in dcgan plate texture; do
    both "$m, rgb0" $m rgb0 format=rgb0 1 near
done
both "yuv444p" plate yuv444p "$yuv,format=yuv444p" 1 near
inner=,crop=56:32:4:4 # edges are repeated here and mirrored there
both "nv12" dcgan nv12 "$yuv,format=nv12" 2 near
both "p010" dcgan p010le "$yuv,format=yuv420p10,format=p010le" 128 near16
inner=
both "seamless" dcgan rgb0 format=rgb0 1 near seamless=xy
both "linear" dcgan rgb0 format=rgb0 1 near transfer=linear

fails() { # TEXT WORDS OPTIONS FILTERS
    if run "$T/n.raw" "gansrc=model=$T/dcgan.safetensors:d=0.1:$3" "$4"; then
        notok "$1: it ran"
    else
        check "$1" grep -q "$2" "$T/said"
    fi
}
fails "samples that are not made" 'CUDA frames of rgba are not taken: use nv12' \
    device=cuda:samples=rgba hwdownload
fails "a GPU that is not there" 'gives no device 3' 'device=cuda\\:3' \
    hwdownload,format=nv12

plugin=$BUILD/lib/ffgan-cuda.so
if [ ! -e "$plugin" ]; then
    skip "the real plug-in" "it was not built: no nvcc here"
    done_testing
    exit
fi
src=gansrc=model=$T/dcgan.safetensors:s=64x40:nb_frames=4
rm -f "$T/log"
check "the real plug-in: runs" run "$T/g.raw" "$src:device=cuda:seamless=x" \
    "hwdownload,format=nv12"
run "$T/c.raw" "$src:precision=fp32:seamless=x" "$yuv,format=nv12"
check "the real plug-in: as on the CPU" near "$T/g.raw" "$T/c.raw" 3
check "the real plug-in: nothing is left" grep -q \
    'pinned=0 streams=0 events=0 modules=0 graphs=0 execs=0 pending=0 live=0 depth=0 contexts=0' \
    "$T/log"
done_testing
