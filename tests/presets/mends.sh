#!/bin/sh
# The shipped in-between network: better than no network where things cover one
# another, and what the presets take.
# SPDX-License-Identifier: LGPL-2.1-or-later
. "$(dirname "$0")/../lib.sh"
cd "$T" || exit 1

# A picture that moves over a zoom: what it covers is seen in one frame only.
"$FFMPEG" -v error -nostdin -f lavfi \
    -i "mandelbrot=s=320x240:r=25,trim=start=4,setpts=PTS-STARTPTS" \
    -f lavfi -i "testsrc2=s=96x80:r=25" \
    -filter_complex "[0][1]overlay=x='20+9*n':y='60+5*n'" -t 1 \
    -c:v ffv1 over.mkv || exit 1
"$FFGAN" eval interp-x2 --data over.mkv --json > scores
psnr() { # WHAT, as eval names it
    awk -F '"psnr":' -v what="\"$1" 'index($0, what) { print $2 + 0 }' scores
}
net=$(psnr network) plain=$(psnr motion) mean=$(psnr mean)
check "interp-x2 mends: $net dB, without it $plain, the mean $mean" \
    awk "BEGIN { exit !($net > $plain + 0.1 && $plain > $mean) }"

"$FFMPEG" -v error -nostdin -i over.mkv -frames:v 3 -c:v ffv1 three.mkv
frames() { # FILE
    "$FFMPEG" -v error -nostdin -i "$1" -map 0:v -fps_mode passthrough \
        -f framemd5 - | grep -v '^#'
}
for p in slowmo-2x fps-60; do
    "$FFGAN" run $p three.mkv -q -o $p.mkv &&
        "$FFGAN" run $p three.mkv -q -o $p-none.mkv --set model=none
    check "$p takes it" sh -c '[ -s one ] && [ "$1" = 0 ]' - "$(
        frames $p.mkv > one
        frames $p-none.mkv > two
        cmp -s one two
        echo $(($? == 0))
    )"
    check "$p: as many frames without it" \
        [ "$(wc -l < one)" = "$(wc -l < two)" ]
done
done_testing
