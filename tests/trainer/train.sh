#!/bin/sh
# A network learns; a killed run goes on to the same bytes.
# SPDX-License-Identifier: LGPL-2.1-or-later
. "$(dirname "$0")/../lib.sh"
. "$ROOT/tests/trainer/common.inc"

check "pictures can be made" make_pictures "$T"
run() { "$TRAIN" "$RECIPE" --data-root "$T" "$@"; }
# In the background, as $pid: exec, so that signals reach the program itself.
start() {
    (exec "$TRAIN" "$RECIPE" --data-root "$T" "$@" > "$T/log" 2>&1) &
    pid=$!
}
wait_for() { # FILE
    i=0
    while [ ! -e "$1" ] && [ $i -lt 300 ] && kill -0 $pid; do
        sleep 0.01
        i=$((i + 1))
    done
}

check "thirty steps" run -o "$T/a.safetensors" --threads 1
check "again, with two threads" run -o "$T/b.safetensors" --threads 2
check "the threads do not change the file" \
    cmp "$T/a.safetensors" "$T/b.safetensors"

# Sheets: small crop, what the network makes of it, original; eight rows.
weights() { # FILE: what stands behind a weights file's header
    tail -c +$(($(od -An -t u8 -N 8 "$1") + 9)) "$1"
}
check "with sheets of samples" run -o "$T/s.safetensors" --threads 1 \
    --sample-every=15
check "at the steps asked for" sh -c '[ "$(ls "$1")" = "00000015.png
00000030.png" ]' - "$T/s.samples"
check "of three columns" [ "$("$FFPROBE" -v error -show_entries \
    stream=width,height -of csv=p=0 "$T/s.samples/00000030.png")" = 80,256 ]
check "which learning changes" sh -c '! cmp -s "$1"/*15.png "$1"/*30.png' - \
    "$T/s.samples"
weights "$T/a.safetensors" > "$T/a.data"
weights "$T/s.safetensors" > "$T/s.data"
check "and which do not change what is learnt" sh -c \
    'test -s "$1" && cmp "$1" "$2"' - "$T/a.data" "$T/s.data"

# Killed at several moments; each time the same command goes on.
rm -f "$T"/b.*
killed=0
for wait in 0.00 0.01 0.02 0.04; do
    start -o "$T/b.safetensors" --threads 1
    wait_for "$T/b.ckpt"
    sleep $wait
    kill -9 $pid 2> /dev/null
    wait $pid 2> /dev/null
    [ $? = 137 ] && killed=$((killed + 1))
done
check "a run can be killed in the middle" test $killed -gt 0
check "a killed run goes on" run -o "$T/b.safetensors" --resume
check "to the same file" cmp "$T/a.safetensors" "$T/b.safetensors"
check "and leaves no temporary file" \
    test -z "$(find "$T" -name '*.tmp' -newer "$T/b.ckpt")"
rm "$T/b.safetensors"
check "a finished run writes a lost file again" run -o "$T/b.safetensors"
check "the same one" cmp "$T/a.safetensors" "$T/b.safetensors"

for sig in INT:130 TERM:143; do
    rm -f "$T"/c.*
    start -o "$T/c.safetensors" --steps=20000 --val=
    wait_for "$T/c.ckpt"
    sleep 0.3
    kill -s ${sig%:*} $pid
    wait $pid
    rc=$?
    check "SIG${sig%:*} ends with ${sig#*:}" test $rc = "${sig#*:}"
    check "and says at which step" grep -q "stopped at step" "$T/log"
done

expect "a changed recipe is refused" 65 "changed: lr" \
    run -o "$T/a.safetensors" --lr=1e-3
cp "$T/train/t1.png" "$T/train/t9.png"
expect "changed pictures are refused" 65 "training pictures have changed" \
    run -o "$T/a.safetensors"
check "unless --fresh is given" run -o "$T/a.safetensors" --fresh
rm "$T/train/t9.png"
head -c 3000 "$T/b.ckpt" > "$T/d.ckpt"
expect "a damaged checkpoint is refused" 65 "damaged checkpoint" \
    run -o "$T/d.safetensors"

hot="--optimizer=sgd --lr=10 --lr-min=10 --momentum=0.99 --loss=mse --warmup=0"
run -o "$T/n.safetensors" $hot --steps=200 --val= > "$T/log" 2>&1
rc=$?
check "a diverging run goes back to a lower rate" grep -q "back to step" "$T/log"
check "and recovers" test $rc = 0
run -o "$T/h.safetensors" $hot --steps=200 --val= --blocks=8 --features=32 \
    > "$T/log" 2>&1
rc=$?
check "one that cannot recover is given up" test $rc = 65
check "with a reason" grep -q "keeps diverging" "$T/log"

check "an x4 network starts from the x2 one" run -o "$T/x4.safetensors" \
    --scale=4 --init="$T/b.safetensors" --reparam=false
mkdir "$T/home" && cp "$RECIPE" "$T/b.safetensors" "$T/home"
check "a relative init starts from the recipe's folder" "$TRAIN" \
    "$T/home/${RECIPE##*/}" --data-root "$T" -o "$T/x4b.safetensors" \
    --scale=4 --init=b.safetensors --reparam=false --steps=2
expect "weights that share nothing are no start" 78 "init: no parameter" \
    run -o "$T/w.safetensors" --family=res --features=12 \
    --init="$T/b.safetensors"

check "it learns" run -o "$T/l.safetensors" --steps=500 --val-every=500 \
    --warmup=20 --checkpoint-every=500
"$EVAL" "$T/l.safetensors" --data "$T/val" > "$T/eval"
check "half a dB more than bicubic" \
    awk '/^mean/ { exit !($2 > $4 + 0.5) } END { if (!NR) exit 1 }' "$T/eval"
sed 's/^/# /' "$T/eval"

# 16-bit products learn as fp32 ones do.
check "precision: bf16" run -o "$T/bf16.safetensors" --precision=bf16 --steps=500 \
    --val-every=500 --warmup=20 --checkpoint-every=500
"$EVAL" "$T/bf16.safetensors" --data "$T/val" > "$T/eval16"
check "gives other weights" sh -c '! cmp -s "$1" "$2"' - "$T/bf16.safetensors" "$T/l.safetensors"
check "within 0.1 dB" sh -c '
    paste "$1" "$2" | awk "/^mean/ { n = NF / 2
        d = \$2 - \$(2 + n); exit !(d < 0.1 && d > -0.1) }
        END { if (!NR) exit 1 }"' - "$T/eval" "$T/eval16"

check "all losses, optimisers and nodes run" sh -c '
    "$@" --loss=charbonnier --fft=0.05 --optimizer=adamw -o "$T/1.safetensors" &&
    "$@" --family=res --colour=rgb --optimizer=sgd --loss=mse --clip=1 \
        -o "$T/2.safetensors" &&
    "$@" --minutes=0.02 --final-mse=0.5 --flat=0.9 -o "$T/3.safetensors"' \
    - "$TRAIN" "$RECIPE" --data-root "$T" --steps=10
run -o "$T/j.safetensors" --json > "$T/json"
check "--json prints objects" \
    grep -q '^{"event":"progress","step":30,"steps":30,.*"val_db":[0-9]' \
    "$T/json"
done_testing
