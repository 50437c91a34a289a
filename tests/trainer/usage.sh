#!/bin/sh
# Bad command lines, recipes and data: one clear line and the right exit code.
# SPDX-License-Identifier: LGPL-2.1-or-later
. "$(dirname "$0")/../lib.sh"
. "$ROOT/tests/trainer/common.inc"

check "pictures can be made" make_pictures "$T"
bad() { # TEXT WORDS OVERRIDE...
    b_text=$1 b_words=$2
    shift 2
    expect "$b_text" 78 "$b_words" "$TRAIN" "$RECIPE" --data-root "$T" \
        -o "$T/x.safetensors" "$@"
}

expect "no recipe" 64 "no recipe given" "$TRAIN"
expect "an unknown option" 64 "--frobnicate" "$TRAIN" --frobnicate "$RECIPE"
expect "bad threads" 64 "allowed 0..1024" "$TRAIN" "$RECIPE" --threads=many
expect "--resume and --fresh" 64 "exclude each other" \
    "$TRAIN" "$RECIPE" --resume --fresh
expect "a missing recipe" 66 "none.yaml" "$TRAIN" "$T/none.yaml"
bad "an unknown key, with the nearest" "'stepz', did you mean 'steps'" --stepz=3
bad "a number out of range" "allowed" --batch=0
bad "a wrong type" "patch" --patch=big
bad "a word that is no choice" "l1" --loss=l7
bad "lr_min over lr" "'lr_min' is 1, allowed 0..lr" --lr-min=1
printf 'recipe: 1\nname: [a\n' > "$T/broken.yaml"
expect "broken YAML, with its place" 78 "broken.yaml:" "$TRAIN" "$T/broken.yaml"
printf 'recipe: 2\ntrain: x\n' > "$T/two.yaml"
expect "another version" 78 "recipe" "$TRAIN" "$T/two.yaml"
printf 'recipe: 1\nname: x\n' > "$T/none.yaml"
expect "a required key" 78 "train" "$TRAIN" "$T/none.yaml"

expect "a missing folder" 66 "nowhere" "$TRAIN" "$RECIPE" --data-root "$T" \
    -o "$T/x.safetensors" --train=nowhere
mkdir "$T/empty"
expect "an empty folder" 65 "picture" "$TRAIN" "$RECIPE" --data-root "$T" \
    -o "$T/x.safetensors" --train=empty
mkdir "$T/text"
echo "not a picture" > "$T/text/a.png"
expect "a text file as a picture" 65 "a.png" "$TRAIN" "$RECIPE" \
    --data-root "$T" -o "$T/x.safetensors" --train=text
expect "pictures under the crop's size" 65 "smaller than a crop" "$TRAIN" \
    "$RECIPE" --data-root "$T" -o "$T/x.safetensors" --patch=500
expect "a missing output folder" 73 "no/such" "$TRAIN" "$RECIPE" \
    --data-root "$T" -o "$T/no/such/x.safetensors"
expect "nothing to resume" 66 "no checkpoint" "$TRAIN" "$RECIPE" \
    --data-root "$T" -o "$T/x.safetensors" --resume
check "none of these left a file" test -z "$(find "$T" -name 'x.*')"

expect "stem without cells" 78 "for family cells" "$TRAIN" "$RECIPE" \
    --data-root "$T" -o "$T/x.safetensors" --stem=pool
check "--keys lists the keys" sh -c '"$1" --keys | grep -q "^final_mse .*0..1"' \
    - "$TRAIN"
check "--dry-run prints the resolved recipe" sh -c \
    '"$@" 2> /dev/null | grep -qx "steps: 7"' - "$TRAIN" "$RECIPE" \
    --data-root "$T" -o "$T/x.safetensors" --dry-run --steps=7
check "and trains nothing" test ! -e "$T/x.ckpt"
# Super-resolution alone: other tasks want other pictures.
for r in "$ROOT"/trainer/recipes/*.yaml; do
    grep -q '^task:' "$r" && continue
    check "$(basename "$r") is valid" "$TRAIN" "$r" --data-root "$T" --dry-run \
        --train=train --val=val --init= -o "$T/x.safetensors"
done

expect "eval without data" 64 "--data" "$EVAL" bicubic
expect "eval of a missing model" 66 "none.safetensors" \
    "$EVAL" "$T/none.safetensors" --data "$T/val"
echo junk > "$T/junk.safetensors"
expect "eval of a broken model" 65 "junk.safetensors" \
    "$EVAL" "$T/junk.safetensors" --data "$T/val"

DATA=${FFGAN_DATA:-$ROOT/../shared/data}
for row in 2:33.66:0.9299 4:28.42:0.8104; do
    s=${row%%:*}
    want=${row#*:}
    text="Set5 bicubic x$s prints ${want%:*} dB and ${want#*:}"
    if [ -d "$DATA/set5" ]; then
        "$EVAL" bicubic --data "$DATA/set5" --scale "$s" > "$T/set5" 2>&1
        check "$text" grep -Eq "^mean +${want%:*} +${want#*:} " "$T/set5"
    else
        skip "$text" "no Set5 in $DATA"
    fi
done
done_testing
