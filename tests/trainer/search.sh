#!/bin/sh
# ffgan search: a small search runs, goes on after kill -9 to the same results,
# and its winner trains; bad spaces and recipes are refused with one line.
# SPDX-License-Identifier: LGPL-2.1-or-later
. "$(dirname "$0")/../lib.sh"
. "$ROOT/tests/trainer/common.inc"
SEARCH=$BUILD/bin/ffgan-search
HERE=$ROOT/tests/trainer

check "pictures can be made" make_pictures "$T"
run() { "$SEARCH" "$HERE/search.yaml" --data-root "$T" --threads 1 "$@"; }
# What does not depend on the clock: all but times and what follows from them.
core() { sed -E 's/"(ms|cpu_s|fitness)":[^,}]*,?//g; s/"search":"[^"]*"//' "$1"; }

check "a search runs" run -o "$T/a"
cp "$T/.check" "$T/a.out"
for f in search.jsonl summary.txt pareto.png progress.png winner.yaml; do
    check "and writes $f" test -s "$T/a/$f"
done
for arm in baseline evolution reinforce lstm tpe random; do
    check "$arm is in the summary" grep -q "^$arm " "$T/a/summary.txt"
done
count() { grep -c "\"event\":\"$1\"" "$T/$2/search.jsonl"; }
check "five arms of six, and the baseline" test "$(count trial a)" = 31
check "six finalists with two seeds" test "$(count final a)" = 12
check "their rank correlation is printed" \
    grep -q "^Kendall's tau .* of 6 networks" "$T/a/summary.txt"
check "and each arm beside random search" test "$(grep -c \
    'against random search with the same budget: [+-]' "$T/a/summary.txt")" = 4
check "TensorBoard's folders, one a trial" \
    test "$(ls -d "$T"/a/events/*/ | wc -l)" -ge 12

lines=$(wc -l < "$T/a/search.jsonl")
check "again: nothing is left to do" run -o "$T/a"
check "and nothing was added" test "$(wc -l < "$T/a/search.jsonl")" = "$lines"
check "the winner is a recipe that trains" "$TRAIN" "$T/a/winner.yaml" \
    --data-root "$T" -o "$T/w.safetensors" --steps=5
check "of the winner's keys" sh -c '
    for kv in $(sed -n "s/^winner: //p" "$1" | tr -d " " | tr , " "); do
        key=${kv%%=*}
        tr -d " \"" < "$2" | grep -qx "$key:${kv#*=}" || exit 1
    done' - "$T/a/summary.txt" "$T/a/winner.yaml"

# Killed at several moments. Fitness is left out of the space: with it the
# evolution would follow the clock.
sed 's/^penalty: .*/penalty: 0/' "$HERE/search.yaml" > "$T/s.yaml"
cp "$HERE/tiny-cells.yaml" "$T"
go() { "$SEARCH" "$T/s.yaml" --data-root "$T" --threads 1 --json "$@"; }
check "one without a penalty" go -o "$T/b"
killed=0
for wait in 0.1 0.2 0.35; do
    (exec "$SEARCH" "$T/s.yaml" --data-root "$T" --threads 1 -o "$T/c" \
        > "$T/log" 2>&1) &
    pid=$!
    sleep $wait
    kill -9 $pid 2> /dev/null
    wait $pid 2> /dev/null
    [ $? = 137 ] && killed=$((killed + 1))
done
check "a search can be killed in the middle" test $killed -gt 0
printf '{"event":"trial","arm":"ev' >> "$T/c/search.jsonl"
check "a killed search goes on, past half a line" go -o "$T/c"
core "$T/b/search.jsonl" > "$T/b.core"
core "$T/c/search.jsonl" > "$T/c.core"
check "to the same results" cmp "$T/b.core" "$T/c.core"
(exec "$SEARCH" "$T/s.yaml" --data-root "$T" -o "$T/i" > "$T/log" 2>&1) &
pid=$!
i=0
while ! grep -qs '"k":0' "$T/i/search.jsonl" && [ $i -lt 300 ]; do
    sleep 0.02
    i=$((i + 1))
done
kill -INT $pid
wait $pid
check "SIGINT ends with 130" test $? = 130
check "says how to go on" grep -q "the same command goes on" "$T/log"
check "and prints what is there" test -s "$T/i/summary.txt"

bad() { # TEXT WORDS SED
    sed "$3" "$HERE/search.yaml" > "$T/bad.yaml"
    expect "$1" 78 "$2" "$SEARCH" "$T/bad.yaml" --data-root "$T" -o "$T/x"
}
bad "an unknown key" "'evaluation', did you mean 'evaluations'" \
    's/^evaluations/evaluation/'
bad "an unknown arm" "arms" 's/^arms:.*/arms: [evolution, magic]/'
bad "an empty space" "no gene" '/^  [a-z]*:/d; s/^space:/space: {}/'
bad "a gene that is no key" "'featurs' is no key of task sr" 's/features/featurs/'
bad "a key that chooses the pictures" "'scale' is no key" \
    's/features: .*/scale: [2, 3]/'
bad "a choice that the key does not allow" "space: activation:" 's/prelu/pelu/'
bad "a block that does not exist" "'conv9'" 's/sep1/conv9/'
bad "a number out of the key's range" "space: lr:" 's/max: 1e-2/max: 99/'
bad "a penalty without a frame" "need a 'frame'" '/^frame/d'
bad "a frame that is none" "'frame' is 'big'" 's/^frame:.*/frame: big/'
bad "a proxy with an unknown key" "stepz" 's/{steps: 12}/{stepz: 12}/'
expect "no search" 64 "no search given" "$SEARCH"
expect "a missing search" 66 "none.yaml" "$SEARCH" "$T/none.yaml"
sed 's/tiny-cells/none/' "$HERE/search.yaml" > "$T/bad.yaml"
expect "a missing recipe" 66 "none.yaml" "$SEARCH" "$T/bad.yaml" -o "$T/x"
rm -rf "$T/x"
check "--dry-run prints the search" sh -c '"$@" | grep -q "^evaluations: 6"' - \
    "$SEARCH" "$HERE/search.yaml" --data-root "$T" -o "$T/x" --dry-run
check "and writes nothing" test ! -e "$T/x"
check "--keys lists the keys" sh -c '"$1" --keys | grep -q "^tournament .*1.."' \
    - "$SEARCH"
sed 's/^evaluations: .*/evaluations: 8/' "$T/s.yaml" > "$T/longer.yaml"
check "more evaluations go on with the same search" "$SEARCH" "$T/longer.yaml" \
    --data-root "$T" --threads 1 --json -o "$T/b"
check "two more an arm" test "$(count trial b)" = 41
check "fewer leave the rest aside" go -o "$T/b"
sed 's/\[3, 4, 5\]/[3, 4, 6]/' "$T/s.yaml" > "$T/other.yaml"
expect "another search in the same folder" 65 "changed: space" \
    "$SEARCH" "$T/other.yaml" --data-root "$T" -o "$T/b"
cp "$T/train/t1.png" "$T/train/t9.png"
expect "other pictures" 65 "the pictures changed" go -o "$T/b"
rm "$T/train/t9.png"
sed '2s/"k":0/"k":5/; 3s/"k":0/"k":5/' "$T/b/search.jsonl" > "$T/c/search.jsonl"
expect "a damaged log" 65 "line 3 is damaged" go -o "$T/c"
check "unless --fresh is given" go -o "$T/c" --fresh
for r in "$ROOT"/trainer/recipes/search/*.yaml; do
    sed 's/photos.train/train/; s/photos.val/val/
        s/cifar10.test_batch.bin/val/; s/cifar10/train/' \
        "$ROOT/trainer/recipes/$(sed -n 's,^recipe: ../,,p' "$r")" \
        > "$T/base.yaml"
    sed 's,^recipe: .*,recipe: base.yaml,; s/^test: .*/test: val/' "$r" \
        > "$T/r.yaml"
    check "$(basename "$r") is valid" \
        "$SEARCH" "$T/r.yaml" --data-root "$T" --dry-run
done
done_testing
