#!/bin/sh
# ffgan train --continue and --watch: the better one of parent and child is kept,
# ancestors are named, a kill costs nothing, half pictures are not taken.
# SPDX-License-Identifier: LGPL-2.1-or-later
. "$(dirname "$0")/../lib.sh"
. "$ROOT/tests/trainer/common.inc"

check "pictures can be made" make_pictures "$T"
mkdir "$T/new" && "$FFMPEG" -v error -f lavfi -i testsrc=s=160x128:r=1 \
    -frames:v 5 "$T/new/n%d.png"
check "and new ones" test -s "$T/new/n5.png"
check "a parent" "$TRAIN" "$RECIPE" --data-root "$T" -o "$T/p.safetensors"

go() { # OUT OPTION...
    g_out=$1
    shift
    "$TRAIN" --continue "$T/p.safetensors" --data "$T/new" --data-root "$T" \
        --threads 1 -o "$T/$g_out.safetensors" --json "$@"
}
has() { # FILE TEXT: in the header of a weights file
    head -c 20000 "$1" | tr -d '\\' | grep -qaF -- "$2"
}
sha() { sha256sum < "$1" | cut -d' ' -f1; }
p_sha=$(sha "$T/p.safetensors")

check "a better child replaces it" go a --steps=120 --lr=4e-3
check "it is another file" sh -c '! cmp -s "$1" "$2"' - "$T/a.safetensors" \
    "$T/p.safetensors"
check "its parent is named" has "$T/a.safetensors" \
    "\"ffgan.parent_sha256\":\"$p_sha\""
check "and stands in its provenance" has "$T/a.safetensors" \
    "\"ffgan.provenance\":\"[{\"sha256\":\"$p_sha\",\"data_sha256\":\""
check "its pictures are named" has "$T/a.safetensors" \
    "new (5 pictures, 0.5 replayed)"
check "the recipe stands beside it" test -s "$T/a.recipe.yaml"
check "a grandchild" "$TRAIN" --continue "$T/a.safetensors" --data "$T/new" \
    --data-root "$T" -o "$T/g.safetensors" --steps=300 --lr=4e-3 --json
check "knows its grandparent" has "$T/g.safetensors" \
    "\"ffgan.provenance\":\"[{\"sha256\":\"$p_sha\""
check "and its parent" has "$T/g.safetensors" \
    "{\"sha256\":\"$(sha "$T/a.safetensors")\""

kept() { # TEXT OUT OPTION...
    k_text=$1 k_out=$2
    shift 2
    go "$k_out" "$@" > "$T/.out" 2> "$T/.err"
    k_rc=$?
    check "$k_text: exit code 3" test $k_rc = 3
    check "and a line that says so" grep -q "nothing was better than the parent's" \
        "$T/.err"
    check "OUT is the parent to the byte" cmp "$T/$k_out.safetensors" \
        "$T/p.safetensors"
}
kept "no better child" b --lr=0 --lr_min=0 --steps=10
kept "a ruined child" c --lr=1 --lr_min=1 --warmup=0 --steps=20

for wait in 0.1 0.2 0.3; do
    (exec "$TRAIN" --continue "$T/p.safetensors" --data "$T/new" --data-root "$T" \
        --threads 1 -o "$T/k.safetensors" --steps=120 --lr=4e-3 \
        > "$T/log" 2>&1) &
    pid=$!
    sleep $wait
    kill -9 $pid 2> /dev/null
    wait $pid 2> /dev/null
done
check "a killed one goes on" go k --steps=120 --lr=4e-3
check "to the same bytes" cmp "$T/k.safetensors" "$T/a.safetensors"

check "without old pictures, far from them" "$TRAIN" --continue \
    "$T/p.safetensors" --data "$T/new" --replay 0 --data-root "$T/empty" \
    -o "$T/z.safetensors" --steps=60 --lr=4e-3 --json
expect "old pictures that are not there" 66 "train" "$TRAIN" --continue \
    "$T/p.safetensors" --data "$T/new" --data-root "$T/empty" -o "$T/y.safetensors"
use() { # TEXT WORDS OPTION...
    u_text=$1 u_words=$2
    shift 2
    expect "$u_text" 64 "$u_words" "$TRAIN" "$@"
}
use "--data alone" "go with --continue" --data "$T/new" -o "$T/y"
use "--continue alone" "needs --data NEW or --watch" --continue "$T/p.safetensors" \
    -o "$T/y"
use "no OUT" "needs -o OUT" --continue "$T/p.safetensors" --data "$T/new"
use "OUT is the model" "write beside it" --continue "$T/p.safetensors" \
    --data "$T/new" -o "$T/p.safetensors"
use "a recipe besides" "own recipe" "$RECIPE" --continue "$T/p.safetensors" \
    --data "$T/new" -o "$T/y"
use "all of it replayed" "allowed 0..0.95" --continue "$T/p.safetensors" \
    --data "$T/new" -o "$T/y" --replay 1
mkdir "$T/none"
expect "no new picture" 65 "none" "$TRAIN" --continue "$T/p.safetensors" \
    --data "$T/none" --data-root "$T" -o "$T/y.safetensors"
echo junk > "$T/n.safetensors"
expect "a file that is no model" 65 "n.safetensors" "$TRAIN" --continue \
    "$T/n.safetensors" --data "$T/new" -o "$T/y.safetensors"

# ---- the watch ----
mkdir "$T/in"
set -- --continue "$T/p.safetensors" --watch "$T/in" --data-root "$T" \
    --threads 1 -o "$T/w.safetensors" --every 1 --at-least 2 --rounds 1 --json \
    --steps=120 --lr=4e-3
cp "$T/new/n1.png" "$T/new/n2.png" "$T/in"
head -c 700 "$T/new/n3.png" > "$T/in/half.png"
check "a round for two pictures" "$TRAIN" "$@"
check "the half one was left aside" test "$(ls "$T/w.watch/0001/new" |
    tr '\n' ' ')" = "n1.png n2.png "
check "OUT is its result" cmp "$T/w.safetensors" \
    "$T/w.watch/0001/result.safetensors"
cp "$T/new/n3.png" "$T/in/half.png"
cp "$T/new/n4.png" "$T/in"
(exec "$TRAIN" "$@" > "$T/log" 2>&1) &
pid=$!
i=0
while [ ! -e "$T/w.watch/0002/result.ckpt" ] && [ $i -lt 3000 ]; do
    sleep 0.02
    i=$((i + 1))
done
child=$(cat /proc/$pid/task/$pid/children 2> /dev/null)
kill -9 $pid $child
wait $pid 2> /dev/null
check "killed in the second round" test -e "$T/w.watch/0002/result.ckpt" -a \
    ! -e "$T/w.watch/0002/done"
check "the same command goes on" "$TRAIN" "$@"
check "with the second round" test -e "$T/w.watch/0002/done" -a \
    ! -e "$T/w.watch/0003"
check "which has the new ones alone" test "$(ls "$T/w.watch/0002/new" |
    tr '\n' ' ')" = "half.png n4.png "
r=2
[ "$(cat "$T/w.watch/0002/done")" = 0 ] || r=1
check "OUT is the best so far" cmp "$T/w.safetensors" \
    "$T/w.watch/000$r/result.safetensors"
check "OUT's ancestors are a chain" has "$T/w.safetensors" "{\"sha256\":\"$p_sha\""
(exec "$TRAIN" --continue "$T/p.safetensors" --watch "$T/in" --data-root "$T" \
    -o "$T/w.safetensors" --every 30 > "$T/log" 2>&1) &
pid=$!
i=0
while ! grep -q waiting "$T/log" && [ $i -lt 300 ]; do
    sleep 0.02
    i=$((i + 1))
done
kill -TERM $pid
wait $pid
check "SIGTERM ends the watch with 143" test $? = 143
expect "a folder to watch that is not there" 73 "gone" "$TRAIN" --continue \
    "$T/p.safetensors" --watch "$T/gone" -o "$T/v.safetensors"
done_testing
