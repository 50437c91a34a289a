#!/bin/sh
# ganinterp on frames in GPU memory, with no GPU: FFmpeg's own CUDA code on a
# stand-in for the driver, the kernels' sources on the CPU.
# SPDX-License-Identifier: LGPL-2.1-or-later
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/../cuda-frames.inc"
. "$(dirname "$0")/../near.sh"

plugin=$BUILD/tests/ffgan-cuda-emulated.so
need_cuda_frames "$plugin"
"$BUILD/tests/filters/mkmodel" interp y 1 "$T/interp.safetensors" &&
    "$BUILD/tests/filters/mkmodel" fade rgb 1 "$T/fade.safetensors" || exit 1

# Three equal frames, two that move, a cut, three more.
film="testsrc2=s=62x38:r=5:d=1.2,tpad=start=2:start_mode=clone"
film="$film,negate=enable='gte(t,1)'"
run() { # OUT FORMAT FILTERS [OPTIONS]
    out=$1 format=$2 filters=$3
    shift 3
    LD_LIBRARY_PATH=$BUILD/tests/gpu FFGAN_CUDA=$plugin FAKECUDA_LOG=$T/log \
        "$FFMPEG" -v verbose -nostdin -y "$@" -f lavfi \
        -i "$film,$(seethrough "$format")" -vf "$filters" -f rawvideo "$out" \
        > "$T/said" 2>&1
}
both() { # TEXT FORMAT OPTIONS LEVELS [NEAR]
    rm -f "$T/log"
    check "$1: runs" run "$T/g.raw" "$2" \
        "hwupload,ganinterp=precision=fp32:$3,hwdownload,format=$2" \
        -init_hw_device cuda=g:0 -filter_hw_device g
    grep -o '[0-9]* frames made, .*' "$T/said" > "$T/g.count"
    run "$T/c.raw" "$2" "ganinterp=precision=fp32:$3"
    grep -o '[0-9]* frames made, .*' "$T/said" > "$T/c.count"
    check "$1: as on the CPU" "${5:-near}" "$T/g.raw" "$T/c.raw" "$4"
    check "$1: the same frames are made, cuts found" \
        cmp "$T/g.count" "$T/c.count"
    check "$1: nothing is left" grep -q \
        'pending=0 live=0 depth=0 contexts=0$' "$T/log"
}
for f in nv12 yuv444p rgb0 yuva420p rgba bgra; do
    both "none, $f" $f factor=2 0
    both "a network, $f" $f "factor=2:model=$T/interp.safetensors" 1
    both "a whole network, $f" $f "factor=3:model=$T/fade.safetensors" 1
done
check "frames were made" grep -q '^[1-9]' "$T/g.count"
check "a cut was found" grep -q ' 1 cuts' "$T/g.count"
both "a grid" yuv420p fps=12 0
both "slow" nv12 factor=4:slowmo=2 0
both "ten bits" p010le "factor=2:model=$T/interp.safetensors" 64 near16
both "full range" nv12 "factor=2:range=full:model=$T/fade.safetensors" 1

fails() { # TEXT WORDS FILTERS
    if run "$T/n.raw" nv12 "hwupload,$3,hwdownload,format=nv12" \
        -init_hw_device cuda=g:0 -filter_hw_device g; then
        notok "$1: it ran"
    else
        check "$1" grep -q "$2" "$T/said"
    fi
}
fails "a GPU that is named is that GPU" \
    'device=cuda:1, but the frames are on cuda:0' 'ganinterp=device=cuda\\:1'
film=testsrc2=s=14x40:r=5:d=0.6
fails "small frames" '14x40, allowed 16x16 to' ganinterp
film=testsrc2=s=62x38:r=5:d=0.8
FFGAN_CUDA=$T/nothing.so plugin=$T/nothing.so
fails "no plug-in is one sentence" 'CUDA: FFGAN_CUDA is .* cannot be read' \
    ganinterp

plugin=$BUILD/lib/ffgan-cuda.so
if [ ! -e "$plugin" ]; then
    skip "the real plug-in" "it was not built: no nvcc here"
    done_testing
    exit
fi
both "the real plug-in" nv12 "factor=2:model=$T/interp.safetensors" 1
both "the real plug-in, a whole network" rgb0 \
    "factor=2:model=$T/fade.safetensors" 1
check "nothing of its own is left" grep -q \
    'pinned=0 streams=0 events=0 modules=0 graphs=0 execs=0' "$T/log"
# Three intervals are asked about, four frames and three between come down.
check "one wait an interval, one a frame down" grep -q '^syncs=1[0-9] ' "$T/log"
done_testing
