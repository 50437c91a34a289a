#!/bin/sh
# Frame checksums of gansrc, ganfx and ganinterp against tests/ref/gen, with
# networks that never change. GEN=1 writes them anew; FFMPEG: another build.
# SPDX-License-Identifier: LGPL-2.1-or-later
. "$(dirname "$0")/../lib.sh"
REF=$ROOT/tests/ref/gen
mk=$BUILD/tests/filters/mkmodel
[ -x "$mk" ] || mk=$ROOT/build/tests/filters/mkmodel
for k in dcgan dcgan-alpha texture plate image interp; do
    "$mk" $k rgb 1 "$T/$k.safetensors" || exit 1
done

# ref NAME FILTERS, a whole chain with its source: no conversion may slip in.
ref() {
    text="$1: $(echo "$2" | sed "s,$T/,,g")"
    "$FFMPEG" -v error -nostdin -noauto_conversion_filters -bitexact \
        -f lavfi -i "$2" -f framecrc -bitexact - 2> "$T/$1.err" |
        grep -v '^#software' > "$T/$1"
    [ -z "${GEN:-}" ] || { mkdir -p "$REF" && cp "$T/$1" "$REF/$1"; }
    [ ! -s "$T/$1.err" ] || sed 's/^/# /' "$T/$1.err"
    if grep -q '^0,' "$T/$1"; then
        check "$text" diff -u "$REF/$1" "$T/$1"
    else
        notok "$text: no frames"
    fi
}

src() { echo "gansrc=model=$T/$1.safetensors:nb_frames=${2:-3}:rate=10"; }
for f in gbrp gbrp10 gbrp16 gbrpf32 rgb24 rgb0 rgb48; do
    ref "src-$f" "$(src dcgan):s=41x23,format=$f"
done
for f in gbrap gbrap16 gbrapf32 rgba; do
    ref "src-$f" "$(src dcgan-alpha):s=41x23:alpha=model,format=$f"
done
ref src-texture "$(src texture):s=48x32,format=gbrp16"
ref src-plate "$(src plate):s=61x39,format=gbrp16"
ref src-seam "$(src plate):s=60x40:seamless=xy,format=gbrp16"
ref src-seam-texture "$(src texture):s=48x32:seamless=x,format=gbrp16"
ref src-loop "$(src plate 7):s=33x21:loop=5,format=gbrp"
ref src-linear "$(src plate 5):s=33x21:walk=linear:speed=3,format=gbrp"
ref src-slerp "$(src plate 5):s=33x21:walk=slerp:speed=3,format=gbrp"
ref src-luma "$(src plate):s=33x21:alpha=luma:alpha_high=0.7,format=gbrap16"
ref src-linear-light "$(src plate):s=33x21:alpha=luma:alpha_mode=premultiplied:transfer=linear,format=gbrapf32"
ref src-truncated "$(src dcgan):s=32x32:truncation=0.5:seed=9,format=gbrp"

pic() { echo "testsrc2=s=${2:-64x48}:r=5:d=0.8,format=$1"; }
fx=ganfx=model=$T/image.safetensors
for f in yuv420p nv12 yuva420p gray rgb24 gbrp yuv420p10 p010 gbrap16; do
    ref "fx-$f" "$(pic $f),$fx"
done
ref fx-strength "$(pic yuv420p),$fx:strength=0.4"
ref fx-steady "$(pic yuv420p),$fx:steady=0.6"
ref fx-alpha "testsrc2=s=64x48:r=5:d=0.8:alpha=90,format=yuva420p,$fx:mask=alpha"
ref fx-mask "$(pic yuv420p),split[a][b];[b]extractplanes=y[m];[a][m]$fx:mask=input"
ref fx-part "$(pic yuv420p),$fx:enable=between(n\,1\,2)"

in=ganinterp=model=$T/interp.safetensors
for f in yuv420p nv12 yuva420p gray rgb24 gbrp yuv420p10 p010 gbrap16; do
    ref "in-$f" "$(pic $f),$in"
done
ref in-odd "$(pic yuv420p 66x50),crop=65:49:0:0:exact=1,$in"
ref in-none "$(pic yuv420p),ganinterp"
ref in-fps "$(pic yuv420p),$in:fps=12"
ref in-three "$(pic yuv420p),$in:factor=3:slowmo=3"
done_testing
