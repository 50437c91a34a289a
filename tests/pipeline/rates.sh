#!/bin/sh
# Chains that change the number of frames, in chunks: the same frames at the
# same times as in one piece, whatever the chunks; what cannot be so is refused.
# SPDX-License-Identifier: LGPL-2.1-or-later
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/common.inc"
cd "$T" || exit 1
preset() { # NAME CHAIN...
    name=$1
    shift
    {
        printf 'preset: 1\nname: %s\nchain:\n' "$name"
        for f in "$@"; do echo "  - $f"; done
        printf 'output:\n  video: {codec: ffv1, pix_fmt: source}\n  copy: [audio]\n'
    } > "$name.yaml"
}
md5() { mk -i "$1" -map 0:v -f framemd5 - | grep -v '^#'; }
packets_of() {
    "$FFPROBE" -v error -show_entries packet=stream_index,pts,dts,duration -of csv "$1" | sort
}
same() { "$1" "$2" > s1 && "$1" "$3" > s2 && [ -s s1 ] && cmp s1 s2; }

mk -f lavfi -i testsrc2=s=96x64:r=24000/1001:d=4 -f lavfi -i sine=d=4 -c:v libx264 -g 24 -bf 3 \
    -threads 1 -c:a aac cfr.mp4
mk -f lavfi -i testsrc2=s=96x64:r=30:d=4 -vf "select='not(mod(n*n,5))+not(mod(n,3))'" \
    -fps_mode vfr -c:v libx264 -g 20 -bf 2 vfr.mp4
mk -f lavfi -i testsrc2=s=96x64:r=25:d=3 -c:v ffv1 -g 10 pal.mkv
mk -itsoffset 1.7 -i pal.mkv -c copy late.mkv
# Cuts, for filters that look for them.
mk -f lavfi -i "testsrc2=s=96x64:r=25:d=3" -vf "hue=h='90*floor(t*4)',negate=enable='mod(floor(t*3),2)'" \
    -c:v ffv1 -g 10 cuts.mkv

preset up 'fps: {fps: 60}'
preset down 'fps: {fps: 10}'
preset near 'fps: {fps: 24, round: down}'
preset eof 'fps: {fps: 30, eof_action: pass}'
preset mixed 'framerate: {fps: 50}'
preset mixed60 'framerate: {fps: 60}'
preset blend 'minterpolate: {fps: 50, mi_mode: blend}'
preset dup 'minterpolate: {fps: 37, mi_mode: dup, scd: none}'
preset fields 'yadif: {mode: send_field}'
preset bfields 'bwdif: {mode: send_field, deint: all}'
preset halves separatefields:
preset between 'ganinterp: {fps: 60}'
preset double 'ganinterp: {factor: 2}'
preset step 'framestep: {step: 3}'
preset window 'tmix: {frames: 4}' 'fps: {fps: 60}' 'tmix: {frames: 3}' 'fps: {fps: 25}'
preset stepped 'atadenoise: {s: 5}' 'framestep: {step: 2}' 'fps: {fps: 30}'

LIST="up:cfr.mp4 up:vfr.mp4 down:cfr.mp4 down:vfr.mp4 near:vfr.mp4 eof:cfr.mp4 up:late.mkv
 mixed:cuts.mkv mixed60:pal.mkv blend:cuts.mkv blend:cfr.mp4 dup:vfr.mp4 fields:pal.mkv bfields:pal.mkv
 halves:pal.mkv between:cuts.mkv between:vfr.mp4 double:cfr.mp4 step:cfr.mp4 window:cfr.mp4 window:vfr.mp4 stepped:cfr.mp4"
SIZES=${LESS:+"11"}
for row in $LIST; do
    p=${row%%:*} f=${row#*:}
    check "$p, $f: whole" run ./$p.yaml $f -o w.mkv
    for n in ${SIZES:-7 40}; do
        check "$p, $f: chunks of $n" run ./$p.yaml $f -o c.mkv --chunk $n
        check "$p, $f: chunks of $n: the frames" same md5 w.mkv c.mkv
        check "$p, $f: chunks of $n: all times" same packets_of w.mkv c.mkv
        rm -f c.mkv
    done
    rm -f w.mkv
done
# That the tests can fail: less than what the filters need.
for row in window:cfr.mp4 stepped:cfr.mp4; do
    p=${row%%:*} f=${row#*:}
    run ./$p.yaml $f -o w.mkv
    if run ./$p.yaml $f -o c.mkv --chunk 7 --overlap 0 && same md5 w.mkv c.mkv > cmp; then
        notok "$p: with no overlap the frames are others"
    else
        ok "$p: with no overlap the frames are others, or it is refused"
    fi
    rm -f c.mkv w.mkv
done
check "four workers" run ./window.yaml cfr.mp4 -o w.mkv
check "four workers: chunks" run ./window.yaml cfr.mp4 -o c.mkv --chunk 13 --workers 4
check "four workers: the frames" same md5 w.mkv c.mkv

# plan says what comes out.
check "plan" cli plan ./up.yaml cfr.mp4 -o q.mkv --chunk 100 --json
check "plan: frames that come out" grep -q '"frames":240' out
for k in 0 1 2; do cli worker q.mkv.ffgan --chunk $k; done
check "status" cli status q.mkv.ffgan
check "status: frames that come out" grep -q '240 of 240 frames' out
check "assemble" cli assemble q.mkv.ffgan
check "assemble: frames" [ "$(frames q.mkv)" = 240 ]
check "sound" sound_is_equal cfr.mp4 q.mkv

# Pictures: numbers go on behind the last, in chunks as in one piece.
mkdir in w c
mk -i pal.mkv -frames:v 20 -start_number 1001 in/a.%04d.png
sed 's/ffv1/png/' up.yaml > pics.yaml
check "pictures, whole" run ./pics.yaml in/a.%04d.png -o w/b.%04d.png
check "pictures in chunks" run ./pics.yaml in/a.%04d.png -o c/b.%04d.png --chunk 9
check "pictures: the same files" diff -r w c
check "pictures: 48 of 20" [ "$(ls c | wc -l)" = 48 ]

# What depends on more than near frames, or on the first one.
preset motion 'minterpolate: {fps: 50}'
preset start 'fps: {fps: 50, start_time: 0.2}'
preset slow 'framerate: {fps: 15}'
preset drops decimate:
preset drops2 mpdecimate:
preset selects 'select: {expr: "not(mod(n,2))"}'
preset twice 'fps: {fps: 50}' 'framestep: {step: 2}'
for p in motion start slow drops drops2 selects twice; do
    refused "$p is not cut" 78 "preset '$p'" run ./$p.yaml pal.mkv -o r.mkv --chunk 20
    check "$p: nothing is left" [ ! -e r.mkv.ffgan ]
done
done_testing
