#!/bin/sh
# ganfx with what looks at more than one frame, on frames in GPU memory and with
# no GPU: FFmpeg's own CUDA code on a stand-in for the driver, the kernels'
# sources on the CPU.
# SPDX-License-Identifier: LGPL-2.1-or-later
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/../cuda-frames.inc"
. "$(dirname "$0")/../near.sh"

plugin=$BUILD/tests/ffgan-cuda-emulated.so
need_cuda_frames "$plugin"
"$BUILD/tests/filters/mkmodel" image-norm rgb 1 "$T/look.safetensors" || exit 1
look=ganfx=model=$T/look.safetensors:precision=fp32

# Five frames that move, a cut, three more; FORMAT, FILTERS and options of
# ffmpeg that stand before the input.
film="testsrc2=s=62x38:r=5:d=1.6,negate=enable='gte(t,1)'"
run() { # OUT FORMAT FILTERS [OPTIONS]
    out=$1 format=$2 filters=$3
    shift 3
    LD_LIBRARY_PATH=$BUILD/tests/gpu FFGAN_CUDA=$plugin FAKECUDA_LOG=$T/log \
        "$FFMPEG" -v verbose -nostdin -y "$@" -f lavfi \
        -i "$film,$(seethrough "$format")" -vf "$filters" -f rawvideo "$out" \
        > "$T/said" 2>&1
}
gpu="-init_hw_device cuda=g:0 -filter_hw_device g"
both() { # TEXT FORMAT OPTIONS SYNCS
    rm -f "$T/log"
    # shellcheck disable=SC2086
    check "$1, $2: runs" run "$T/g.raw" "$2" \
        "format=$2,hwupload,$look:$3,hwdownload,format=$2,metadata=print:file=$T/g.txt" \
        $gpu
    cp "$T/said" "$T/said.g"
    run "$T/c.raw" "$2" "$look:$3,metadata=print:file=$T/c.txt"
    check "$1, $2: as on the CPU" near "$T/g.raw" "$T/c.raw" 1
    run "$T/n.raw" "$2" "$look"
    check "$1, $2: it does something" differs "$T/g.raw" "$T/n.raw"
    check "$1, $2: what waits, nothing is left" \
        grep -q "^syncs=$4 .*pending=0 live=0 depth=0 contexts=0\$" "$T/log"
}
differs() { ! cmp -s "$1" "$2"; }

# The downloads of eight frames wait, and who asks for numbers.
for f in nv12 yuv444p rgb0 yuva420p bgra; do
    both "steady" $f "steady=0.7" 8
    both "norm=shot" $f "norm=shot:strength=0.8" 8
done
both "both" yuv420p "steady=0.4:norm=shot:steady_bound=0.02" 8

# measure: the numbers of each frame.
flicker() { sed -n "s/^lavfi.ganfx.$1=//p" "$2"; }
numbers_are_near() { # KEY
    flicker "$1" "$T/g.txt" > "$T/1" && flicker "$1" "$T/c.txt" > "$T/2" &&
        [ "$(wc -l < "$T/1")" = 6 ] && paste "$T/1" "$T/2" | awk '
        { d = $1 - $2; if (d < 0) d = -d; if (!(d < 0.05)) exit 1 }'
}
for f in nv12 rgb0; do
    both "measure" $f "steady=0.5:measure=1" 8
    for k in flicker flicker_network flicker_source; do
        check "measure, $f: $k" numbers_are_near $k
    done
done
check "the means are said" grep -q 'flicker over 6 frames' "$T/said.g"

# ---- masks ----
mask() { # OUT SOURCE-FILTERS MASK-FILTERS END
    rm -f "$T/log"
    # shellcheck disable=SC2086
    LD_LIBRARY_PATH=$BUILD/tests/gpu FFGAN_CUDA=$plugin FAKECUDA_LOG=$T/log \
        "$FFMPEG" -v verbose -nostdin -y $gpu -filter_complex \
        "testsrc2=s=62x38:r=5:d=0.8,$2[a];gradients=s=62x38:r=5:d=0.8:seed=3:c0=black:c1=white,format=gray,$3[b];[a][b]$look:mask=input$4" \
        -f rawvideo "$1" > "$T/said" 2>&1
}
full="scale=out_range=full"
for f in nv12 yuv420p rgb0; do
    check "mask, $f: runs" mask "$T/g.raw" "format=$f,hwupload" \
        "$full,format=nv12,hwupload" ",hwdownload,format=$f"
    check "mask, $f: all went back" grep -q \
        '^syncs=4 .*pending=0 live=0 depth=0 contexts=0$' "$T/log"
    mask "$T/c.raw" "format=$f" "$full" ""
    check "mask, $f: as on the CPU" near "$T/g.raw" "$T/c.raw" 1
done
check "mask, later: runs" mask "$T/g.raw" "format=nv12,hwupload" \
    "$full,format=nv12,hwupload" ":enable='gte(t,0.3)',hwdownload,format=nv12"
mask "$T/c.raw" "format=nv12" "$full" ":enable='gte(t,0.3)'"
check "mask, later: as on the CPU" near "$T/g.raw" "$T/c.raw" 1
refused() { # TEXT WORDS ARGUMENTS-OF-mask
    text=$1 words=$2
    shift 2
    if mask "$T/n.raw" "$@"; then
        notok "$text: it ran"
    else
        check "$text" grep -q "$words" "$T/said"
    fi
}
refused "a mask in memory" 'put format=nv12,hwupload before the mask' \
    "format=nv12,hwupload" "null" ",hwdownload,format=nv12"
refused "a picture in memory" 'put hwdownload,format=nv12,format=gray before' \
    "format=nv12" "format=nv12,hwupload" ""
refused "a mask of RGB" 'a mask in GPU memory is its luma, and rgb0 has none' \
    "format=nv12,hwupload" "format=rgb0,hwupload" ",hwdownload,format=nv12"
for f in yuva420p rgba bgra; do
    both "mask=alpha" $f "mask=alpha:strength=0.8" 8
done
both "mask=alpha, steady" yuva420p "mask=alpha:steady=0.6:norm=shot" 8
if run "$T/n.raw" nv12 "hwupload,$look:mask=alpha,hwdownload,format=nv12" \
    -init_hw_device cuda=g:0 -filter_hw_device g; then
    notok "mask=alpha without alpha is refused in words: it ran"
else
    check "mask=alpha without alpha is refused in words" grep -q \
        'have no alpha; those of yuva420p, rgba and bgra have' "$T/said"
fi

# ---- the plug-in for real GPUs, on the stand-in, which checks its memory ----
plugin=$BUILD/lib/ffgan-cuda.so
if [ ! -e "$plugin" ]; then
    skip "the real plug-in" "it was not built: no nvcc here"
    done_testing
    exit
fi
waits() { sed 's/syncs=\([0-9]*\).*/\1/' "$T/log"; }
both "the real plug-in" nv12 "steady=0.5" "[0-9]*"
still=$(waits)
both "the real plug-in, measuring" rgb0 "steady=0.5:measure=1:norm=shot" \
    "[0-9]*"
check "what measures waits once for each of eight frames" \
    [ "$(waits)" -ge $((still + 8)) ]
check "the real plug-in, mask: runs" mask "$T/g.raw" "format=nv12,hwupload" \
    "$full,format=nv12,hwupload" ",hwdownload,format=nv12"
mask "$T/c.raw" "format=nv12" "$full" ""
check "the real plug-in, mask: as on the CPU" near "$T/g.raw" "$T/c.raw" 1
both "the real plug-in, mask=alpha" yuva420p "mask=alpha:steady=0.5" "[0-9]*"
done_testing
