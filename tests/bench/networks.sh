#!/bin/sh
# Whole networks: ms a frame by size, threads and precision, and the distance
# from plain fp32 (ffgan bench).
# SPDX-License-Identifier: LGPL-2.1-or-later
ffgan=${BUILD:-build}/bin/ffgan
printf '%-12s %-10s %-6s %8s %8s %9s %8s\n' network size prec. "1 thread" \
    "all" "GFLOP/s 1" "SNR dB"
field() { sed -n "s/.*\"$1\":\([0-9.]*\).*/\1/p"; }
row() { # NAME NETWORK SIZE PRECISION
    one=$("$ffgan" bench "$2" --size "$3" --precision "$4" --threads 1 --json)
    all=$("$ffgan" bench "$2" --size "$3" --precision "$4" --json)
    printf '%-12s %-10s %-6s %8.1f %8.1f %9.0f %8.1f\n' "$1" "$3" "$4" \
        "$(echo "$one" | field ms_median)" "$(echo "$all" | field ms_median)" \
        "$(echo "$one" | field gflops)" "$(echo "$one" | field snr_db)"
}
a=compact:channels=64,layers=16,scale=4,activation=prelu,base=nearest
b=compact:channels=24,layers=4,scale=2,base=nearest
for p in int16 fp32 bf16; do
    row A-64x16 $a 480x270 $p
    row B-24x4 $b 480x270 $p
    row fast-x2 fast-x2 480x270 $p
    row balanced-x2 balanced-x2 480x270 $p
done
for s in 960x540 1920x1080; do
    row B-24x4 $b $s int16
    row fast-x2 fast-x2 $s int16
    row balanced-x2 balanced-x2 $s int16
done
