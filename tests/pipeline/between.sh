#!/bin/sh
# ganinterp and ganfx in chunks: the same frames and times as in one piece.
# SPDX-License-Identifier: LGPL-2.1-or-later
. "$(dirname "$0")/../lib.sh"
mk=$BUILD/tests/filters/mkmodel
[ -x "$mk" ] || mk=$ROOT/build/tests/filters/mkmodel
"$mk" image rgb 1 "$T/image.safetensors" &&
    "$mk" interp rgb 1 "$T/interp.safetensors" || exit 1
cd "$T" || exit 1
"$FFMPEG" -v error -nostdin -f lavfi -i testsrc2=s=96x64:r=24:d=1 \
    -f lavfi -i mandelbrot=s=96x64:r=24 -filter_complex \
    "[1]trim=end_frame=25[b];[0][b]concat,format=yuv420p" -c:v ffv1 -g 1 in.mkv
"$FFMPEG" -v error -nostdin -i in.mkv -vf "select=not(eq(mod(n\,5)\,3))" \
    -fps_mode passthrough -c:v ffv1 -g 1 vfr.mkv

preset() { # NAME FILTER
    cat > "$1.yaml" << END
preset: 1
help: a test
chain: [{$2}]
output:
  video: {codec: ffv1, pix_fmt: source}
  container: matroska
  copy: none
END
}
preset double "ganinterp: {model: $T/interp.safetensors}"
preset sixty "ganinterp: {fps: 60}"
preset fx "ganfx: {model: $T/image.safetensors, steady: 0.6}"

frames() { # FILE: time and checksum of each
    "$FFMPEG" -v error -nostdin -i "$1" -fps_mode passthrough -f framemd5 - |
        awk -F, '!/^#/ { print $3, $6 }'
}
for p in double sixty fx; do
    for i in in vfr; do
        rm -f one.mkv parts.mkv
        "$FFGAN" run "./$p.yaml" $i.mkv -q -o one.mkv &&
            "$FFGAN" run "./$p.yaml" $i.mkv -q -o parts.mkv --chunk 10
        frames one.mkv > one
        frames parts.mkv > parts
        check "$p of $i.mkv: $(wc -l < one) frames, parts are the whole" \
            sh -c '[ -s one ] && cmp one parts'
    done
done
preset shot "ganfx: {model: $T/image.safetensors, norm: shot}"
"$FFGAN" run ./shot.yaml in.mkv -q -o shot.mkv --chunk 10 2> msg
check "statistics of a shot are not cut" \
    sh -c '[ $1 = 78 ] && grep -q "ganfx remembers" msg' - $?
check "twice the frames" [ "$("$FFGAN" run ./double.yaml in.mkv -q -o d.mkv &&
    frames d.mkv | wc -l)" = 98 ]
done_testing
