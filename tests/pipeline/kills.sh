#!/bin/sh
# kill -9 at random instants, then the same command again: nothing is lost, and
# nobody can tell. KILLS=N asks for more than CI's number, KILLS_OF="WORD..."
# for some of: program workers pair assembler pictures; KILL_SEED=N: other times.
# SPDX-License-Identifier: LGPL-2.1-or-later
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/common.inc"
cd "$T" || exit 1
KILLS=${KILLS:-16}
wanted() { case " ${KILLS_OF:-$1} " in *" $1 "*) ;; *) return 1 ;; esac; }
sed 's/libx264/ffv1/; s/- zscale.*/- gansr: {model: fast-x2}/' "$P" > k.yaml
mk -f lavfi -i testsrc2=s=96x54:r=24000/1001:d=4 -f lavfi -i sine=d=4 -c:v libx264 -g 24 -c:a aac in.mp4
mk -i in.mp4 -frames:v 40 in.%03d.png
mkdir d
frame_md5() { mk -i "$1" -map 0:v -f framemd5 - | grep -v '^#'; }
state() { frame_md5 "$1" && "$FFPROBE" -v error -show_entries packet=stream_index,pts,dts,duration -of csv "$1" | sort; }
"$FFGAN" run ./k.yaml in.mp4 -o whole.mkv -q
state whole.mkv > want
[ -s want ] || exit 1

# SECONDS COMMAND...: runs it in the background and kills it after that time.
kill_after() {
    after=$1
    shift
    "$@" > /dev/null 2>> killed.err &
    pid=$!
    sleep "$after"
    kill -9 $pid 2> /dev/null
    wait $pid 2> /dev/null
}
# The same once a chunk is done.
kill_after_chunk() {
    after=$1
    shift
    "$@" > /dev/null 2>> killed.err &
    pid=$!
    n=0
    while [ ! -e d/a.mkv.ffgan/chunk-00000.json ] && [ $n -lt 500 ]; do
        sleep 0.01
        n=$((n + 1))
    done
    sleep "$after"
    kill -9 $pid 2> /dev/null
    wait $pid 2> /dev/null
}
# FILE: what a run in chunks makes that nobody stopped: the same bytes.
is_right() { cmp -s "$1" right.mkv || { state "$1" | cmp -s - want && echo "# $1: other bytes, the same frames"; }; }
now_ms() { echo $(($(date +%s%N) / 1000000)); }
# A time within the run's length, by a generator of our own: tests repeat.
seed=${KILL_SEED:-12345}
random_time() { # MS
    seed=$(((seed * 1103515245 + 12345) % 2147483648))
    echo "$((seed / 65536 % $1))" | awk '{ printf "%.3f", $1 / 1000 }'
}
t0=$(now_ms)
"$FFGAN" run ./k.yaml in.mp4 -o d/a.mkv --chunk 8 -q
span=$(($(now_ms) - t0 + 20))
mv d/a.mkv right.mkv
state right.mkv > is
check "in chunks: the same as in one piece" cmp is want

bad=0 resumed=0
i=0
while wanted program && [ $i -lt "$KILLS" ]; do
    i=$((i + 1))
    if [ $((i % 4)) = 0 ]; then
        kill_after_chunk "$(random_time 60)" "$FFGAN" run ./k.yaml in.mp4 -o d/a.mkv --chunk 8 -q
    else
        kill_after "$(random_time $span)" "$FFGAN" run ./k.yaml in.mp4 -o d/a.mkv --chunk 8 -q
    fi
    if [ -e d/a.mkv ]; then
        # It is only there when it is whole.
        is_right d/a.mkv || { bad=$((bad + 1)); echo "# kill $i: a wrong file had its name"; }
    fi
    [ -n "$(ls d/a.mkv.ffgan/chunk-*.json 2> /dev/null)" ] && resumed=$((resumed + 1))
    [ -e d/a.mkv ] && [ ! -e d/a.mkv.ffgan ] ||
        "$FFGAN" run ./k.yaml in.mp4 -o d/a.mkv --chunk 8 -q 2> err ||
        { bad=$((bad + 1)); sed 's/^/# /' err; }
    is_right d/a.mkv || { bad=$((bad + 1)); echo "# kill $i: other frames or times"; }
    [ "$(ls -A d)" = a.mkv ] || { bad=$((bad + 1)); echo "# kill $i: left: $(ls -A d)"; }
    rm -rf d && mkdir d
done
check "$i kills of the program, then again: the same file, nothing else (bad: $bad)" [ $bad = 0 ]
! wanted program || check "$i kills: some met a job half done ($resumed)" [ $resumed -gt 0 ]

# The same with four workers, one kill after the other until it is through.
n=0
until [ -e d/a.mkv ] && [ ! -e d/a.mkv.ffgan ]; do
    kill_after "$(random_time $((span + n * 60)))" "$FFGAN" run ./k.yaml in.mp4 -o d/a.mkv --chunk 8 --workers 3 -q
    n=$((n + 1))
    [ $n -lt 100 ] || break
done
check "killed $n times on the way: done all the same" [ $n -lt 100 ]
check "killed $n times: the frames" sh -c "[ -s d/a.mkv ]"
state d/a.mkv > is
check "killed $n times: the same file" cmp is want
check "killed $n times: nothing else" [ "$(ls -A d)" = a.mkv ]
rm -rf d && mkdir d

# Workers and the assembler.
"$FFGAN" plan ./k.yaml in.mp4 -o d/a.mkv --chunk 24 > /dev/null
i=0 bad=0
while wanted workers && [ $i -lt "$KILLS" ]; do
    i=$((i + 1))
    kill_after "$(random_time 150)" "$FFGAN" worker d/a.mkv.ffgan --chunk $((i % 4)) -q
    "$FFGAN" worker d/a.mkv.ffgan --chunk $((i % 4)) -q || bad=$((bad + 1))
    [ $((i % 8)) = 0 ] && rm -f d/a.mkv.ffgan/chunk-*
done
for k in 0 1 2 3; do "$FFGAN" worker d/a.mkv.ffgan --chunk $k -q; done
check "$i kills of workers: all done afterwards (bad: $bad)" [ $bad = 0 ]
check "kills of workers: verify" "$FFGAN" verify d/a.mkv.ffgan
rm d/a.mkv.ffgan/chunk-*
# Two at once on one chunk, and one of them is killed: the other does not mind.
i=0 bad=0
while wanted pair && [ $i -lt "$KILLS" ]; do
    i=$((i + 1))
    k=$((i % 4))
    "$FFGAN" worker d/a.mkv.ffgan --chunk $k -q 2> err &
    other=$!
    kill_after "$(random_time 150)" "$FFGAN" worker d/a.mkv.ffgan --chunk $k -q
    wait $other || { bad=$((bad + 1)); sed 's/^/# /' err; }
    [ "$(find d/a.mkv.ffgan -name "chunk-0000$k*.json" | wc -l)" = 1 ] || bad=$((bad + 1))
    [ $k = 0 ] && { "$FFGAN" verify d/a.mkv.ffgan > out 2> err || grep -q 'not done' err out || {
        bad=$((bad + 1))
        sed 's/^/# /' err
    }; }
    [ $((i % 8)) = 0 ] && [ $i -lt "$KILLS" ] && rm -f d/a.mkv.ffgan/chunk-*
done
for k in 0 1 2 3; do "$FFGAN" worker d/a.mkv.ffgan --chunk $k -q; done
check "$i kills of one of two workers of a chunk (bad: $bad)" [ $bad = 0 ]
check "kills of one of two workers: verify" "$FFGAN" verify d/a.mkv.ffgan
cp -r d kept
"$FFGAN" assemble d/a.mkv.ffgan -q
mv d/a.mkv right.mkv
state right.mkv > is
check "kills of workers: the same frames" cmp is want
rm -rf d && cp -r kept d
i=0 bad=0
while wanted assembler && [ $i -lt "$KILLS" ]; do
    i=$((i + 1))
    kill_after "$(random_time 60)" "$FFGAN" assemble d/a.mkv.ffgan -q
    [ ! -e d/a.mkv.ffgan ] ||
        "$FFGAN" run ./k.yaml in.mp4 -o d/a.mkv -q 2> err || { bad=$((bad + 1)); sed 's/^/# /' err; }
    is_right d/a.mkv || bad=$((bad + 1))
    [ "$(ls -A d)" = a.mkv ] || { bad=$((bad + 1)); echo "# left: $(ls -A d)"; }
    rm -rf d && cp -r kept d
done
check "$i kills of the assembler, then the program (bad: $bad)" [ $bad = 0 ]
rm -rf d && mkdir d

# Pictures.
sed 's/ffv1/png/' k.yaml > png.yaml
"$FFGAN" run ./png.yaml in.%03d.png -o d/w.%03d.png -q
i=0 bad=0
while wanted pictures && [ $i -lt "$KILLS" ]; do
    i=$((i + 1))
    kill_after "$(random_time $span)" "$FFGAN" run ./png.yaml in.%03d.png -o d/p.%03d.png --chunk 9 -q
    for f in d/p.*.png; do
        [ ! -f "$f" ] || cmp -s "$f" "d/w.${f#d/p.}" || bad=$((bad + 1))
    done
    [ -e d/p.040.png ] && [ ! -e d/p.%03d.png.ffgan ] ||
        "$FFGAN" run ./png.yaml in.%03d.png -o d/p.%03d.png --chunk 9 -q 2> err || { bad=$((bad + 1)); sed 's/^/# /' err; }
    [ "$(ls -A d | wc -l)" = 80 ] || { bad=$((bad + 1)); echo "# $(ls -A d | wc -l) files"; }
    rm -rf d/p.* d/.p.*
done
check "$i kills while writing pictures (bad: $bad)" [ $bad = 0 ]

# A run in one piece leaves one unfinished file, and the next one sweeps it.
sed 's/- gansr.*/- realtime: {}/' k.yaml > slow.yaml
kill_after 0.7 "$FFGAN" run ./slow.yaml in.mp4 -o d/s.mkv -q
check "in one piece: an unfinished file is left" [ "$(find d -name '.s.mkv*.tmp' | wc -l)" = 1 ]
check "in one piece: again" "$FFGAN" run ./k.yaml in.mp4 -o d/s.mkv -q
check "in one piece: it is gone" [ -z "$(find d -name '.s.mkv*.tmp')" ]

# SIGTERM: done chunks stay, and the next run goes on.
n=0
while [ $n -lt 20 ]; do
    n=$((n + 1))
    "$FFGAN" run ./slow.yaml in.mp4 -o d/t.mkv --chunk 12 -q 2> err &
    pid=$!
    sleep 1.3
    kill -TERM $pid
    wait $pid
    rc=$?
    [ -n "$(ls d/t.mkv.ffgan/chunk-*.json 2> /dev/null)" ] && break
done
check "SIGTERM: exit 143 (is $rc)" [ $rc = 143 ]
check "SIGTERM: no unfinished file" [ -z "$(find d -name '.*.tmp')" ]
check "SIGTERM: status knows" sh -c "'$FFGAN' status d/t.mkv.ffgan | grep -q 'to do'"
check "SIGTERM: again" "$FFGAN" run ./slow.yaml in.mp4 -o d/t.mkv -q
check "SIGTERM: frames" [ "$(frames d/t.mkv)" = 96 ]
"$FFGAN" run ./slow.yaml in.mp4 -o d/u.mkv --chunk 90 -q 2> err &
pid=$!
sleep 0.6
kill -TERM $pid
wait $pid
check "SIGTERM before anything is done: nothing stays" [ ! -e d/u.mkv.ffgan ]

# Two at once on one output.
"$FFGAN" run ./slow.yaml in.mp4 -o d/v.mkv --chunk 12 -q &
pid=$!
sleep 0.6
refused "a second run of a job that runs" 75 "another ffgan" run ./slow.yaml in.mp4 -o d/v.mkv --chunk 12
kill $pid
wait $pid
done_testing
