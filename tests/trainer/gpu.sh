#!/bin/sh
# Every family trained on the emulated GPU: as on the CPU within a tolerance,
# equal runs, from one device to the other and on; what is said where there is
# no GPU. No GPU is touched. SPDX-License-Identifier: LGPL-2.1-or-later
. "$(dirname "$0")/../lib.sh"
. "$ROOT/tests/trainer/common.inc"

FFGAN_CUDA=$BUILD/tests/ffgan-cuda-emulated.so
export FFGAN_CUDA
check "pictures can be made" make_pictures "$T"
"$FFMPEG" -v error -y -f lavfi -i testsrc2=s=96x80:r=5 -frames:v 5 \
    -c:v ffv1 "$T/clip.mkv"
"$FFMPEG" -v error -y -i "$T/train/t1.png" -vf negate "$T/painted.png"
mkdir "$T/cifar"
head -c 36876 "$T/train/m.png" > "$T/cifar/data_batch_1.bin"
size=$(wc -c < "$T/cifar/data_batch_1.bin")
check "so can bytes in CIFAR-10's layout" test "$size" = 36876

recipe() { # NAME LINES...
    r_name=$1
    shift
    printf 'recipe: 1\nname: %s\n' "$r_name" > "$T/$r_name.yaml"
    for line; do echo "$line" >> "$T/$r_name.yaml"; done
}
made="latent: 5|features: 4|batch: 3|train: cifar"
split() { # NAME LINES: the lines lie between bars
    s_name=$1 s_rest=$2
    set --
    while [ -n "$s_rest" ]; do
        set -- "$@" "${s_rest%%|*}"
        case $s_rest in *\|*) s_rest=${s_rest#*|} ;; *) s_rest= ;; esac
    done
    recipe "$s_name" "$@"
}
split sr "features: 8|blocks: 1|scale: 2|colour: y|train: [train]|val: val|patch: 12|batch: 3|reparam: true|clip: 0.05"
split dcgan "task: dcgan|$made|norm_g: batch|dropout: 0.3|optimizer: adamw"
split wgan "task: wgan|$made|critic_steps: 2"
split wgan-gp "task: wgan-gp|$made|critic_steps: 1"
split spectral "task: dcgan|$made|norm_d: spectral|r1: 1|loss: hinge|optimizer: sgd"
split vae "task: vae|$made"
split gan-sr "task: gan-sr|features: 4|blocks: 1|train: [train]|patch: 16|batch: 2|msssim: 0.5|focal: 0.2|ldl: 1|fft: 0.05|critic_features: 4|gan_from: 0"
split gan-sr-plain "task: gan-sr|features: 4|blocks: 1|train: [train]|patch: 16|batch: 2|critic_features: 4|gan_from: 2|degrade: none|loss: charbonnier|pixel: 0.7"
split gan-sr-mild "task: gan-sr|features: 4|blocks: 1|train: [train]|patch: 16|batch: 2|critic_features: 4"
split cycle-plain "task: cyclegan|train: [train]|train_b: [clip.mkv]|features: 2|blocks: 1|critic_features: 2|critic_levels: 2|patch: 32|batch: 2|pool: 0|optimizer: sgd"
split keyframe-plain "task: keyframe|train: [train/t1.png]|painted: [painted.png]|features: 4|blocks: 1|critic_features: 4|patch: 24|batch: 2|fft: 0"
split cyclegan "task: cyclegan|train: [train]|train_b: [clip.mkv]|features: 2|blocks: 1|critic_features: 2|critic_levels: 2|patch: 32|batch: 2|pool: 3|optimizer: sgd"
split cut "task: cut|train: [train]|train_b: [clip.mkv]|features: 2|blocks: 2|critic_features: 2|critic_levels: 2|patch: 32|batch: 2|places: 16|nce_features: 8"
split keyframe "task: keyframe|train: [train/t1.png]|painted: [painted.png]|features: 4|blocks: 1|critic_features: 4|patch: 24|batch: 2|steady: 0.5"
split interp "task: interp|train: [train]|kind: whole|size: 2|patch: 48|batch: 1|motion: 6|real: 0"
split fusion "task: interp|train: [train]|kind: fusion|size: 4|depth: 1|patch: 48|batch: 1|motion: 6|real: 0|crops: 6"
split plate "task: plate|train: [procedural:fire]|frames: 2|alpha: own|side: 40|min_side: 14|stages: 2|features: 4|layers: 2|minutes: 0"
split texture "task: texture|train: [procedural:weave]|side: 64|patch: 16|batch: 2|local: 3|global: 2|periodic: 2|features: 4|levels: 2|critic: 4"

run() { # RECIPE OUT OPTIONS...
    u_recipe=$1 u_out=$2
    shift 2
    "$TRAIN" "$T/$u_recipe.yaml" --data-root "$T" -o "$T/$u_out.safetensors" \
        --steps=4 --warmup=0 --checkpoint-every=2 --log-every=1 \
        --sample-every=0 --val-every=4 --threads 1 "$@"
}
# A parameter whose gradient is 0 but for rounding (what comes before a norm)
# makes Adam's steps random: cyclegan has sgd here.
# near A B MOST: root mean square of the difference, of the first's values.
floats() { # FILE: the numbers behind the header
    tail -c +$(($(od -An -t u8 -N 8 "$1") + 9)) "$1" | od -An -v -t f4 -w4
}
near() {
    floats "$1" > "$T/.a"
    floats "$2" > "$T/.b"
    paste "$T/.a" "$T/.b" | awk -v most="$3" '
        NF == 2 { d = $1 - $2; s += d * d; t += $1 * $1; n++ }
        END { r = t ? sqrt(s / t) : 1
              print "relative difference " r " of " n " values"
              exit !(n && r <= most) }'
}
for f in ${FAMILIES-sr dcgan wgan wgan-gp spectral vae gan-sr gan-sr-plain \
    gan-sr-mild cyclegan cycle-plain cut keyframe keyframe-plain interp \
    fusion plate texture}; do
    # Its rounding grows: 3e-5 after two steps. From the third on a rectifier's
    # or a loss's bend makes percents of it, whatever the order of sums.
    more=
    case $f in cycle*) more=--steps=2 ;; esac
    check "$f: on the CPU" run "$f" "$f-cpu" $more
    check "$f: on the GPU" run "$f" "$f-gpu" --device cuda $more
    check "$f: nearly the same checkpoint" \
        near "$T/$f-cpu.ckpt" "$T/$f-gpu.ckpt" 1e-4
    sed 's/^/# /' "$T/.check"
done

# ---- equal runs ----
for f in sr dcgan gan-sr gan-sr-plain keyframe-plain texture; do
    check "$f: again on the GPU, with two threads" run "$f" "$f-two" \
        --device=cuda:0 --threads 2
    check "$f: the same file" \
        cmp "$T/$f-gpu.safetensors" "$T/$f-two.safetensors"
done

# ---- from one device to the other: stopped by a signal, wherever it is ----
long="--steps=60 --val="
stopped() { # RECIPE OUT DEVICE
    # shellcheck disable=SC2086 # options
    (exec "$TRAIN" "$T/$1.yaml" --data-root "$T" -o "$T/$2.safetensors" \
        --warmup=0 --checkpoint-every=2 --log-every=1 --sample-every=0 \
        --val-every=4 --threads 1 $long --device "$3" > "$T/log" 2>&1) &
    pid=$!
    i=0
    while ! grep -qs '^step 2/' "$T/log" && [ $i -lt 1000 ] && kill -0 $pid; do
        sleep 0.01
        i=$((i + 1))
    done
    kill -TERM $pid
    wait $pid
    [ $? = 143 ]
}
# A machine at its limits may let it end before the signal comes: once more.
stopped_soon() { # RECIPE OUT DEVICE
    for _ in 1 2 3 4 5; do
        rm -f "$T/$2".*
        ! stopped "$@" || return 0
    done
    return 1
}
for f in sr wgan; do
    # shellcheck disable=SC2086
    check "$f: a longer run on the CPU" run $f $f-long $long
    check "$f: one on the GPU is stopped" stopped_soon $f $f-over cuda
    # shellcheck disable=SC2086
    check "$f: and goes on on the CPU" run $f $f-over $long --resume
    check "$f: to nearly the same" \
        near "$T/$f-long.ckpt" "$T/$f-over.ckpt" 1e-3
    sed 's/^/# /' "$T/.check"
done
# shellcheck disable=SC2086
check "a CPU's checkpoint that is done is done for the GPU" run sr sr-long \
    $long --resume --device cuda

# ---- 16 bits between layers, 32 in the weights ----
for p in fp16 bf16; do
    check "$p: on the GPU" run sr sr-$p --precision=$p --device cuda
    check "$p: near fp32" near "$T/sr-cpu.safetensors" "$T/sr-$p.safetensors" 0.02
    check "$p: again" run sr sr-$p-two --precision=$p --device cuda --threads 2
    check "$p: the same file" \
        cmp "$T/sr-$p.safetensors" "$T/sr-$p-two.safetensors"
    check "$p: and not fp32's" sh -c '! cmp -s "$1" "$2"' - \
        "$T/sr-gpu.safetensors" "$T/sr-$p.safetensors"
done
check "fp16: stages of a plate" run plate plate-16 --precision=fp16 --device cuda
check "fp16: a generator and its critic" run dcgan dcgan-16 --precision=fp16 \
    --device cuda

# ---- what cannot be ----
FFGAN_CUDA=$T/nothing.so expect "no plug-in" 69 "which cannot be read" \
    "$TRAIN" "$T/sr.yaml" --data-root "$T" --device cuda -o "$T/x.safetensors"
expect "no such GPU" 69 "there is no GPU 3" "$TRAIN" "$T/sr.yaml" \
    --data-root "$T" --device cuda:3 -o "$T/x.safetensors"
expect "a word that is no device" 64 "allowed auto, cpu, cuda, cuda:N" "$TRAIN" \
    "$T/sr.yaml" --data-root "$T" --device gpu -o "$T/x.safetensors"
echo "device: cuda:x" >> "$T/sr.yaml"
expect "and one in the recipe" 78 "'device' is 'cuda:x', allowed auto" \
    "$TRAIN" "$T/sr.yaml" --data-root "$T" -o "$T/x.safetensors"
FFGAN_EMULATED_MIB=1 expect "too little GPU memory" 75 "out of memory" "$TRAIN" \
    "$T/gan-sr.yaml" --data-root "$T" --device cuda -o "$T/x.safetensors" \
    --batch=64
done_testing
