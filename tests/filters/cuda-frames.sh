#!/bin/sh
# gansr on frames in GPU memory, with no GPU: FFmpeg's own CUDA code on a
# stand-in for the driver (tests/gpu/fakecuda.c), and the kernels' sources on
# the CPU where that plug-in was built.
# SPDX-License-Identifier: LGPL-2.1-or-later
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/../cuda-frames.inc"
. "$(dirname "$0")/../near.sh"

need_cuda_frames
${CC:-cc} -std=c11 -D_GNU_SOURCE -pthread -shared -fPIC \
    -o "$T/libcuda.so.1" "$ROOT"/tests/gpu/fakecuda.c || exit 1
make_model=$BUILD/tests/filters/mkmodel
"$make_model" compact y 2 "$T/y.safetensors" &&
    "$make_model" compact rgb 2 "$T/rgb.safetensors" &&
    "$make_model" image-norm rgb 1 "$T/look.safetensors" || exit 1
emulated=$BUILD/tests/ffgan-cuda-emulated.so

size=62x38 long=0.8
# run OUT FORMAT FILTERS [OPTIONS]: a file of raw frames.
run() {
    out=$1 format=$2 filters=$3
    shift 3
    LD_LIBRARY_PATH=$T FFGAN_CUDA=$plugin FAKECUDA_LOG=$T/log \
        "$FFMPEG" -v verbose -nostdin -noauto_conversion_filters -y \
        "$@" -f lavfi \
        -i "testsrc2=s=$size:r=5:d=$long,$(seethrough "$format")" -vf "$filters" \
        -f rawvideo "$out" > "$T/said" 2>&1
}
gpu="-init_hw_device cuda=g:0 -filter_hw_device g"

fails() { # TEXT WORDS FORMAT FILTERS [OPTIONS]
    text=$1 words=$2
    shift 2
    if run "$T/none.raw" "$@"; then
        notok "$text: it ran"
    else
        check "$text" grep -q "$words" "$T/said"
    fi
}

y=gansr=model=$T/y.safetensors
rgb=gansr=model=$T/rgb.safetensors
look=ganfx=model=$T/look.safetensors

# ---- what needs no kernels ----
plugin=
rm -f "$T/log"
# shellcheck disable=SC2086
check "the stand-in moves frames up and down" \
    run "$T/a.raw" nv12 hwupload,hwdownload,format=nv12 $gpu
run "$T/b.raw" nv12 null
check "to the bit" cmp "$T/a.raw" "$T/b.raw"
check "each frame down is one wait; all memory goes back" \
    grep -q '^syncs=4 .*live=0 depth=0 contexts=0$' "$T/log"
plugin=$T/nothing.so
# shellcheck disable=SC2086
{
    fails "no plug-in is one sentence" 'CUDA: FFGAN_CUDA is .* cannot be read' \
        nv12 "hwupload,$y,hwdownload,format=nv12" $gpu
    fails "frames of the GPU are not taken to the CPU" \
        'device=cpu with frames in GPU memory' \
        nv12 "hwupload,$y:device=cpu,hwdownload,format=nv12" $gpu
    fails "a GPU that is named is that GPU" \
        'device=cuda:1, but the frames are on cuda:0' \
        nv12 "hwupload,$y:device=cuda\\\\:1,hwdownload,format=nv12" $gpu
    fails "ganfx: no plug-in is one sentence" \
        'CUDA: FFGAN_CUDA is .* cannot be read' \
        nv12 "hwupload,$look,hwdownload,format=nv12" $gpu
}

# ---- frames ----
if [ ! -e "$emulated" ]; then
    skip "frames through the kernels" "no plug-in that runs them on the CPU"
    done_testing
    exit
fi
plugin=$emulated

# shellcheck disable=SC2086
for f in nv12 yuv420p yuv444p rgb0 bgr0 yuva420p rgba bgra; do
    for m in y rgb; do
        net=$y
        [ $m = y ] || net=$rgb
        rm -f "$T/log"
        check "$m, $f: runs" \
            run "$T/g.raw" $f \
            "hwupload,$net:precision=fp32,hwdownload,format=$f" $gpu
        run "$T/c.raw" $f "$net:precision=fp32"
        check "$m, $f: as on the CPU" near "$T/g.raw" "$T/c.raw" 1
        check "$m, $f: nothing waits but the downloads, nothing is left" \
            grep -q '^syncs=4 .*live=0 depth=0 contexts=0$' "$T/log"
    done
done
# shellcheck disable=SC2086
{
    for f in p010 p016; do
        check "$f: runs" run "$T/g.raw" $f \
            "hwupload,$rgb:precision=fp32,hwdownload,format=$f" $gpu
        run "$T/c.raw" $f "$rgb:precision=fp32"
        check "$f: as on the CPU" near16 "$T/g.raw" "$T/c.raw" 64
    done
    for f in nv12 yuv444p rgb0 yuva420p rgba; do
        rm -f "$T/log"
        check "ganfx, $f: runs" run "$T/g.raw" $f \
            "hwupload,$look:strength=0.7:precision=fp32,hwdownload,format=$f" \
            $gpu
        run "$T/c.raw" $f "$look:strength=0.7:precision=fp32"
        check "ganfx, $f: as on the CPU" near "$T/g.raw" "$T/c.raw" 1
        check "ganfx, $f: nothing waits but the downloads, nothing is left" \
            grep -q '^syncs=4 .*live=0 depth=0 contexts=0$' "$T/log"
    done
    part="enable='gte(t,0.3)'"
    check "ganfx, from some time on: runs" run "$T/g.raw" nv12 \
        "hwupload,$look:precision=fp32:$part,hwdownload,format=nv12" $gpu
    run "$T/c.raw" nv12 "$look:precision=fp32:$part"
    check "ganfx, from some time on: as on the CPU" \
        near "$T/g.raw" "$T/c.raw" 1
    # Alpha is enlarged, as such: not copied, and not by the network.
    run "$T/c.raw" bgra "$rgb:precision=fp32:blend=0.5"
    check "blend, bgra: runs" run "$T/g.raw" bgra \
        "hwupload,$rgb:precision=fp32:blend=0.5,hwdownload,format=bgra" $gpu
    check "blend, bgra: as on the CPU" near "$T/g.raw" "$T/c.raw" 1
    alpha="$rgb:precision=fp32,hwdownload,format=bgra,alphaextract"
    check "alpha alone: runs" run "$T/g.raw" bgra "hwupload,$alpha" $gpu
    run "$T/c.raw" bgra "alphaextract,scale=w=iw*2:h=ih*2:flags=bicubic:param0=0:param1=0.5"
    check "alpha alone: as any bicubic of -0.5 makes it" \
        near "$T/g.raw" "$T/c.raw" 2
    # The network fits, what frames need beside it does not.
    size=256x160 long=0.2
    run "$T/c.raw" nv12 "$rgb:precision=fp32"
    FFGAN_EMULATED_MIB=5
    export FFGAN_EMULATED_MIB
    check "with little memory: runs" run "$T/g.raw" nv12 \
        "hwupload,$rgb:precision=fp32,hwdownload,format=nv12" $gpu
    check "with little memory: the same picture" near "$T/g.raw" "$T/c.raw" 1
    FFGAN_EMULATED_MIB=4
    fails "with less: one sentence" 'not in tiles of 64x40 either' nv12 \
        "hwupload,$rgb:precision=fp32,hwdownload,format=nv12" $gpu
    unset FFGAN_EMULATED_MIB
    size=62x38 long=0.8
    FAKECUDA_OOM=2
    export FAKECUDA_OOM
    fails "no memory for a frame fails" 'Cannot allocate memory' \
        nv12 "hwupload,$y,hwdownload,format=nv12" $gpu
    unset FAKECUDA_OOM
    fails "another size than the model's is refused" 'put scale_cuda behind' \
        nv12 "hwupload,$y:w=100:h=70,hwdownload,format=nv12" $gpu
}
done_testing
