#!/bin/sh
# ganinterp with networks that make the whole frame between: colours of every
# kind of format, what is beyond white, alpha, threads; IFNet's own files.
# SPDX-License-Identifier: LGPL-2.1-or-later
. "$(dirname "$0")/../lib.sh"
mk=$BUILD/tests/filters/mkmodel
[ -x "$mk" ] || mk=$ROOT/build/tests/filters/mkmodel
"$mk" fade rgb 1 "$T/fade.safetensors" || exit 1
export FFGAN_PATH="$T" XDG_CACHE_HOME="$T/cache"
ff() { timeout -k 2 60 "$FFMPEG" -v error -nostdin -bitexact "$@"; }
crc() { # CHAIN [options]
    crc_chain=$1
    shift
    ff "$@" -f lavfi -i "$crc_chain" -f framecrc -bitexact - | grep '^0,' |
        awk '{print $NF}'
}
src="testsrc2=s=62x50:r=5:d=0.6"
net="ganinterp=model=fade:scd=none:precision=fp32"
# The network gives the mean of its two frames: FFmpeg's own blending is right.
# Lowest PSNR of a plane of the frame between the first two.
psnr() { # CHAIN
    ff -f lavfi -i "$src,$1,split[a][b];[a]$net,select=eq(n\,1),setpts=0[x];
        [b]tblend=all_mode=average,select=eq(n\,$2),setpts=0[y];
        [x][y]psnr=stats_file=$T/psnr" -frames:v 1 -f null - 2> "$T/msg"
    tr ' ' '\n' < "$T/psnr" | sed -n 's/^psnr_[^a].*://p' | sort -n | head -n 1
}
for f in gray 45 yuv444p10 45 gbrp 45 gbrap 45 gbrp16 60 yuv420p 30 \
    yuv422p12 30 yuva444p 30; do
    case $f in [0-9]*) ;; *) fmt=$f; continue ;; esac
    got=$(psnr "format=$fmt" 0)
    check "$fmt: a network that takes the mean blends, $got dB" \
        awk -v g="$got" -v w="$f" \
        'BEGIN { exit !(g == "inf" || g + 0 > w + 0) }'
done
# Black, then twice as bright as white, then the frame between: half of it.
grey() { echo "color=$1:s=32x32:r=5:d=0.4,format=gbrpf32"; }
twice="$(grey black)[a];$(grey white),exposure=1[b];[a][b]concat"
ff -f lavfi -i "$twice,$net" -frames:v 4 -f rawvideo "$T/raw"
tail -c 12288 "$T/raw" | od -An -v -w4 -tf4 | sort -u > "$T/values"
check "what is beyond white is faded: half of 2 is 1" \
    awk '{ d = $1 - 1; if (d < -0.01 || d > 0.01) bad = 1 }
        END { exit bad || !NR }' "$T/values"
for m in ifnet.pth ifnet_encoder.safetensors ncnn_ifnet.param; do
    in="ganinterp=model=$ROOT/tests/kernels/import/$m"
    crc "$src,format=yuv420p" > "$T/in"
    crc "$src,format=yuv420p,$in" -filter_threads 1 > "$T/one"
    crc "$src,format=yuv420p,$in" -filter_threads 3 > "$T/three"
    awk 'NR % 2' "$T/one" > "$T/even"
    check "$m: frames" [ "$(wc -l < "$T/one")" = 6 ]
    check "$m: threads change nothing" cmp "$T/one" "$T/three"
    check "$m: input frames leave as they came" cmp "$T/in" "$T/even"
    check "$m: times between differ" [ "$(crc "$src,format=yuv420p,$in:factor=4" |
        sed -n 2,4p | sort -u | wc -l)" = 3 ]
    check "$m: alpha and floats" \
        ff -f lavfi -i "$src,format=gbrapf32,$in" -f null -
done
# says TEXT WORDS FILTERS: they are refused with these words.
says() {
    ff -f lavfi -i "$src" -vf "$3" -f null - > "$T/msg" 2>&1
    check "$1" sh -c '[ $1 != 0 ] && grep -qF "$2" "$3"' - $? "$2" "$T/msg"
}
says "a matrix that is not known is refused by name" \
    "ictcp is not supported with an RGB" \
    "format=yuv420p,setparams=colorspace=ictcp,$net"
says "gansr refuses IFNet, and says whose it is" "for the filter ganinterp" \
    "gansr=model=$ROOT/tests/kernels/import/ifnet.pth"
done_testing
