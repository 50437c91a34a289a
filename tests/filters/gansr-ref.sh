#!/bin/sh
# Frame checksums of gansr against tests/ref/gansr, with networks that never
# change. GEN=1 writes the references anew. Other FFmpeg builds: set FFMPEG.
# SPDX-License-Identifier: LGPL-2.1-or-later
. "$(dirname "$0")/../lib.sh"
REF=$ROOT/tests/ref/gansr

# A build for another FFmpeg has no test programs of its own.
make_model=$BUILD/tests/filters/mkmodel
[ -x "$make_model" ] || make_model=$ROOT/build/tests/filters/mkmodel
"$make_model" compact y 2 "$T/y.safetensors" &&
    "$make_model" compact rgb 2 "$T/rgb.safetensors" &&
    "$make_model" compact y 1 "$T/y1.safetensors" || exit 1

# frames NAME SIZE PIXFMT FILTERS: no conversion may slip in unseen.
frames() {
    "$FFMPEG" -v error -nostdin -noauto_conversion_filters -bitexact \
        -f lavfi -i "testsrc2=s=$2:r=5:d=0.4,format=$3" \
        -vf "$4" -f framecrc -bitexact - | grep -v '^#software'
}

y=gansr=model=$T/y.safetensors
rgb=gansr=model=$T/rgb.safetensors
ref() {
    text="$1: $3 $(echo "$4" | sed "s,$T/,,g")"
    frames "$@" > "$T/$1" 2> "$T/$1.err"
    [ -z "${GEN:-}" ] || { mkdir -p "$REF" && cp "$T/$1" "$REF/$1"; }
    [ ! -s "$T/$1.err" ] || sed 's/^/# /' "$T/$1.err"
    if grep -q '^0,' "$T/$1"; then
        check "$text" diff -u "$REF/$1" "$T/$1"
    else
        notok "$text: no frames"
    fi
}

for f in yuv420p yuv422p yuv444p yuvj420p nv12 yuva420p gray rgb24 bgra 0rgb \
    gbrp yuv420p10 yuv422p12 yuv444p16 p010 gray16 rgb48 gbrp12 gbrap16; do
    ref "y-$f" 64x36 $f "$y"
    ref "rgb-$f" 64x36 $f "$rgb"
done
ref y-odd 34x22 yuv420p "crop=33:21:0:0:exact=1,$y"
ref rgb-odd 34x22 yuv420p "crop=33:21:0:0:exact=1,$rgb"
ref y-one 2x2 gray "crop=1:1:0:0,$y"
ref y-same 64x36 yuv420p "gansr=model=$T/y1.safetensors"
ref y-size 64x36 yuv420p10 "$y:w=90:h=-2"
ref rgb-size 64x36 yuv420p "$rgb:w=30:h=30"
ref y-factor 64x36 yuv444p "$y:scale_factor=1.5"
ref rgb-factor 64x36 gbrp "$rgb:scale_factor=4"
ref y-blend 64x36 yuv420p "$y:blend=0.3"
ref rgb-blend 64x36 yuv420p "$rgb:blend=0.3"
ref rgb-601 64x36 yuv420p "$rgb:colorspace=bt601"
ref rgb-709 64x36 yuv420p "$rgb:colorspace=bt709"
ref rgb-2020 64x36 yuv420p10 "$rgb:colorspace=bt2020nc"
ref rgb-full 64x36 yuv420p "$rgb:range=full"
ref y-center 64x36 yuv420p "setparams=chroma_location=center,$y"
ref rgb-topleft 64x36 yuv420p "setparams=chroma_location=topleft,$rgb"
ref twice 32x18 yuv420p "$y,$rgb"
done_testing
