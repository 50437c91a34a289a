#!/bin/sh
# What other tools get wrong and no other test here has: see the table in
# docs/wrongs.md.
# SPDX-License-Identifier: LGPL-2.1-or-later
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/common.inc"
cd "$T" || exit 1
preset() { # NAME CODEC OPTIONS CHAIN
    printf 'preset: 1\nname: %s\nchain: [%s]\noutput:\n  video: {codec: %s, pix_fmt: source%s}\n  copy: [audio]\n' \
        "$1" "$4" "$2" "$3" > "$1.yaml"
}
preset plain ffv1 '' 'hflip: {}'
preset abr libx264 ', bitrate: 1M' 'hflip: {}'
preset vbv libx264 ', options: {maxrate: 1M, bufsize: 2M}' 'hflip: {}'
preset crf libx264 '' 'hflip: {}'
preset blend ffv1 '' 'tblend: {all_mode: average}'
mk -f lavfi -i testsrc2=s=64x36:r=25:d=4 -f lavfi -i sine=d=4 -c:v libx264 -g 10 -bf 2 -threads 1 -c:a aac in.mp4
mk -i in.mp4 -c copy -f h264 raw.h264
md5() { mk -i "$1" -map 0:v -f framemd5 - | grep -v '^#' | sed 's/.*,//'; }
same() { md5 "$1" > x1 && md5 "$2" > x2 && [ -s x1 ] && cmp x1 x2; }

# Encoders whose rate is over the whole film, a film's VBV: not in parts.
refused "bit rate: not in chunks" 78 "rate over the whole" run ./abr.yaml in.mp4 -o a.mkv --chunk 20
refused "VBV: not in chunks" 78 "rate over the whole" run ./vbv.yaml in.mp4 -o a.mkv --chunk 20
# A filter that eats a frame of each part.
refused "tblend: not in chunks" 78 "tblend" run ./blend.yaml in.mp4 -o a.mkv --chunk 20
# Streams without times (0 frames after a seek elsewhere).
check "raw H.264, whole" run ./plain.yaml raw.h264 -o w.mkv
check "raw H.264, in chunks" run ./plain.yaml raw.h264 -o c.mkv --chunk 20
check "raw H.264: the frames" same w.mkv c.mkv
# Chunks of other encoders: their headers do not fit together.
cli plan ./crf.yaml in.mp4 -o d.mkv --chunk 40
for k in 0 1 2; do cli worker d.mkv.ffgan --chunk $k; done
sed -i 's/"level": -*[0-9]*/"level": 99/' d.mkv.ffgan/chunk-00002.json
refused "a chunk of another encoder is not joined" 78 "chunk 2 cannot be joined" cli assemble d.mkv.ffgan
check "a chunk of another encoder: no file" [ ! -e d.mkv ]
rm -r d.mkv.ffgan
# A lost receipt; one that somebody cut.
cli plan ./plain.yaml in.mp4 -o e.mkv --chunk 40
for k in 0 1 2; do cli worker e.mkv.ffgan --chunk $k; done
head -c 200 e.mkv.ffgan/chunk-00001.json > cut && mv cut e.mkv.ffgan/chunk-00001.json
refused "a cut receipt" 66 "chunk 1 is not done" cli assemble e.mkv.ffgan
head -c 500 e.mkv.ffgan/job.json > cut && mv cut e.mkv.ffgan/job.json
refused "a cut plan" 65 "not a plan" cli worker e.mkv.ffgan --chunk 1
rm -r e.mkv.ffgan
# A name without an extension is refused at the start, not at the end.
refused "no extension" 64 "no container is known" run ./plain.yaml in.mp4 -o noext
check "no extension: nothing is left" [ ! -e noext.ffgan ]
# A finished plan of 100 chunks again: nothing is written, at once.
check "100 chunks" cli plan ./plain.yaml in.mp4 -o f.mkv --chunk 1
check "100 chunks: worked" run ./plain.yaml in.mp4 -o f.mkv --keep-job
stat -c '%n %Y %i %s' f.mkv.ffgan/*.json f.mkv.ffgan/*.packets > before
k=0 t0=$(date +%s)
while [ $k -lt 100 ]; do
    "$FFGAN" worker f.mkv.ffgan --chunk $k -q || break
    k=$((k + 1))
done
check "100 chunks again: all done (in $(($(date +%s) - t0)) s)" [ $k = 100 ]
check "100 chunks again: nothing is written" sh -c "stat -c '%n %Y %i %s' f.mkv.ffgan/*.json f.mkv.ffgan/*.packets | cmp - before"
# Frames do not depend on threads, chunks or the order of the work.
want=
for t in 1 2 3; do
    cli plan ./plain.yaml in.mp4 -o g.mkv --chunk $((7 * t))
    for k in 3 1 0 2 4 5 6 7 8 9 10 11 12 13 14; do
        cli worker g.mkv.ffgan --chunk $k --threads $t
    done
    is=$("$FFGAN" verify g.mkv.ffgan | sed 's/.*frames //')
    [ "${want:=$is}" = "$is" ] && [ -n "$is" ] || want=differs
    rm -r g.mkv.ffgan
done
check "threads, chunks, order: the same frames" [ "$want" != differs ]
# Names that break scripts; links.
odd=$(printf 'a b\nc%%d é')
cp in.mp4 "$odd.mp4"
check "odd names" run ./plain.yaml "$odd.mp4" -o "$odd.mkv" --chunk 30
check "odd names: frames" [ "$(frames "$odd.mkv")" = 100 ]
cp in.mp4 -- -y.mp4
check "a name with a dash" "$FFGAN" run -q -o dash.mkv -- ./plain.yaml -y.mp4
ln -s real.mkv link.mkv && : > real.mkv
check "a link as output" run ./plain.yaml in.mp4 -o link.mkv -y --chunk 30
check "a link as output: frames" [ "$(frames link.mkv)" = 100 ]
mkdir gone
"$FFGAN" run ./plain.yaml in.mp4 -o gone/a.mkv --chunk 2 -q 2> err &
pid=$!
while [ ! -e gone/a.mkv.ffgan/chunk-00001.json ] && kill -0 $pid 2> /dev/null; do sleep 0.02; done
rm -rf gone 2> /dev/null
wait $pid
rc=$?
check "a folder that goes away ($rc)" sh -c "[ $rc = 73 ] || [ $rc = 74 ] || [ $rc = 66 ] || [ $rc = 0 ]"
# Sound that is cut inside a packet, which a muxer meets: the input's fault.
mk -f lavfi -i testsrc2=s=64x36:r=25:d=1 -f lavfi -i sine=d=1 -c:v libx264 -g 8 -threads 1 -c:a aac t.mp4
mk -i t.mp4 -c copy t.ts
bad=0
for i in 28 64 89; do
    head -c $(($(stat -c %s t.ts) * i / 100)) t.ts > cut.ts
    run ./plain.yaml cut.ts -o cut.mkv -y
    rc=$?
    [ $rc = 65 ] || [ $rc = 0 ] || { bad=$((bad + 1)); echo "# exit $rc: $(cat err)"; }
    run ./plain.yaml cut.ts -o cut.mkv -y --allow-errors || bad=$((bad + 1))
done
check "cut sound: 65, and --allow-errors goes on (bad: $bad)" [ $bad = 0 ]
# A multiple of the frames by a network of another scale, and its size.
check "the file says its scale: x2" sh -c "'$FFGAN' model info fast-x2 | grep -qi 'scale.*2'"
# 25 and 51 frames: the last ones are kept.
for n in 1 2 25 51; do
    mk -i in.mp4 -frames:v $n -an -c:v libx264 -bf 3 n.mp4
    run ./plain.yaml n.mp4 -o n.mkv -y
    check "$n frames in, $n out" [ "$(frames n.mkv)" = $n ]
done
# A block whose track number makes no sense: libavformat steps over it and goes on.
mk -f lavfi -i testsrc2=s=64x36:r=25:d=1 -c:v libx264 -g 8 lost.mkv
python3 - <<'PY'
import re
d = bytearray(open("lost.mkv", "rb").read())
at = [m.start() for m in re.finditer(rb"\xa3[\x40-\x7f].\x81..[\x00\x80]", d, re.S)]
d[at[len(at) // 2] + 3] = 0xA5
open("lost.mkv", "wb").write(d)
PY
cp lost.mkv first.mkv
mk -f lavfi -i testsrc2=s=64x36:r=25:d=1 -c:v libx264 -g 8 second.mkv
check "a block of no track: an error, not a film that lacks a frame" sh -c '
    "$FFGAN" run "$1" lost.mkv -o lost-out.mkv -q 2> err; [ $? = 65 ] && [ ! -e lost-out.mkv ]' - "$P"
check "with --allow-errors what is there" sh -c '"$FFGAN" run "$1" lost.mkv -o lost-out.mkv -q --allow-errors' - "$P"
check "a damaged film does not spoil the next one of a batch" sh -c '
    "$FFGAN" run "$1" first.mkv second.mkv --out-dir batch -q 2> err; [ -e batch/second-*.mkv ] && [ ! -e batch/first-*.mkv ]' - "$P"

done_testing
