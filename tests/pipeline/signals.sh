#!/bin/sh
# Stopped runs leave no file under the final name, and end in time.
# SPDX-License-Identifier: LGPL-2.1-or-later
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/common.inc"
cd "$T" || exit 1
mkdir d
mk -f lavfi -i testsrc2=s=320x240:r=25:d=60 -c:v libx264 -preset ultrafast in.mp4
# Frames pass at their own speed: a run of a minute.
sed 's/- zscale.*/- realtime: {}/' "$P" > slow.yaml
# Encoding that takes seconds a frame.
sed 's/- zscale.*/- zscale: {w: 3840, h: 2160}/; s/pix_fmt: source/pix_fmt: source, options: {cpu-used: 0, lag-in-frames: 0}/' \
    "$P" > heavy.yaml

now() { date +%s%N; }
# NAME SIGNAL CODE PRESET ARGS...: stops a run after a second.
stop_run() {
    name=$1 sig=$2 want=$3 preset=$4
    shift 4
    "$FFGAN" run "$preset" in.mp4 -o d/a.mp4 "$@" > run.out 2> run.err &
    pid=$!
    i=0
    while [ $i -lt 60 ] && [ -z "$(ls -A d)" ]; do
        sleep 0.05
        i=$((i + 1))
    done
    sleep 0.5
    t0=$(now)
    kill -"$sig" $pid
    wait $pid
    rc=$?
    ms=$((($(now) - t0) / 1000000))
    check "$name: exit $want (is $rc)" [ $rc = "$want" ]
    check "$name: in 3 s (took $ms ms)" [ $ms -lt 3000 ]
}

# cmd & starts with SIGINT ignored in scripts: the program sets its own.
for s in TERM:143 INT:130 HUP:129; do
    stop_run "SIG${s%:*}" "${s%:*}" "${s#*:}" ./slow.yaml
    check "SIG${s%:*}: nothing is left" [ -z "$(ls -A d)" ]
    check "SIG${s%:*}: said in one line" [ "$(grep -c 'stopped by' run.err)" = 1 ]
done
# nohup: SIGHUP is ignored, and stays so.
(trap '' HUP; exec "$FFGAN" run ./slow.yaml in.mp4 -o d/a.mp4 2> run.err) &
pid=$!
sleep 0.7
kill -HUP $pid
sleep 0.3
check "SIGHUP under nohup: goes on" kill -0 $pid
kill $pid
wait $pid
check "SIGTERM under nohup: exit 143" [ $? = 143 ]
stop_run "SIGTERM in a heavy encoder" TERM 143 ./heavy.yaml --set codec=libaom-av1
check "SIGTERM in a heavy encoder: nothing is left" [ -z "$(ls -A d)" ]
stop_run "SIGKILL" KILL 137 ./slow.yaml
check "SIGKILL: no file under the final name" [ ! -e d/a.mp4 ]
check "SIGKILL: one temporary file" [ "$(find d -type f | wc -l)" = 1 ]
rm -f d/.*.tmp
echo old > d/a.mp4
stop_run "SIGTERM with -y" TERM 143 ./slow.yaml -y
check "SIGTERM with -y: the old file is as it was" [ "$(cat d/a.mp4)" = old ]
check "SIGTERM with -y: nothing else" [ "$(ls -A d)" = a.mp4 ]
done_testing
