#!/bin/sh
# ffgan model calibrate: ranges into a weights file, precision=int8 from it.
# SPDX-License-Identifier: LGPL-2.1-or-later
. "$(dirname "$0")/../lib.sh"

says() { # TEXT WORDS COMMAND...: it fails, and its message has the words
    text=$1 words=$2
    shift 2
    "$@" > "$T/out" 2>&1 && {
        notok "$text: it did not fail"
        return
    }
    check "$text" grep -q -- "$words" "$T/out"
}

model=$ROOT/presets/weights/balanced-x4.safetensors
ffmpeg_() { "$FFMPEG" -v error -nostdin -y "$@"; }

check "a picture is made" ffmpeg_ -f lavfi -i \
    "testsrc2=size=96x64:rate=1:duration=1" -frames:v 1 "$T/a.png"
says "int8 without ranges is refused, with the way to them" \
    "ffgan model calibrate" "$FFGAN" model info "$model" --plan \
    --precision int8
check "calibrate writes a model" "$FFGAN" model calibrate \
    "$model" --data "$T/a.png" -o "$T/q.safetensors" --psnr 45
"$FFGAN" model info "$T/q.safetensors" --plan --precision int8 > "$T/plan"
check "its plan has 8-bit convolutions" grep -q "plain, int8" "$T/plan"
check "the filter runs it" ffmpeg_ -i "$T/a.png" -vf \
    "gansr=model=$T/q.safetensors:precision=int8" "$T/b.png"
mkdir "$T/empty"
says "a folder without pictures is an error" "" "$FFGAN" model calibrate \
    "$model" --data "$T/empty" -o "$T/no.safetensors"
says "a wrong number is an error" "allowed 1..256" "$FFGAN" model calibrate \
    "$model" --data "$T/a.png" -o "$T/no.safetensors" --samples 0

# ---- 8-bit floating point, a GPU's ----
net=$ROOT/presets/weights/balanced-x2.safetensors
says "fp8 without ranges is refused likewise" "MODEL --precision fp8" \
    env "FFGAN_CUDA=$BUILD/tests/ffgan-cuda-emulated.so" \
    "$FFGAN" model info "$net" --plan --precision fp8 --device cuda
says "another word is refused" "allowed int8, fp8" "$FFGAN" model calibrate \
    "$net" --data "$T/a.png" -o "$T/no.safetensors" --precision fp4
check "calibrate --precision fp8 writes a model" "$FFGAN" model calibrate \
    "$net" --precision fp8 --data "$T/a.png" -o "$T/f.safetensors" --psnr 40 \
    --samples 1
says "the CPU says that it has none" "fp8 is a GPU's" "$FFGAN" model info \
    "$T/f.safetensors" --plan --precision fp8
if [ -e "$BUILD/tests/ffgan-cuda-emulated.so" ]; then
    FFGAN_CUDA=$BUILD/tests/ffgan-cuda-emulated.so
    export FFGAN_CUDA
    "$FFGAN" model info "$T/f.safetensors" --plan --precision fp8 \
        --device cuda --size 64x48 > "$T/plan"
    check "a plan on a GPU has convolutions in fp8" \
        grep -q "mma, fp8 .* fp8 " "$T/plan"
    raw() { # OPTIONS FILE
        ffmpeg_ -i "$T/a.png" -vf "crop=48:32,format=gbrp,gansr=model=$1" \
            -f rawvideo "$2"
    }
    check "the filter runs it on a GPU" raw \
        "$T/f.safetensors:device=cuda:precision=fp8" "$T/f.raw"
    raw "$net:precision=fp32" "$T/x.raw"
    near() { # no code further away than that, some are
        python3 - "$T/f.raw" "$T/x.raw" << 'E'
import sys
a, b = (open(p, "rb").read() for p in sys.argv[1:])
d = [abs(x - y) for x, y in zip(a, b)]
sys.exit(not (len(a) == len(b) and 0 < max(d) <= 12 and sum(d) < len(d)))
E
    }
    check "near to fp32" near
fi
done_testing
