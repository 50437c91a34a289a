#!/bin/sh
# gansr on frames in GPU memory, with no GPU: FFmpeg's own CUDA code on a
# stand-in for the driver (tests/gpu/fakecuda.c), and the kernels' sources on
# the CPU where that plug-in was built.
# SPDX-License-Identifier: LGPL-2.1-or-later
. "$(dirname "$0")/../lib.sh"

if ! "$FFMPEG" -v error -hwaccels 2> /dev/null | grep -q '^cuda'; then
    skip "frames in GPU memory" "FFmpeg was built without CUDA"
    done_testing
    exit
fi
${CC:-cc} -std=c11 -D_GNU_SOURCE -pthread -shared -fPIC \
    -o "$T/libcuda.so.1" "$ROOT/tests/gpu/fakecuda.c" || exit 1
make_model=$BUILD/tests/filters/mkmodel
"$make_model" compact y 2 "$T/y.safetensors" &&
    "$make_model" compact rgb 2 "$T/rgb.safetensors" || exit 1
emulated=$BUILD/tests/ffgan-cuda-emulated.so

# run OUT FORMAT FILTERS [OPTIONS]: a file of raw frames.
run() {
    out=$1 format=$2 filters=$3
    shift 3
    LD_LIBRARY_PATH=$T FFGAN_CUDA=$plugin FAKECUDA_LOG=$T/log \
        "$FFMPEG" -v verbose -nostdin -noauto_conversion_filters -y \
        "$@" -f lavfi \
        -i "testsrc2=s=62x38:r=5:d=0.8,format=$format" -vf "$filters" \
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
    fails "alpha is refused with what is taken" \
        'CUDA frames of bgra are not taken: use nv12' \
        bgra "hwupload,$y,hwdownload,format=bgra" $gpu
}

# ---- frames ----
if [ ! -e "$emulated" ]; then
    skip "frames through the kernels" "no plug-in that runs them on the CPU"
    done_testing
    exit
fi
plugin=$emulated

# near A B BYTES LEVELS: samples differ by at most LEVELS.
near() {
    [ -s "$1" ] && [ "$(wc -c < "$1")" = "$(wc -c < "$2")" ] &&
        cmp -l "$1" "$2" | awk -v max="$3" '
            function n(o) { return int(o / 100) * 64 + \
                int(o % 100 / 10) * 8 + o % 10 }
            { d = n($2) - n($3); if (d < 0) d = -d
              if (d > max) { print "byte", $1, "differs by", d; bad = 1 } }
            END { exit bad }'
}

near16() { # the same for samples of two bytes
    for i in "$1" "$2"; do od -An -v -w2 -tu2 "$i" > "$i.txt"; done
    [ -s "$1" ] && paste "$1.txt" "$2.txt" | awk -v max="$3" '
        { d = $1 - $2; if (d < 0) d = -d; if (!(d <= max)) bad = 1 }
        END { exit bad }'
}

# shellcheck disable=SC2086
for f in nv12 yuv420p yuv444p rgb0 bgr0; do
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
    FAKECUDA_OOM=2
    export FAKECUDA_OOM
    fails "no memory for a frame fails" 'Cannot allocate memory' \
        nv12 "hwupload,$y,hwdownload,format=nv12" $gpu
    unset FAKECUDA_OOM
    fails "another size than the model's is refused" 'put scale_cuda behind' \
        nv12 "hwupload,$y:w=100:h=70,hwdownload,format=nv12" $gpu
}
done_testing
