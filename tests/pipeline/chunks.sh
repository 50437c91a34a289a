#!/bin/sh
# Jobs in chunks: the same frames however they are cut, and no work lost.
# SPDX-License-Identifier: LGPL-2.1-or-later
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/common.inc"
cd "$T" || exit 1
preset() { # NAME CHAIN...: lossless, all streams
    name=$1
    shift
    {
        printf 'preset: 1\nname: %s\nparams:\n  codec: {default: ffv1, help: encoder}\nchain:\n' "$name"
        for f in "$@"; do echo "  - $f"; done
        printf 'output:\n  video: {codec: "${codec}", pix_fmt: source}\n'
        echo '  copy: [audio, subtitles, attachments, chapters, metadata]'
    } > "$name.yaml"
}
preset net 'gansr: {model: fast-x2}'
preset plain 'hflip: {}'
preset mix 'tmix: {frames: 4}'
preset both 'atadenoise: {s: 9}'
preset deflicker 'deflicker: {size: 5}'
preset remembers 'hqdn3d: {}'
md5() { mk -i "$1" -map 0:v -f framemd5 - | grep -v '^#'; }
all_times() {
    "$FFPROBE" -v error -show_entries packet=stream_index,pts,dts,duration \
        -of csv "$1" | sort
}
# The picture's frames in order of showing, whatever the decoding times.
shown() {
    "$FFPROBE" -v error -select_streams v -show_entries packet=pts,duration \
        -of csv=p=0 "$1" | sort -t , -k 1n
}
differ() { ! same "$@"; }
same() { # CMD A B
    "$1" "$2" > s1 && "$1" "$3" > s2 && [ -s s1 ] && cmp s1 s2
}

mk -f lavfi -i testsrc2=s=128x72:r=24000/1001:d=5 -f lavfi -i sine=d=5 \
    -c:v libx264 -g 24 -bf 3 -threads 1 -c:a aac cfr.mp4
printf '1\n00:00:01,000 --> 00:00:02,000\nhello\n' > s.srt
printf ';FFMETADATA1\n[CHAPTER]\nTIMEBASE=1/1000\nSTART=0\nEND=2000\ntitle=one\n' > c.txt
mk -i cfr.mp4 -i s.srt -i c.txt -map 0 -map 1 -map_metadata 2 -c copy -metadata title=t full.mkv
mk -f lavfi -i testsrc2=s=128x72:r=30:d=4 -vf "select='not(mod(n*n,5))+not(mod(n,3))'" \
    -fps_mode vfr -c:v libx264 -g 20 -bf 2 vfr.mp4
mk -i vfr.mp4 -c copy vfr.mkv
mk -f lavfi -i testsrc2=s=128x72:r=25:d=4 -f lavfi -i sine=d=4 -c:v libx264 -g 12 \
    -x264-params open-gop=1:bframes=3:scenecut=0 -c:a aac open.mp4
mk -i open.mp4 -c copy open.ts
mk -i open.mp4 -c copy open.mkv
mk -f lavfi -i testsrc2=s=128x72:r=25:d=4 -c:v libx264 -x264-params intra-refresh=1:keyint=20 refresh.mkv
mk -f lavfi -i testsrc2=s=128x72:r=25:d=3 -c:v mpeg2video -bf 2 -g 12 m2.mpg
mk -f lavfi -i testsrc2=s=128x72:r=25:d=3 -c:v mpeg4 -bf 2 -g 12 m4.avi
mk -f lavfi -i testsrc2=s=128x72:r=25:d=3 -c:v libx265 -x265-params log-level=error:keyint=16 hevc.mkv
mk -f lavfi -i testsrc2=s=128x72:r=25:d=3 -c:v libvpx-vp9 -g 16 vp9.webm
mk -ss 1.3 -i cfr.mp4 -c copy edit.mov
mk -itsoffset 3 -i cfr.mp4 -c copy late.mkv

# Chunk invariance: sizes against a whole run, and all streams' times.
for f in cfr.mp4 full.mkv vfr.mp4 vfr.mkv open.mp4 open.ts open.mkv refresh.mkv \
    m2.mpg m4.avi hevc.mkv vp9.webm edit.mov late.mkv; do
    check "$f: whole run" run ./plain.yaml $f -o w-$f.mkv
    for n in 1 7 37; do
        check "$f: chunks of $n" run ./plain.yaml $f -o c-$f.mkv --chunk $n
        check "$f: chunks of $n: the frames" same md5 w-$f.mkv c-$f.mkv
        check "$f: chunks of $n: all packets' times" same all_times w-$f.mkv c-$f.mkv
        check "$f: chunks of $n: no folder stays" [ ! -e c-$f.mkv.ffgan ]
        rm -f c-$f.mkv
    done
done
for c in mp4 mov mkv; do
    check "libx264 in $c: whole" run ./plain.yaml cfr.mp4 -o x-w.$c --set codec=libx264
    check "libx264 in $c: 25 chunks" run ./plain.yaml cfr.mp4 -o x-c.$c --set codec=libx264 --chunk 5
    check "libx264 in $c: 0 ms of drift" same shown x-w.$c x-c.$c
    check "libx264 in $c: sound" sound_is_equal cfr.mp4 x-c.$c
    check "VFR, libx264 in $c: whole" run ./plain.yaml vfr.mp4 -o v-w.$c --set codec=libx264
    check "VFR, libx264 in $c: chunks of 4" run ./plain.yaml vfr.mp4 -o v-c.$c --set codec=libx264 --chunk 4
    check "VFR, libx264 in $c: 0 ms of drift" same shown v-w.$c v-c.$c
done
for c in libx265 libvpx-vp9 mpeg4 prores_ks; do
    check "$c in mov or mkv: chunks of 30" run ./plain.yaml cfr.mp4 -o e-$c.mkv --set codec=$c --chunk 30
    check "$c: frames" [ "$(frames e-$c.mkv)" = 120 ]
    check "$c: times" times_are_equal cfr.mp4 e-$c.mkv 0.0011
done
tags() {
    "$FFPROBE" -v error -show_chapters -show_entries format_tags=title:stream=codec_name "$1"
}
check "full.mkv in chunks" run ./plain.yaml full.mkv -o full-c.mkv --chunk 50
check "full.mkv: chapters, title, subtitles" [ "$(tags full-c.mkv | grep -c 'title=one\|title=t\|subrip')" = 3 ]

# Temporal support: exact with it, different with less (which proves the test).
for p in mix both deflicker; do
    check "$p: whole" run ./$p.yaml cfr.mp4 -o t-w.mkv
    check "$p: chunks of 17" run ./$p.yaml cfr.mp4 -o t-c.mkv --chunk 17
    check "$p: the frames" same md5 t-w.mkv t-c.mkv
    case $p in
    mix)
        check "$p: without overlap" run ./$p.yaml cfr.mp4 -o t-0.mkv --chunk 17 --overlap 0
        check "$p: without overlap they differ" differ md5 t-w.mkv t-0.mkv
        ;;
    both)
        check "$p: with too little" run ./$p.yaml cfr.mp4 -o t-0.mkv --chunk 17 --overlap 3
        check "$p: with too little they differ" differ md5 t-w.mkv t-0.mkv
        refused "$p: parts shorter than the window" 78 "cannot be run in chunks" run ./$p.yaml cfr.mp4 -o t-1.mkv --chunk 17 --overlap 0
        ;;
    esac
    rm -f t-*.mkv
done
mk -f lavfi -i color=gray:s=16x16:r=25:d=148 -c:v mpeg4 long.mkv
check "a long film through it, unasked, goes in one piece" sh -c \
    '"$FFGAN" run ./remembers.yaml long.mkv -o r.mkv -y 2> msg &&
    grep -q "cannot be resumed" msg && grep -q "3700 frames" msg'
rm -f r.mkv msg
refused "a filter that remembers" 78 "hqdn3d remembers" run ./remembers.yaml cfr.mp4 -o r.mkv --chunk 20
check "a filter that remembers: nothing is left" [ ! -e r.mkv.ffgan ]
check "a filter that remembers, with --allow-seams" run ./remembers.yaml cfr.mp4 -o r.mkv --chunk 20 --allow-seams --overlap 8
check "a filter that remembers: frames" [ "$(frames r.mkv)" = 120 ]

# plan, worker, status, verify, assemble.
check "whole, by the network" run ./net.yaml cfr.mp4 -o net-w.mkv
check "plan" cli plan ./net.yaml cfr.mp4 -o net-c.mkv --chunk 50
check "plan says so" grep -q '120 frames in 3 chunks of 50' out
refused "plan twice" 73 "exist" cli plan ./net.yaml cfr.mp4 -o net-c.mkv --chunk 50
refused "assemble too early" 66 "chunk 0 is not done" cli assemble net-c.mkv.ffgan
refused "no such chunk" 64 "no chunk 3: 0..2" cli worker net-c.mkv.ffgan --chunk 3
refused "no such job" 66 "job.json" cli worker nothing.ffgan --chunk 0
refused "no chunk named" 64 "not given" cli worker net-c.mkv.ffgan
for k in 2 0 1; do
    check "worker $k" cli worker net-c.mkv.ffgan --chunk $k
done
stat -c '%n %Y %i' net-c.mkv.ffgan/* > before
check "worker again" cli worker net-c.mkv.ffgan --chunk 1
check "worker again: nothing is written" sh -c 'stat -c "%n %Y %i" net-c.mkv.ffgan/* | cmp - before'
check "chunk by the environment" env TASK=2 "$FFGAN" worker net-c.mkv.ffgan --chunk-env TASK
check "status" cli status net-c.mkv.ffgan --json
check "status: all done" grep -q '"done":3' out
check "verify" cli verify net-c.mkv.ffgan
check "assemble" cli assemble net-c.mkv.ffgan
check "the frames of three workers" same md5 net-w.mkv net-c.mkv
check "the times of three workers" same all_times net-w.mkv net-c.mkv
check "the job's folder is gone" [ ! -e net-c.mkv.ffgan ]

# Checksums of frames do not depend on how they are cut.
for n in 10 45; do
    cli run ./plain.yaml cfr.mp4 -o d$n.mkv --chunk $n --keep-job
    cli verify d$n.mkv.ffgan --json && sed 's/.*"xxh3"/xxh3/' out > digest$n
done
check "checksum of the frames in 12 and 3 chunks" cmp digest10 digest45

# What is damaged or changed is refused, or done again.
cli plan ./plain.yaml cfr.mp4 -o f.mkv --chunk 40
for k in 0 1 2; do cli worker f.mkv.ffgan --chunk $k; done
p=$(ls f.mkv.ffgan/chunk-00001-*.packets)
printf x | dd of="$p" bs=1 seek=200 conv=notrunc 2> /dev/null
refused "damaged packets: verify" 65 "damaged" cli verify f.mkv.ffgan
refused "damaged packets: assemble" 65 "damaged" cli assemble f.mkv.ffgan
check "damaged packets: no output" [ ! -e f.mkv ]
rm "$p"
check "lost packets: the chunk is to be done" sh -c "'$FFGAN' status f.mkv.ffgan | grep -q '^to do     1$'"
check "lost packets: done again" cli worker f.mkv.ffgan --chunk 1
echo '{' > f.mkv.ffgan/chunk-00002.json
check "broken receipt: done again" cli worker f.mkv.ffgan --chunk 2
cp cfr.mp4 keep.mp4
printf 'x' | dd of=cfr.mp4 bs=1 seek=5000 conv=notrunc 2> /dev/null
refused "changed input: worker" 65 "the input has changed" sh -c "rm f.mkv.ffgan/chunk-00000.json; '$FFGAN' worker f.mkv.ffgan --chunk 0 2> err"
refused "changed input: run" 65 "the input has changed" run ./plain.yaml cfr.mp4 -o f.mkv
cp keep.mp4 cfr.mp4
refused "changed preset" 65 "the preset or its parameters" run ./plain.yaml cfr.mp4 -o f.mkv --set codec=libx264
refused "other chunks" 65 "40 frames a chunk" run ./plain.yaml cfr.mp4 -o f.mkv --chunk 20
check "the same again: it goes on" run ./plain.yaml cfr.mp4 -o f.mkv
check "the same again: the frames" same md5 w-cfr.mp4.mkv f.mkv
cli plan ./plain.yaml cfr.mp4 -o g.mkv --chunk 40
check "--fresh" run ./plain.yaml cfr.mp4 -o g.mkv --fresh --set codec=libx264
echo '{"job": 1}' > plan.json && mkdir h.mkv.ffgan && cp plan.json h.mkv.ffgan/job.json
refused "a plan that is none" 65 "h.mkv.ffgan/job.json: not a plan" run ./plain.yaml cfr.mp4 -o h.mkv
rm -r h.mkv.ffgan
cli plan ./plain.yaml cfr.mp4 -o h.mkv --chunk 40
python3 - h.mkv.ffgan/job.json <<'PY'
import json, sys
def lengthen(j):
    for k, v in j.items() if isinstance(j, dict) else []:
        if k == "pts" and v and isinstance(v[0], list):
            v[0][2] = 1 << 31
        lengthen(v)
j = json.load(open(sys.argv[1]))
lengthen(j)
json.dump(j, open(sys.argv[1], "w"))
PY
refused "a plan of more times than frames" 65 "'pts'" cli worker h.mkv.ffgan --chunk 0
rm -r h.mkv.ffgan

# Many workers of one machine, and attempts that compete.
check "four workers at once" run ./net.yaml cfr.mp4 -o many.mkv --chunk 11 --workers 4
check "four workers at once: the frames" same md5 net-w.mkv many.mkv
cli plan ./plain.yaml cfr.mp4 -o z.mkv --chunk 30 --set codec=libx264
bad=0
for i in 1 2 3 4 5; do
    rm -f z.mkv.ffgan/chunk-*
    for k in 0 0 1 1 2 3; do
        "$FFGAN" worker z.mkv.ffgan --chunk $k -q 2>> err.z &
        pids="${pids:-} $!"
    done
    for w in $pids; do wait "$w" || bad=$((bad + 1)); done
    pids=
    "$FFGAN" verify z.mkv.ffgan > /dev/null 2>> err.z || bad=$((bad + 1))
    [ "$(ls z.mkv.ffgan/*.packets | wc -l)" = 4 ] || bad=$((bad + 1))
done
check "5 times two attempts at once: all end well, one result each (bad: $bad)" [ $bad = 0 ]
check "two attempts: joined" cli assemble z.mkv.ffgan
check "two attempts: frames" [ "$(frames z.mkv)" = 120 ]

# Pictures: chunks without a joint.
mkdir in seq
mk -i cfr.mp4 -frames:v 30 -start_number 1001 in/a.%04d.png
sed 's/default: ffv1/default: png/' plain.yaml > png.yaml
check "pictures, whole" run ./png.yaml in/a.%04d.png -o seq/w.%04d.png
check "pictures in chunks" run ./png.yaml in/a.%04d.png -o seq/c.%04d.png --chunk 7 --workers 2
for i in 1001 1015 1030; do
    check "pictures in chunks: $i" cmp seq/w.$i.png seq/c.$i.png
done
check "pictures in chunks: all there, nothing else" [ "$(ls -A seq | wc -l)" = 60 ]
refused "pictures in chunks: they are there" 73 "c.1001.png" run ./png.yaml in/a.%04d.png -o seq/c.%04d.png --chunk 7

# Many inputs.
mkdir b
cp cfr.mp4 b/one.mp4
cp vfr.mkv b/two.mkv
echo none > b/three.mp4
"$FFGAN" run ./plain.yaml b --out-dir o -q 2> err
check "a folder, one bad: its exit code" [ $? = 65 ]
check "a folder: the good ones" [ "$(frames o/one-plain.mkv) $(frames o/two-plain.mkv)" = "120 $(frames vfr.mkv)" ]
check "a folder: the summary" grep -q '2 done, 0 there already, 1 failed' err
rm b/three.mp4
check "a folder again" run ./plain.yaml b --out-dir o
check "a folder again: passed over" grep -q '0 done, 2 there already, 0 failed' err
check "names by a template" run ./plain.yaml b/one.mp4 b/two.mkv --out-dir o --name 'x {stem}.mkv'
check "names by a template: there" [ -s "o/x one.mkv" -a -s "o/x two.mkv" ]
refused "one name for two" 64 "both would become o2/same.mkv" run ./plain.yaml b --out-dir o2 --name same.mkv
refused "-o for two" 64 "out-dir" run ./plain.yaml b/one.mp4 b/two.mkv -o x.mkv
done_testing
