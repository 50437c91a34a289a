#!/bin/sh
# Frames in = frames out, at the same times, with the same sound.
# SPDX-License-Identifier: LGPL-2.1-or-later
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/common.inc"
cd "$T" || exit 1

V="-f lavfi -i testsrc2=s=96x64:r=25:d=2"
A="-f lavfi -i sine=f=440:d=2:r=48000"

# B-frames, sound with encoder delay, edit lists.
mk $V $A -c:v libx264 -bf 3 -preset veryfast -c:a aac cfr.mp4
mk $V $A -c:v libx264 -bf 3 -preset veryfast -c:a aac cfr.mkv
for out in a.mp4 a.mov; do
    check "cfr.mp4 to $out" run "$P" cfr.mp4 -o $out
    check "cfr.mp4 to $out: times are equal" times_are_equal cfr.mp4 $out 0
    check "cfr.mp4 to $out: sound is equal" sound_is_equal cfr.mp4 $out
    pts_of cfr.mp4 a > t.in
    pts_of $out a > t.out
    check "cfr.mp4 to $out: times of the sound are equal" cmp t.in t.out
    check "cfr.mp4 to $out: length" [ \
        "$(probe cfr.mp4 format=duration)" = "$(probe $out format=duration)" ]
    check "cfr.mp4 to $out: packets start where they did" [ \
        "$(probe cfr.mp4 stream=start_time)" = "$(probe $out stream=start_time)" ]
done
# Matroska counts milliseconds.
check "cfr.mp4 to mkv" run "$P" cfr.mp4 -o b.mkv
check "cfr.mp4 to mkv: times within 0.5 ms" times_are_equal cfr.mp4 b.mkv 0.0006
check "cfr.mp4 to mkv: sound is equal" sound_is_equal cfr.mp4 b.mkv
check "cfr.mkv to mkv" run "$P" cfr.mkv -o c.mkv
check "cfr.mkv to mkv: times are equal" times_are_equal cfr.mkv c.mkv 0
check "cfr.mkv to mkv: sound is equal" sound_is_equal cfr.mkv c.mkv
check "cfr.mkv to mp4" run "$P" cfr.mkv -o d.mp4
check "cfr.mkv to mp4: times are equal" times_are_equal cfr.mkv d.mp4 0.000001
check "cfr.mkv to mp4: sound is equal" sound_is_equal cfr.mkv d.mp4

# Frames at irregular times.
mk -f lavfi -i testsrc2=s=96x64:r=60:d=2 -vf "select='not(mod(n,7))+gt(n,60)*not(mod(n,3))'" \
    -fps_mode vfr -c:v libx264 -bf 2 vfr.mkv
for out in vfr-out.mkv vfr-out.mp4; do
    check "vfr.mkv to $out" run "$P" vfr.mkv -o $out
    check "vfr.mkv to $out: times are equal" times_are_equal vfr.mkv $out 0.000001
done

# A start that is not zero, sound first and picture first.
mk $V $A -c:v libx264 -c:a aac -output_ts_offset 5.25 off.mkv
mk -itsoffset 0.533 $V $A -map 0 -map 1 -c:v libx264 -bf 2 -c:a aac late.mp4
check "off.mkv: kept" run "$P" off.mkv -o off-out.mkv
check "off.mkv: times are equal" times_are_equal off.mkv off-out.mkv 0
check "late.mp4: kept" run "$P" late.mp4 -o late-out.mp4
check "late.mp4: times are equal" times_are_equal late.mp4 late-out.mp4 0
pts_of late.mp4 a > t.in
pts_of late-out.mp4 a > t.out
check "late.mp4: times of the sound are equal" cmp t.in t.out

# Few frames, and encoders that hold frames back.
for n in 1 2 25; do
    mk -f lavfi -i testsrc2=s=96x64:r=25 -frames:v $n -c:v libx264 n.mp4
    check "$n frame(s) with x264" run "$P" n.mp4 -o n-out.mp4 -y
    check "$n frame(s) are $n" [ "$(frames n-out.mp4)" = $n ]
    check "$n frame(s): times are equal" times_are_equal n.mp4 n-out.mp4 0
done
check "x265" run "$P" n.mp4 -o h.mp4 --set codec=libx265
check "x265: times are equal" times_are_equal n.mp4 h.mp4 0
check "x265 says nothing by itself" sh -c '! grep -q x265 err'
check "vp9 in webm" run "$P" n.mp4 -o v.webm --set codec=libvpx-vp9
check "vp9 in webm: times within 0.5 ms" times_are_equal n.mp4 v.webm 0.0006
check "MPEG-TS" run "$P" n.mp4 -o m.ts
check "MPEG-TS: 25 frames" [ "$(frames m.ts)" = 25 ]

# A chain that declares another rate.
sed 's/- zscale.*/- fps: {fps: 50}/' "$P" > fps.yaml
check "a chain that doubles the rate" run ./fps.yaml n.mp4 -o f.mp4
check "a chain that doubles the rate: 50 frames" [ "$(frames f.mp4)" = 50 ]
sed 's/- zscale.*/- shuffleframes: {mapping: "0 -1"}/' "$P" > half.yaml
refused "a chain that loses frames is refused" 78 "gave 12 frames for 25" \
    run ./half.yaml n.mp4 -o g.mp4
check "it leaves nothing" [ ! -e g.mp4 ]
check "no temporary file is left" nothing_left .
done_testing
