#!/bin/sh
# The image-to-image families: equal runs, stop and resume, files that others
# read, messages. SPDX-License-Identifier: LGPL-2.1-or-later
. "$(dirname "$0")/../lib.sh"
. "$ROOT/tests/trainer/common.inc"

check "pictures can be made" make_pictures "$T"
"$FFMPEG" -v error -y -f lavfi -i testsrc2=s=96x80:r=5 -frames:v 5 \
    -c:v libx264 -qp 10 "$T/clip.mp4"
"$FFMPEG" -v error -y -i "$T/train/t1.png" -vf negate "$T/painted.png"
"$FFMPEG" -v error -y -i "$T/train/t2.png" -vf negate "$T/held.png"

cat > "$T/gan-sr.yaml" << 'END'
recipe: 1
task: gan-sr
features: 8
blocks: 1
train: [train]
val: val
patch: 16
batch: 3
msssim: 0.5
focal: 0.2
ldl: 1
fft: 0.05
degrade: real
critic_features: 4
gan_from: 2
END
cat > "$T/cyclegan.yaml" << 'END'
recipe: 1
task: cyclegan
train: [train]
train_b: [clip.mp4]
every: 2
features: 4
blocks: 1
critic_features: 4
critic_levels: 2
patch: 32
batch: 2
pool: 3
END
cat > "$T/cut.yaml" << 'END'
recipe: 1
task: cut
train: [train]
train_b: [clip.mp4]
features: 4
blocks: 2
critic_features: 4
critic_levels: 2
patch: 32
batch: 2
places: 16
nce_features: 16
END
cat > "$T/keyframe.yaml" << 'END'
recipe: 1
task: keyframe
train: [train/t1.png]
painted: [painted.png]
val: train/t2.png
val_painted: held.png
features: 6
blocks: 1
critic_features: 4
patch: 24
batch: 3
END

for task in gan-sr cyclegan cut keyframe; do
    run() { # OUT MORE...
        out=$1
        shift
        "$TRAIN" "$T/$task.yaml" --data-root "$T" --steps=6 --val-every=3 \
            --checkpoint-every=2 --log-every=3 --sample-every=6 \
            -o "$T/$out.safetensors" "$@"
    }
    check "$task: six steps" run "$task-a" --threads 1
    check "$task: again, with two threads" run "$task-b" --threads 2
    check "$task: the same file" \
        cmp "$T/$task-a.safetensors" "$T/$task-b.safetensors"
    check "$task: a sheet of samples" \
        test -s "$T/$task-a.samples/00000006.png"
    # Killed after some step; which one is all the same.
    rm -rf "$T/$task-b".*
    (exec "$TRAIN" "$T/$task.yaml" --data-root "$T" --steps=6 --val-every=3 \
        --checkpoint-every=2 --log-every=3 --sample-every=6 \
        -o "$T/$task-b.safetensors" > "$T/log" 2>&1) &
    pid=$!
    i=0
    while [ ! -e "$T/$task-b.ckpt" ] && [ $i -lt 500 ]; do
        sleep 0.01
        i=$((i + 1))
    done
    kill -9 $pid 2> /dev/null
    wait $pid 2> /dev/null
    check "$task: a killed run goes on" run "$task-b"
    check "$task: to the same file" \
        cmp "$T/$task-a.safetensors" "$T/$task-b.safetensors"
    check "$task: the file can be read" \
        "$BUILD/bin/ffgan" model info "$T/$task-a.safetensors"
done

frozen() {
    "$BUILD/bin/ffgan" model freeze "$T/cyclegan-a.safetensors" \
        --frame "$T/train/m.png" -o "$T/frozen.safetensors"
}
norms() {
    "$BUILD/bin/ffgan" model info "$1" | grep -q '^graph.*instance_norm'
}
no_norms() { ! norms "$1"; }
check "it had norms of whole pictures" norms "$T/cyclegan-a.safetensors"
check "and has none now" no_norms "$T/frozen.safetensors"
expect "a model of another task is not frozen" 65 "image" \
    "$BUILD/bin/ffgan" model freeze fast-x2 --frame "$T/train/m.png" \
    -o "$T/x.safetensors"
expect "nor without a frame" 64 "freeze wants" \
    "$BUILD/bin/ffgan" model freeze "$T/cyclegan-a.safetensors" -o x

refused() { # TEXT WORDS TASK KEY...
    text=$1 words=$2 task=$3
    shift 3
    expect "$text" 78 "$words" "$TRAIN" "$T/$task.yaml" --data-root "$T" \
        --dry-run -o "$T/x.safetensors" "$@"
}
refused "gan-sr: a crop that the critic cannot halve" \
    "'patch' times 'scale' is 36, allowed multiples of 8" gan-sr --patch=18
refused "gan-sr: a range upside down" \
    "'deg_x264_min' is 40, above 'deg_x264_max', 20" gan-sr \
    --deg-x264-min=40 --deg-x264-max=20
refused "gan-sr: a number below what is allowed" \
    "'deg1_kernel' is 2, allowed from 3, or -1" gan-sr --deg1-kernel=2
refused "gan-sr: an unknown codec" "deg_codecs" gan-sr --deg-codecs=vp9
check "cyclegan: generators that add to the picture, critics without norms" \
    "$TRAIN" "$T/cyclegan.yaml" --data-root "$T" --steps=2 --generator=encdec \
    --norm=none --critic-norm=none -o "$T/cyclegan-add.safetensors"
check "they add to it, and hold no norm" sh -c \
    '"$0" model info "$1" | grep "^graph" > "$1.txt"
    grep -q "add 4" "$1.txt" && ! grep -q norm "$1.txt" || { cat "$1.txt"; false; }' \
    "$BUILD/bin/ffgan" "$T/cyclegan-add.safetensors"
refused "cyclegan: a crop that does not halve" \
    "'patch' is 34, allowed multiples of 4" cyclegan --patch=34
refused "cyclegan: a key of another task" "unknown key 'painted'" cyclegan \
    --painted=x.png
refused "keyframe: frames without paintings" \
    "'train' has 2 frames, 'painted' 1" keyframe \
    "--train=[train/t1.png, train/t2.png]"
refused "keyframe: half a validation pair" \
    "'val' and 'val_painted' belong together" keyframe --val-painted=
expect "keyframe: a pair of two sizes" 65 "a pair has one size" \
    "$TRAIN" "$T/keyframe.yaml" --data-root "$T" --painted=val/v.png \
    -o "$T/x.safetensors"
done_testing
