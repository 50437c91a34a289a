#!/bin/sh
# A run's log files: CSV, event files, plots; a killed run that goes on says no
# step twice; a full disk ends the log, not the run.
# SPDX-License-Identifier: LGPL-2.1-or-later
. "$(dirname "$0")/../lib.sh"
. "$ROOT/tests/trainer/common.inc"

check "pictures can be made" make_pictures "$T"
run() { "$TRAIN" "$RECIPE" --data-root "$T" --threads 1 "$@"; }
csv=$T/log/a/log.csv
steps() { tail -n +2 "$1" | cut -d, -f1 | tr '\n' ' '; }

check "thirty steps with a log" run -o "$T/a.safetensors" --log "$T/log"
check "a row every ten steps" test "$(steps "$csv")" = "10 20 30 "
check "with named columns" sh -c \
    'head -n 1 "$1" | grep -q "^step,seconds,loss,train_db,val,lr,"' - "$csv"
check "loss.png" test -s "$T/log/a/loss.png"
check "figure.png" test -s "$T/log/a/figure.png"
check "one event file" test "$(ls "$T"/log/a/events.out.tfevents.* | wc -l)" = 1
check "without a log the weights are the same" run -o "$T/b.safetensors"
check "to the byte" cmp "$T/a.safetensors" "$T/b.safetensors"
check "the key log_dir does the same" run -o "$T/b.safetensors" --fresh \
    --log-dir="$T/log"
check "in the run's own folder" test -s "$T/log/b/log.csv"

# Killed several times: each step stands there once.
rm -f "$T"/c.*
for wait in 0.05 0.1 0.2; do
    (exec "$TRAIN" "$RECIPE" --data-root "$T" --threads 1 --log "$T/log" \
        --steps=400 -o "$T/c.safetensors" > "$T/out" 2>&1) &
    pid=$!
    i=0
    while [ ! -e "$T/log/c/log.csv" ] && [ $i -lt 300 ]; do
        sleep 0.01
        i=$((i + 1))
    done
    sleep $wait
    kill -9 $pid 2> /dev/null
    wait $pid 2> /dev/null
done
check "a killed run goes on" run --steps=400 --log "$T/log" -o "$T/c.safetensors"
want=$(seq 10 10 400 | tr '\n' ' ')
check "and its table has each step once" test "$(steps "$T/log/c/log.csv")" = "$want"

PYTHON=${FFGAN_PYTHON:-${PEERS_PYTHON:-python3}}
tb="TensorBoard reads each step once, and the last loss"
if "$PYTHON" -c 'import tensorboard' 2> /dev/null; then
    last=$(tail -n 1 "$T/log/c/log.csv" | cut -d, -f3)
    check "$tb" "$PYTHON" "$ROOT/tests/trainer/read_events.py" scalars \
        "$T/log/c" Loss/G "$want" "$last"
    check "TensorBoard reads the hyper-parameters" "$PYTHON" \
        "$ROOT/tests/trainer/read_events.py" trials features "$T/log/a" "$T/log/b"
else
    skip "$tb" "no TensorBoard for Python"
    skip "TensorBoard reads the hyper-parameters" "no TensorBoard for Python"
fi

expect "a folder that cannot be made" 73 "no/such" run --json -o "$T/d.safetensors" \
    --log "$T/no/such"
mkdir -p "$T/log/e"
echo "not a table" > "$T/log/e/log.csv"
expect "another program's log.csv" 70 "log.csv" run --json -o "$T/e.safetensors" \
    --log "$T/log"
done_testing
