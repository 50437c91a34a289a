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
done_testing
