#!/bin/sh
# A GPU that fails in the middle of a run: exit 69, the driver's words, nothing
# left behind, and nothing lost where the job goes on later. No GPU: FFmpeg's
# own CUDA code and our plug-in on a stand-in for the driver.
# SPDX-License-Identifier: LGPL-2.1-or-later
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/../cuda-frames.inc"
. "$(dirname "$0")/common.inc"
cd "$T" || exit 1

need_cuda_frames
"$BUILD/tests/filters/mkmodel" compact y 2 sr.safetensors || exit 1
preset() { # NAME CHAIN...
    name=$1
    shift
    {
        printf 'preset: 1\nname: %s\nchain:\n' "$name"
        for f in "$@"; do echo "  - $f"; done
        echo "output: {video: {codec: ffv1, pix_fmt: source}}"
    } > "$name.yaml"
}
sr="gansr: {model: \"$T/sr.safetensors\"}"
preset sr "$sr"
preset mixed "$sr" 'hflip: {}'
mk -f lavfi -i testsrc2=s=62x38:r=10:d=0.6 -c:v libx264 -threads 1 -qp 10 a.mp4

ffgan() {
    LD_LIBRARY_PATH=$BUILD/tests/gpu FAKECUDA_LOG=$T/log "$FFGAN" "$@" \
        > said 2>&1
}
# fails TEXT VARIABLE=N WORDS PRESET: the N-th call of that kind fails.
fails() {
    rm -f log none.mkv
    export "${2?}"
    ffgan run "./$4.yaml" a.mp4 -o none.mkv --device cuda
    rc=$?
    unset "${2%%=*}"
    check "$1: exit 69" [ $rc = 69 ]
    check "$1: says so" grep -q -e "$3" said
    check "$1: leaves no file" [ ! -e none.mkv ]
    check "$1: leaves no context behind" grep -q ' depth=0 contexts=0$' log
}
FFGAN_CUDA=$BUILD/lib/ffgan-cuda.so
export FFGAN_CUDA
if [ ! -e "$FFGAN_CUDA" ]; then
    skip "the real plug-in" "it was not built: no nvcc here"
    done_testing
    exit
fi
fails "a frame up" FAKECUDA_COPY=3 'CUDA_ERROR_LAUNCH_FAILED' sr
fails "a frame down" FAKECUDA_COPY=8 'CUDA_ERROR_LAUNCH_FAILED' sr
fails "the last frame down" FAKECUDA_COPY=36 'CUDA_ERROR_LAUNCH_FAILED' sr
fails "a launch" FAKECUDA_LAUNCH=20 'CUDA: .*CUDA_ERROR_LAUNCH_FAILED' sr
fails "the first launch" FAKECUDA_LAUNCH=1 'CUDA: .*CUDA_ERROR_LAUNCH' sr
fails "a launch, frames in memory" FAKECUDA_LAUNCH=9 \
    'the network failed: CUDA: .*CUDA_ERROR' mixed

# ---- a job that goes on ----
FAKECUDA_LAUNCH=30
export FAKECUDA_LAUNCH
ffgan run ./sr.yaml a.mp4 -o part.mkv --chunk 2 --device cuda
check "in chunks: exit 69" [ $? = 69 ]
check "in chunks: no file yet" [ ! -e part.mkv ]
unset FAKECUDA_LAUNCH
kept=$(find part.mkv.ffgan -name '*.packets' 2> /dev/null | wc -l)
check "what was done before is kept" [ "$kept" -ge 1 ]
check "it goes on" ffgan run ./sr.yaml a.mp4 -o part.mkv --chunk 2 \
    --device cuda
ffgan run ./sr.yaml a.mp4 -o whole.mkv --device cuda
mk -i part.mkv -map 0:v -f rawvideo part.raw
mk -i whole.mkv -map 0:v -f rawvideo whole.raw
check "and gives the whole film" cmp part.raw whole.raw
done_testing
