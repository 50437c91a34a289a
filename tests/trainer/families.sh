#!/bin/sh
# The families of generator and critic, and the VAE: they learn from CIFAR-10's
# binary layout, repeat to the byte, go on to the byte, and refuse bad recipes.
# SPDX-License-Identifier: LGPL-2.1-or-later
. "$(dirname "$0")/../lib.sh"
. "$ROOT/tests/trainer/common.inc"

# Records of one byte and 3 x 1024: two files of patterns.
mkdir "$T/cifar"
pattern() { # COUNT FROM
    awk -v n="$1" -v from="$2" 'BEGIN {
        for (i = 0; i < n; i++) {
            printf "\\007"
            for (c = 0; c < 3; c++) for (k = 0; k < 1024; k++)
                printf "\\%03o", 64 + (k * (1 + (i + from) % 5) + 40 * c) % 64
        }
    }'
}
# shellcheck disable=SC2059 # the text is a format of octal bytes
printf "$(pattern 12 0)" > "$T/cifar/data_batch_1.bin"
# shellcheck disable=SC2059
printf "$(pattern 6 3)" > "$T/cifar/test_batch.bin"
check "records can be made" test "$(wc -c < "$T/cifar/data_batch_1.bin")" = 36876

small="--batch=4 --features=4 --latent=5 --steps=6 --checkpoint-every=2
    --log-every=2"
recipe() { # TASK KEYS...
    r_task=$1
    shift
    printf 'recipe: 1\nname: %s\ntask: %s\ntrain: cifar\n' "$r_task" "$r_task" \
        > "$T/$r_task.yaml"
    for k; do echo "$k" >> "$T/$r_task.yaml"; done
}
run() { # TASK OUT OPTIONS...
    u_task=$1 u_out=$2
    shift 2
    # shellcheck disable=SC2086 # options
    "$TRAIN" "$T/$u_task.yaml" --data-root "$T" -o "$T/$u_out.safetensors" \
        $small "$@"
}

recipe dcgan
recipe wgan "critic_steps: 2"
recipe wgan-gp "critic_steps: 2"
recipe vae
for task in dcgan wgan wgan-gp vae; do
    check "$task: six steps" run $task $task-a --threads 1
    check "$task: with two threads" run $task $task-b --threads 2
    check "$task: the same file" \
        cmp "$T/$task-a.safetensors" "$T/$task-b.safetensors"
done

# Stopped by a signal in the middle, gone on with, to the same bytes.
stop_and_go() { # TASK OPTIONS...
    s_task=$1
    shift
    rm -f "$T/$s_task-d".*
    # shellcheck disable=SC2086
    "$TRAIN" "$T/$s_task.yaml" --data-root "$T" \
        -o "$T/$s_task-d.safetensors" $small --steps=40 --sample-every=0 "$@" \
        > /dev/null 2>&1 &
    pid=$!
    while [ ! -e "$T/$s_task-d.ckpt" ] && kill -0 $pid 2> /dev/null; do
        sleep 0.01
    done
    sleep 0.05
    kill -TERM $pid 2> /dev/null
    wait $pid
    run "$s_task" "$s_task-d" --steps=40 --sample-every=0 "$@" 2> /dev/null &&
        run "$s_task" "$s_task-e" --steps=40 --sample-every=0 "$@" \
            2> /dev/null &&
        cmp "$T/$s_task-d.safetensors" "$T/$s_task-e.safetensors"
}
check "dcgan with dropout and batch norm goes on to the same bytes" \
    stop_and_go dcgan --dropout=0.3 --norm-g=batch
check "spectral norm too" stop_and_go wgan --norm-d=spectral --r1=1 --r2=1
check "and the gradient penalty by pixels" stop_and_go wgan-gp --gp-norm=pixel
check "relativistic pairing" run dcgan dcgan-r --loss=relativistic

check "a grid of samples" run dcgan dcgan-s --sample-every=3
check "is a picture" test -s "$T/dcgan-s.samples/00000006.png"
check "a validated run" run vae vae-v --val=cifar/test_batch.bin --val-every=2
check "says what of held-out pictures" sh -c '
    strings "$1" | grep -q val_loss' - "$T/vae-v.safetensors"
check "pictures made and held out are compared" run dcgan dcgan-v \
    --val=cifar/test_batch.bin --val-every=3
check "and the distance stands in the file" sh -c '
    strings "$1" | grep -q val_swd' - "$T/dcgan-v.safetensors"
check "early stop ends a run that gets no better" sh -c '
    "$@" 2>&1 | grep -q "stopped early"' - "$TRAIN" "$T/vae.yaml" \
    --data-root "$T" -o "$T/vae-e.safetensors" --batch=4 --features=4 \
    --latent=5 --steps=500 --val=cifar/test_batch.bin --val-every=1 \
    --early-stop=2 --lr=0 --lr-min=0 --ema=0
check "the file is a generator's" sh -c '"$1" model info "$2" | grep -qi generator' \
    - "$FFGAN" "$T/dcgan-a.safetensors"

# Deeper networks, without strides: they learn, go on from a file, make frames.
deep="--extra-g=1 --extra-d=2 --up=nearest --down=pool --features-d=6"
for task in dcgan wgan-gp; do
    # shellcheck disable=SC2086 # options
    check "$task: other networks" run $task $task-deep $deep
    check "$task: are in the file" sh -c \
        '"$1" model info "$2" | grep -q "^graph .*resize 3"' - "$FFGAN" \
        "$T/$task-deep.safetensors"
    check "$task: and make frames" "$FFGAN" generate generate -q -y \
        --set "model=$T/$task-deep.safetensors" --set size=96x64 \
        --frames 1-2 -o "$T/$task.%d.png"
done

bad() { # TEXT WORDS TASK OPTIONS...
    b_text=$1 b_words=$2 b_task=$3
    shift 3
    expect "$b_text" 78 "$b_words" "$TRAIN" "$T/$b_task.yaml" \
        --data-root "$T" -o "$T/x.safetensors" "$@"
}
bad "another task's key names the task" "task dcgan" dcgan --reparam=true
bad "a side that no network has" "'patch' is 48" dcgan --patch=48
bad "batch norm under a gradient penalty" "'norm_d' is batch" wgan-gp \
    --norm-d=batch
bad "dropout under a gradient penalty" "'dropout' is" wgan-gp --dropout=0.5
bad "early stop without held-out pictures" "'early_stop' is 3" vae \
    --early-stop=3
bad "an unknown task lists all" "wgan-gp" dcgan --task=biggan
head -c 5000 "$T/cifar/data_batch_1.bin" > "$T/short.bin"
expect "half a record" 65 "not whole" "$TRAIN" "$T/dcgan.yaml" \
    --data-root "$T" -o "$T/x.safetensors" --train=short.bin
tar -C "$T" -czf "$T/other.tar.gz" cifar
expect "another archive than CIFAR-10's" 65 "MD5" "$TRAIN" "$T/dcgan.yaml" \
    --data-root "$T" -o "$T/x.safetensors" --train=other.tar.gz

# An archive whose MD5 is right: the folder's pictures, the folder's weights.
sum=$(md5sum < "$T/other.tar.gz" | cut -d ' ' -f 1)
weights() { # FILE: what stands behind a weights file's header
    tail -c +$(($(od -An -t u8 -N 8 "$1") + 9)) "$1"
}
for task in dcgan vae; do
    check "$task: an archive with its MD5" run $task $task-t --threads 1 \
        --train=other.tar.gz --md5="$sum"
    weights "$T/$task-t.safetensors" > "$T/t.data"
    weights "$T/$task-a.safetensors" > "$T/a.data"
    check "$task: teaches what its folder does" sh -c \
        'test -s "$1" && cmp "$1" "$2"' - "$T/t.data" "$T/a.data"
done
check "one file of an archive" sh -c '"$@" 2>&1 | grep -q "[^0-9]6 pictures"' - \
    "$TRAIN" "$T/dcgan.yaml" --data-root "$T" -o "$T/x.safetensors" \
    --train='other.tar.gz#test_batch.bin' --md5="$sum" --batch=4 --features=4 \
    --steps=1 --fresh
expect "no such file in it" 66 "no such file" "$TRAIN" "$T/dcgan.yaml" \
    --data-root "$T" -o "$T/y.safetensors" --md5="$sum" \
    --train='other.tar.gz#data_batch_9.bin'
expect "another MD5 than the recipe's" 65 "that 'md5' names" "$TRAIN" \
    "$T/dcgan.yaml" --data-root "$T" -o "$T/y.safetensors" \
    --train=other.tar.gz --md5=00000000000000000000000000000000
bad "what is no MD5" "32 hexadecimal digits" dcgan --md5=abc \
    --train=other.tar.gz
bad "an MD5 and no archive" "no .tar.gz" vae --md5="$sum"
done_testing
