#!/bin/sh
# gansrc that gives frames in GPU memory, with no GPU: FFmpeg's own CUDA code on
# a stand-in for the driver, the kernels' sources on the CPU.
# SPDX-License-Identifier: LGPL-2.1-or-later
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/../cuda-frames.inc"
. "$(dirname "$0")/../near.sh"

plugin=$BUILD/tests/ffgan-cuda-emulated.so
need_cuda_frames "$plugin"
for m in dcgan dcgan-alpha plate texture; do
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
both "a plate without seams" plate rgb0 format=rgb0 1 near seamless=xy

# ---- alpha ----
for f in rgba bgra; do
    both "alpha of the model, $f" dcgan-alpha $f format=$f 1 near alpha=model
    both "alpha of luma, $f" plate $f format=$f 1 near alpha=luma
done
pre=alpha_mode=premultiplied
both "alpha of the model, times colours" dcgan-alpha rgba format=rgba 1 near \
    "alpha=model:$pre"
both "alpha of luma, times colours" plate rgba format=rgba 1 near \
    "alpha=luma:alpha_low=0.2:alpha_high=0.7:$pre"
both "alpha of luma, light" dcgan rgba format=rgba 1 near \
    "alpha=luma:alpha_low=0.1:alpha_high=0.9:transfer=linear"
both "alpha of the model, light times it" dcgan-alpha rgba format=rgba 1 near \
    "alpha=model:transfer=linear:$pre"
inner=,crop=56:32:4:4
yuva="format=gbrap16,split[a][b];[a]format=gbrpf32,zscale=m=709:r=limited:min=gbr:rin=full:f=bicubic:c=left,format=yuv420p[y];[b]alphaextract,format=gray[c];[y][c]alphamerge"
both "alpha of the model, yuva420p" dcgan-alpha yuva420p "$yuva" 2 near \
    "alpha=model:$pre"
inner=

fails() { # TEXT WORDS OPTIONS FILTERS
    if run "$T/n.raw" "gansrc=model=$T/dcgan.safetensors:d=0.1:$3" "$4"; then
        notok "$1: it ran"
    else
        check "$1" grep -q "$2" "$T/said"
    fi
}
fails "samples that are not taken" \
    'CUDA frames of gbrap are not taken: use nv12, .* with alpha, yuva420p,' \
    device=cuda:samples=gbrap:alpha=luma hwdownload
fails "samples that FFmpeg has not" \
    'FFmpeg has no CUDA frames of yuva444p: use nv12, .* with alpha, yuva420p,' \
    device=cuda:samples=yuva444p:alpha=luma hwdownload
fails "samples with alpha, and none" \
    'samples=rgba has alpha, which alpha=none does not make: use nv12' \
    device=cuda:samples=rgba hwdownload
fails "alpha, and samples without" \
    'samples=nv12 has no alpha for alpha=: use yuva420p, rgba or bgra' \
    device=cuda:samples=nv12:alpha=luma hwdownload
rm -f "$T/log"
check "alpha, samples unset: rgba" run "$T/n.raw" \
    "gansrc=model=$T/dcgan.safetensors:nb_frames=1:alpha=luma:device=cuda" \
    hwdownload,format=rgba
fails "a GPU that is not there" 'gives no device 3' 'device=cuda\\:3' \
    hwdownload,format=nv12

plugin=$BUILD/lib/ffgan-cuda.so
if [ ! -e "$plugin" ]; then
    skip "the real plug-in" "it was not built: no nvcc here"
    done_testing
    exit
fi
waits() { sed 's/syncs=\([0-9]*\).*/\1/' "$T/log"; }
src=gansrc=model=$T/dcgan.safetensors:s=64x40:nb_frames=4
rm -f "$T/log"
check "the real plug-in: runs" run "$T/g.raw" "$src:device=cuda:seamless=x" \
    "hwdownload,format=nv12"
run "$T/c.raw" "$src:precision=fp32:seamless=x" "$yuv,format=nv12"
check "the real plug-in: as on the CPU" near "$T/g.raw" "$T/c.raw" 3
check "the real plug-in: nothing is left" grep -q \
    'pinned=0 streams=0 events=0 modules=0 graphs=0 execs=0 pending=0 live=0 depth=0 contexts=0' \
    "$T/log"
src=gansrc=model=$T/plate.safetensors:s=64x40:nb_frames=4
rm -f "$T/log"
check "the real plug-in, a plate: runs" run "$T/g.raw" \
    "$src:device=cuda:precision=fp32:alpha=luma" "hwdownload,format=rgba"
run "$T/c.raw" "$src:precision=fp32:alpha=luma" format=rgba
check "the real plug-in, a plate: as on the CPU" near "$T/g.raw" "$T/c.raw" 1
done_testing
