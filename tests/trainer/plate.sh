#!/bin/sh
# Plates and textures: trained, repeatable, resumable, run, refused.
# SPDX-License-Identifier: LGPL-2.1-or-later
. "$(dirname "$0")/../lib.sh"
. "$ROOT/tests/trainer/common.inc"

export TRAIN
cat > "$T/p.yaml" << 'END'
recipe: 1
name: tiny-plate
task: plate
train: [procedural:fire, procedural:fire:2]
frames: 2
alpha: own
side: 40
min_side: 14
stages: 3
features: 6
layers: 2
minutes: 0
steps: 18
checkpoint_every: 4
val_every: 5
sample_every: 9
END
cat > "$T/t.yaml" << 'END'
recipe: 1
name: tiny-texture
task: texture
train: [procedural:weave]
side: 64
patch: 16
batch: 2
local: 3
global: 2
periodic: 2
features: 4
levels: 2
critic: 4
steps: 12
checkpoint_every: 4
val_every: 5
sample_every: 6
END
run() { # RECIPE ARGUMENTS
    r_recipe=$1
    shift
    "$TRAIN" "$T/$r_recipe.yaml" "$@"
}
# A run killed when its first checkpoint is there, and the rest of it.
killed_and_resumed() { # RECIPE OUT
    (exec "$TRAIN" "$T/$1.yaml" -o "$2.safetensors" --threads 1 \
        > "$T/log" 2>&1) &
    pid=$!
    i=0
    while [ ! -e "$2.ckpt" ] && [ $i -lt 500 ] && kill -0 $pid; do
        sleep 0.01
        i=$((i + 1))
    done
    sleep 0.02
    kill -9 $pid 2> /dev/null
    wait $pid 2> /dev/null
    run "$1" -o "$2.safetensors" --resume
}
for k in p t; do
    check "$k: trained" run $k -o "$T/$k.safetensors" --threads 1
    check "$k: again, with two threads" run $k -o "$T/$k-2.safetensors" \
        --threads 2
    check "$k: the threads do not change the file" \
        cmp "$T/$k.safetensors" "$T/$k-2.safetensors"
    check "$k: a killed run goes on" killed_and_resumed $k "$T/$k-3"
    check "$k: to the same file" cmp "$T/$k.safetensors" "$T/$k-3.safetensors"
    check "$k: a sheet of samples" test -s "$T/$k.samples/0000000$( \
        [ $k = p ] && echo 9 || echo 6).png"
    check "$k: the file is a model" "$FFGAN" model info "$T/$k.safetensors"
done
check "one picture, transparent by its brightness" sh -c '
    "$FFMPEG" -v error -y -f lavfi -i mandelbrot=s=96x72 -frames:v 1 \
        "$T/one.png" &&
    "$TRAIN" "$T/p.yaml" --train="$T/one.png" --alpha=luma --frames=1 \
        -o "$T/one.safetensors"'
check "with sample norm, circular edges and no penalty" run p \
    -o "$T/x.safetensors" --gp-norm=sample --edges=circular --alpha=none \
    --gp=0 --reconstruct=0 --steps=6 --fresh
check "a time budget ends the run" run p -o "$T/y.safetensors" \
    --minutes=0.005 --steps=1000000
expect "alpha of its own, of a picture that has none" 65 "has no alpha" \
    run p -o "$T/x.safetensors" --train="$T/one.png"
mkdir "$T/keyed"
check "pictures with alpha" sh -c '
    "$FFMPEG" -v error -y -f lavfi -i mandelbrot=s=96x72 -frames:v 2 -vf \
        "format=rgba,geq=r=p(X\,Y):g=p(X\,Y):b=p(X\,Y):a=2*X" \
        "$T/keyed/%d.png"'
for from in keyed keyed/1.png; do
    check "$from trains with its own alpha" run p -o "$T/keyed.safetensors" \
        --train="$T/$from" --fresh
    check "$from: its generator has four channels" sh -c '
        "$FFGAN" generate generate -q -y --set "model=$T/keyed.safetensors" \
            --set alpha=model --frames 1-1 -o "$T/k.png" &&
        "$FFPROBE" -v error -show_entries stream=pix_fmt -of csv=p=0 \
            "$T/k.png" | grep -q rgba'
done
expect "an unknown kind is refused" 65 "fire, smoke, clouds" \
    run p -o "$T/x.safetensors" --train=procedural:water
expect "a missing picture is named" 66 "none.png" \
    run p -o "$T/x.safetensors" --train=none.png --alpha=none
expect "sizes that contradict each other are refused" 78 "'min_side' is 50" \
    run p -o "$T/x.safetensors" --min-side=50
expect "a patch between cells is refused" 78 "'patch' is 18" \
    run t -o "$T/x.safetensors" --patch=18
done_testing
