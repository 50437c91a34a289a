#!/bin/sh
# Odd containers: clocks that jump, sound that is cut into other packets,
# codecs that a container knows and refuses, files without counts.
# SPDX-License-Identifier: LGPL-2.1-or-later
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/common.inc"
cd "$T" || exit 1

V="-f lavfi -i testsrc2=s=96x64:r=25:d=1"
A="-f lavfi -i sine=f=440:d=1:r=48000"
X="-c:v libx264 -preset veryfast -bf 2"
steps() { # FILE v|a: distances of the frames in ms, each once
    pts_of "$1" "$2" | awk 'NR > 1 { printf "%.0f\n", ($1 - p) * 1000 } { p = $1 }' |
        sort -un | tr '\n' ' '
}

# The clock of MPEG-TS: before its turn, after it, and jumps both ways.
mk $V $A $X -c:a aac -output_ts_offset 95443 -muxdelay 0 wrap.ts
mk $V $A $X -c:a aac p1.ts
mk $V $A $X -c:a aac -output_ts_offset 1000 p2.ts
cat p1.ts p2.ts > up.ts
cat p2.ts p1.ts > down.ts
for out in wrap.mkv wrap.mp4; do
    check "wrap.ts to $out" run "$P" wrap.ts -o $out
    check "wrap.ts to $out: 25 frames" [ "$(frames $out)" = 25 ]
    check "wrap.ts to $out: the move is said" grep -q "before zero: all times are moved by 0.7" err
    for s in v a; do
        pts_of wrap.ts $s > t.in
        pts_of $out $s > t.out
        check "wrap.ts to $out: $s is moved as a whole" sh -c \
            'paste t.in t.out | awk "{ d = \$2 - \$1 - 0.740; if (d < -0.0011 || d > 0.0011) exit 1 }"'
    done
done
for f in up down; do
    for out in $f.mkv $f.mp4; do
        check "$f.ts to $out" run "$P" $f.ts -o $out
        check "$f.ts to $out: 50 frames, no gap" [ "$(frames $out) $(steps $out v)" = "50 40 " ]
        check "$f.ts to $out: the jump is said" grep -q "1 jump(s) of the clock" err
        check "$f.ts to $out: all the sound" [ "$(pts_of $out a | wc -l)" = "$(pts_of $f.ts a | wc -l)" ]
    done
done
check "a clock without jumps is left alone" run "$P" p2.ts -o p2.mkv
check "a clock without jumps: times are equal" times_are_equal p2.ts p2.mkv 0.0006

# Pictures without times.
for f in raw.h264 bf.avi; do
    mk $V $X $f
    check "$f" run "$P" $f -o raw.mkv -y
    check "$f: 25 frames, 40 ms each" [ "$(frames raw.mkv) $(steps raw.mkv v)" = "25 40 " ]
    check "$f: no warning" sh -c '! grep -q warning err'
done

# Sound whose packets are not the container's, or have no length.
mk $V $A -c:v mpeg2video -c:a pcm_s16le pcm.mxf
mk $V $A $X -c:a alac alac.mkv
for f in pcm.mxf alac.mkv; do
    check "$f to mp4" run "$P" $f -o sound.mp4 -y
    check "$f to mp4: sound is equal" sound_is_equal $f sound.mp4
done
check "alac.mkv to mkv: length" run "$P" alac.mkv -o alac-out.mkv
check "alac.mkv to mkv: length is equal" [ \
    "$(probe alac.mkv format=duration)" = "$(probe alac-out.mkv format=duration)" ]

# Codecs that MOV knows and refuses; what Matroska takes by its AVI number.
mk $V $A $X -c:a libopus opus.mkv
mk $V $A $X -c:a truehd -strict -2 truehd.mkv
check "opus in mov" run "$P" opus.mkv -o opus.mov
check "opus in mov: is named" grep -q "stream 1 (audio, opus) is left out: mov" err
check "opus in mp4" run "$P" opus.mkv -o opus.mp4
check "opus in mp4: sound is equal" sound_is_equal opus.mkv opus.mp4
check "truehd in mp4" run "$P" truehd.mkv -o truehd.mp4
check "truehd in mp4: is named" grep -q "stream 1 (audio, truehd) is left out: mp4" err
mk $V $A -c:v wmv2 -c:a wmav2 w.wmv
mk $V $A $X -c:a pcm_alaw alaw.mov
for f in w.wmv alaw.mov; do
    check "$f to mkv" run "$P" $f -o odd.mkv -y
    check "$f to mkv: sound is equal" sound_is_equal $f odd.mkv
done
check "utvideo in mkv" run "$P" alaw.mov -o ut.mkv --set codec=utvideo
refused "dnxhd in mkv" 78 "use .mov" run "$P" alaw.mov -o dnx.mkv --set codec=dnxhd

# Timecode and chapter tracks are not lost data.
mk $V $A $X -c:a aac -timecode 01:00:00:00 tc.mov
check "timecode" run "$P" tc.mov -o tc-out.mov
check "timecode: no warning" sh -c '! grep -q warning err'
check "timecode is equal" [ \
    "$(probe tc-out.mov stream_tags=timecode -select_streams v)" = 01:00:00:00 ]

# Encoders that count frames.
mk -f lavfi -i testsrc2=s=96x64:r=30000/1001:d=1 $X -output_ts_offset 3.21 ntsc.ts
for c in mpeg2video mpeg4; do
    check "$c" run "$P" ntsc.ts -o count.mkv --set codec=$c -y
    check "$c: times are equal" times_are_equal ntsc.ts count.mkv 0.0011
done
mk -f lavfi -i testsrc2=s=96x64:r=25:d=2 -fps_mode vfr -enc_time_base 1/90000 \
    -vf "settb=1/90000,setpts=PTS+eq(N\,40)*1013" $X vfr.mp4
refused "mpeg2video for a rate that varies" 78 "constant rate" \
    run "$P" vfr.mp4 -o v.mkv --set codec=mpeg2video

# MP4 in fragments, NUT, HEVC as Apple's players want it.
sed 's/  copy: .*/  options: {movflags: +frag_keyframe+empty_moov}\n  container: mp4/' "$P" > frag.yaml
check "mp4 in fragments" run ./frag.yaml tc.mov -o frag.mp4
check "mp4 in fragments: 25 frames" [ "$(frames frag.mp4)" = 25 ]
check "nut" run "$P" tc.mov -o tc.nut
check "nut: 25 frames" [ "$(frames tc.nut)" = 25 ]
check "HEVC in mp4" run "$P" tc.mov -o hevc.mp4 --set codec=libx265
check "HEVC in mp4 is hvc1" [ "$(probe hevc.mp4 stream=codec_tag_string -select_streams v)" = hvc1 ]

# Cut files without a count of frames.
mk $V $A $X -c:a aac x.flv
mk $V $A $X -c:a aac -movflags +frag_keyframe+empty_moov x.mp4
for f in x.flv x.mp4 pcm.mxf; do
    check "$f, whole" run "$P" $f -o whole.mkv -y
    size=$(wc -c < $f)
    for part in 40 70; do
        head -c $((size * part / 100)) $f > cut.${f#*.}
        refused "$f, cut at $part %" 65 "cut.${f#*.}: " run "$P" cut.${f#*.} -o cut.mkv
    done
done
check "cut.mxf with --allow-errors" run "$P" cut.mxf -o cut.mkv --allow-errors
check "no temporary file is left" nothing_left .
done_testing
