#!/bin/sh
# Training of in-between networks: repeatable, resumable, refusals.
# SPDX-License-Identifier: LGPL-2.1-or-later
. "$(dirname "$0")/../lib.sh"
. "$ROOT/tests/trainer/common.inc"

cat > "$T/i.yaml" << 'END'
recipe: 1
name: tiny-interp
task: interp
train: [train]
clips: [c.mkv]
kind: whole
size: 2
patch: 48
batch: 2
motion: 6
real: 0.5
steps: 12
warmup: 2
val_every: 6
val_images: 2
checkpoint_every: 4
crops: 12
END
check "pictures and a clip with a cut can be made" sh -c '
    . "$ROOT/tests/trainer/common.inc" && make_pictures "$T" &&
    "$FFMPEG" -v error -y -f lavfi -i testsrc2=s=128x96:r=10:d=1.4 \
        -f lavfi -i mandelbrot=s=128x96:r=10 -filter_complex \
        "[1]trim=end_frame=12[m];[0][m]concat" -c:v ffv1 "$T/c.mkv"'
run() { "$TRAIN" "$T/i.yaml" --data-root "$T" "$@"; }

check "twelve steps" run -o "$T/a.safetensors" --threads 1
check "again, with two threads" run -o "$T/b.safetensors" --threads 2
check "the threads do not change the file" \
    cmp "$T/a.safetensors" "$T/b.safetensors"
(exec "$TRAIN" "$T/i.yaml" --data-root "$T" -o "$T/c.safetensors" \
    --threads 1 > "$T/log" 2>&1) &
pid=$!
i=0
while [ ! -e "$T/c.ckpt" ] && [ $i -lt 500 ] && kill -0 $pid; do
    sleep 0.01
    i=$((i + 1))
done
sleep 0.05
kill -9 $pid 2> /dev/null
wait $pid 2> /dev/null
check "a killed run goes on" run -o "$T/c.safetensors" --resume
check "to the same file" cmp "$T/a.safetensors" "$T/c.safetensors"
check "made-up motion alone" run -o "$T/d.safetensors" --clips= --steps=4
check "a clip alone" run -o "$T/e.safetensors" --train= --steps=4
check "the middle alone, 16-bit products" run -o "$T/f.safetensors" \
    --times=middle --precision=bf16 --steps=4

check "what mends motion found by arithmetic" run -o "$T/g.safetensors" \
    --kind=fusion --size=4 --depth=1 --threads 1
check "again, with two threads" run -o "$T/h.safetensors" --kind=fusion \
    --size=4 --depth=1 --threads 2
check "the threads do not change that file either" \
    cmp "$T/g.safetensors" "$T/h.safetensors"

(exec "$TRAIN" "$T/i.yaml" --data-root "$T" -o "$T/m.safetensors" \
    --kind=fusion --size=4 --depth=1 --threads 1 > "$T/log" 2>&1) &
pid=$!
i=0
while [ ! -e "$T/m.ckpt" ] && [ $i -lt 500 ] && kill -0 $pid; do
    sleep 0.01
    i=$((i + 1))
done
kill -9 $pid 2> /dev/null
wait $pid 2> /dev/null
check "killed, it goes on" run -o "$T/m.safetensors" --kind=fusion --size=4 \
    --depth=1 --resume
check "to that file" cmp "$T/g.safetensors" "$T/m.safetensors"
check "its loss of pixels, no halvings, photographs alone" \
    run -o "$T/n.safetensors" --kind=fusion --size=4 --levels=0 \
    --loss=charbonnier --clips= --steps=4
check "clips that validate whole" run -o "$T/o.safetensors" --kind=fusion \
    --size=4 --levels=1 --clip-share=1 --val= --val-clips=c.mkv --steps=6
expect "clips smaller than a crop are refused" 65 "none as large as 'patch'" \
    run -o "$T/x.safetensors" --kind=fusion --train= --patch=112

check "with a critic of patches" run -o "$T/k.safetensors" --kind=fusion \
    --size=4 --depth=1 --adversarial=0.01 --steps=4
check "the whole network with one" run -o "$T/l.safetensors" \
    --adversarial=0.01 --steps=4

expect "a patch between cells is refused" 78 "'patch' is 56" \
    run -o "$T/x.safetensors" --patch=56
expect "nothing to learn from is refused" 78 "'train' or 'clips' is needed" \
    run -o "$T/x.safetensors" --train= --clips=
expect "a short clip is refused" 65 "at least 3 are needed" \
    run -o "$T/x.safetensors" --clip-share=0.05
expect "a missing clip is named" 66 "none.mkv" \
    run -o "$T/x.safetensors" --clips=none.mkv
for m in a g; do
    "$EVAL" "$T/$m.safetensors" --data "$T/c.mkv" > "$T/eval" 2>&1
    check "$m: eval makes every second frame again" \
        grep -q "^[0-9]* frames made again" "$T/eval"
    check "$m: and tells the network, its motion and the mean apart" \
        [ "$(grep -c "dB  SSIM" "$T/eval")" = 3 ]
done
for n in 1 2; do
    "$FFMPEG" -v error -y -f lavfi -i testsrc2=s=128x96:r=10:d=1 \
        -vf "fps=10*$n" -c:v ffv1 "$T/twice.mkv"
    "$EVAL" "$T/g.safetensors" --data "$T/twice.mkv" > "$T/eval$n" 2>&1
done
check "frames that repeat the one before count once" \
    diff "$T/eval1" "$T/eval2"
"$EVAL" "$T/g.safetensors" --data "$T/val" --json > "$T/eval"
check "pictures are moved" grep -q '"what":"network","psnr":[0-9]' "$T/eval"
done_testing
