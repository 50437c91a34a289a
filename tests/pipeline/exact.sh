#!/bin/sh
# Pictures that stay exact: alpha, depth, headers of DPX, HDR in each container.
# SPDX-License-Identifier: LGPL-2.1-or-later
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/common.inc"
cd "$T" || exit 1
mkdir s o
net() { # NAME CODEC [ALPHA]
    cat > "$1.yaml" <<Y
preset: 1
name: $1
input: {alpha: ${3:-auto}}
chain: [{gansr: {model: fast-x2}}]
output: {video: {codec: $2, pix_fmt: source}}
Y
}
net png png && net raw png premultiplied && net ffv1 ffv1
of() { probe "$1" "stream=$2" | head -n 1; }
md5() { mk -i "$1" ${3:+-vf "$3"} -pix_fmt "$2" -f md5 -; }

# A white disc whose transparent surroundings are black underneath: its edge,
# laid over white, stays white.
disc="if(lt(hypot(X-24,Y-24),15),255,0)"
mk -f lavfi -i color=black:s=48x48:r=1:d=1 -vf "format=rgba,geq=r='$disc':g='$disc':b='$disc':a='$disc'" -frames:v 1 s/disc.png
darkest() { # over white
    "$FFMPEG" -nostdin -v error -f lavfi -i color=white:s=96x96:r=1 -i "$1" -filter_complex \
        "[0]format=gbrp[w];[1]format=gbrap[p];[w][p]overlay=format=gbrp,format=gray,signalstats,metadata=print:key=lavfi.signalstats.YMIN:file=-" \
        -frames:v 1 -f null - | sed -n 's/.*YMIN=//p'
}
check "straight alpha" run ./png.yaml s/disc.png -o o/disc.png
check "straight alpha: the format" [ "$(of o/disc.png pix_fmt)" = rgba ]
check "straight alpha: no dark edge ($(darkest o/disc.png))" [ "$(darkest o/disc.png)" -ge 250 ]
check "the same colours taken as premultiplied" run ./raw.yaml s/disc.png -o o/raw.png
check "which proves it: a dark edge ($(darkest o/raw.png))" [ "$(darkest o/raw.png)" -lt 200 ]
# Premultiplied colours (OpenEXR) are enlarged as they are.
mk -i s/disc.png -vf format=gbrap,premultiply=inplace=1,format=gbrapf32 s/disc.exr
net exr exr
check "OpenEXR is premultiplied" run ./exr.yaml s/disc.exr -o o/disc.exr
planes() { mk -i o/disc.exr -vf "format=gbrapf32,extractplanes=$1" -f rawvideo - | od -v -An -f -w4; }
planes g > g && planes a > a
check "OpenEXR: colour and alpha stay together" awk 'NR == FNR { a[FNR] = $1; next } { d = a[FNR] - $1; if (d < 0) d = -d; if (d > 0.35) bad++; sum += d } END { print sum / FNR, bad; exit sum / FNR > 0.02 || FNR != 96 * 96 }' a g

# The network's edges are sharper than the alpha channel's, which is only
# enlarged. Colours that are made straight before and premultiplied again
# behind keep to it.
cat > exrs.yaml << 'Y'
preset: 1
name: exrs
input: {alpha: straight}
chain: [{unpremultiply: {inplace: 1}}, {gansr: {model: fast-x2}}, {premultiply: {inplace: 1}}]
output: {video: {codec: exr, pix_fmt: source}}
Y
check "OpenEXR, straight for the network" run ./exrs.yaml s/disc.exr -o o/disc.exr -y
planes g > g && planes a > a
check "OpenEXR, straight for the network: no colour beside its alpha" awk 'NR == FNR { a[FNR] = $1; next } { d = a[FNR] - $1; if (d < 0) d = -d; if (d > max) max = d } END { print max, FNR; exit max > 0.03 || FNR != 96 * 96 }' a g

# Alpha channels of films.
A="testsrc2=s=64x48:r=25:d=0.4,format=yuva444p10,geq=lum='lum(X,Y)':cb='cb(X,Y)':cr='cr(X,Y)':a='mod(16*X+4*N,1023)'"
mk -f lavfi -i "$A" -c:v prores_ks -profile:v 4444 -pix_fmt yuva444p10le a.mov
mk -f lavfi -i "$A" -c:v ffv1 -pix_fmt yuva444p10le a.mkv
mk -f lavfi -i "$A" -c:v libvpx-vp9 -pix_fmt yuva420p -lossless 1 a.webm
mk -f lavfi -i "$A" -c:v png -pix_fmt rgba64be s/p.%02d.png
alpha() { mk ${2:+-c:v "$2"} -i "$1" -vf alphaextract -f framemd5 - | grep -v '^#' | sed 's/.*,//'; }
same_alpha() { alpha "$1" "${3:-}" > x1 && alpha "$2" "${3:-}" > x2 && [ -s x1 ] && cmp x1 x2; }
check "FFV1" run "$N" a.mkv -o o/a.mkv
check "FFV1: alpha" same_alpha a.mkv o/a.mkv
check "ProRes 4444" run "$N" a.mov -o o/a2.mkv
check "ProRes 4444: 12 bits are read" [ "$(of o/a2.mkv pix_fmt)" = yuva444p12le ]
check "ProRes 4444: alpha" same_alpha a.mov o/a2.mkv
check "VP9" run "$N" a.webm -o o/a3.mkv
check "VP9: alpha is read" [ "$(of o/a3.mkv pix_fmt)" = yuva420p ]
mk -c:v libvpx-vp9 -i a.webm -c:v ffv1 a3.mkv
check "VP9: alpha" same_alpha a3.mkv o/a3.mkv
sed 's/codec: ffv1/codec: prores_ks/; s/pix_fmt: source/pix_fmt: yuva444p10le/' ffv1.yaml > prores.yaml
check "to ProRes 4444, enlarged" run ./prores.yaml a.mov -o o/big.mov
check "to ProRes 4444: alpha is in it" [ "$(of o/big.mov pix_fmt)" = yuva444p12le ]
check "to ProRes 4444: in chunks" run ./prores.yaml a.mov -o o/big-c.mov --chunk 3
check "to ProRes 4444: the same" [ "$(mk -i o/big.mov -f md5 -)" = "$(mk -i o/big-c.mov -f md5 -)" ]

# 16 bits: what goes in comes out.
mk -f lavfi -i testsrc2=s=64x48:r=25:d=0.2 -vf "format=rgb48,noise=alls=7:allf=t" s/t.%02d.tif
mk -i s/t.%02d.tif s/q.%02d.png
for k in tif:tiff:t png:png:q; do
    ext=${k%%:*} rest=${k#*:}
    sed "s/default: ffv1/default: ${rest%%:*}/" "$N" > k.yaml
    check "16-bit $ext" run ./k.yaml s/${rest#*:}.%02d.$ext -o o/${rest#*:}.%02d.$ext
    check "16-bit $ext: every bit" [ "$(md5 s/${rest#*:}.%02d.$ext rgb48be)" = "$(md5 o/${rest#*:}.%02d.$ext rgb48be)" ]
done

# DPX: 10 and 16 bits, and the whole of its header.
sed 's/default: ffv1/default: dpx/' "$N" > dpx.yaml
mk -i s/t.%02d.tif -pix_fmt gbrp10be s/a.%04d.dpx
mk -i s/t.%02d.tif -pix_fmt rgb48be s/b.%04d.dpx
# Numbers as the file has them: SDPX big, XPDS little endian.
word() {
    case $(head -c 4 "$1") in
    SDPX) od -An -tx1 -j "$2" -N 4 "$1" | tr -d ' ' ;;
    *) od -An -tx1 -j "$2" -N 4 "$1" | awk '{ print $4 $3 $2 $1 }' ;;
    esac
}
byte() { od -An -tu1 -j "$2" -N 1 "$1" | tr -d ' '; }
put() { printf "$3" | dd of="$1" bs=1 seek="$2" conv=notrunc 2> /dev/null; }
check "DPX, 10 bits" run ./dpx.yaml s/a.%04d.dpx -o o/a.%04d.dpx
check "DPX, 10 bits: every bit" [ "$(md5 s/a.%04d.dpx gbrp10be)" = "$(md5 o/a.%04d.dpx gbrp10be)" ]
check "DPX, 16 bits" run ./dpx.yaml s/b.%04d.dpx -o o/b.%04d.dpx
check "DPX, 16 bits: every bit" [ "$(md5 s/b.%04d.dpx rgb48be)" = "$(md5 o/b.%04d.dpx rgb48be)" ]
check "DPX: pixels begin at 2048" [ "$(word o/a.0001.dpx 4)" = 00000800 ]
check "DPX: its size is right" [ $((0x$(word o/a.0001.dpx 16))) = "$(stat -c %s o/a.0001.dpx)" ]
check "DPX: numbers of frames" [ "$(word o/a.0003.dpx 1712)" = 00000003 ]
check "DPX: no time code that nobody gave" [ "$(word o/a.0001.dpx 1920)" = ffffffff ]
# Now with time code, slate, transfer: kept, however often.
for n in 1 2 3 4 5; do
    case $(head -c 4 o/a.000$n.dpx) in
    SDPX) put o/a.000$n.dpx 1920 "\\001\\002\\003\\00$n" ;;
    *) put o/a.000$n.dpx 1920 "\\00$n\\003\\002\\001" ;;
    esac
    put o/a.000$n.dpx 1764 'slate'
    put o/a.000$n.dpx 801 '\003\001'
    put o/a.000$n.dpx 260 'project'
done
net big dpx
check "DPX enlarged" run ./big.yaml o/a.%04d.dpx -o o/c.%04d.dpx
check "DPX enlarged: time code" [ "$(word o/c.0004.dpx 1920)" = 01020304 ]
check "DPX enlarged: slate and project" sh -c "dd if=o/c.0002.dpx bs=1 skip=1764 count=5 2>/dev/null | grep -q slate && dd if=o/c.0002.dpx bs=1 skip=260 count=7 2>/dev/null | grep -q project"
check "DPX enlarged: transfer and colour" [ "$(byte o/c.0001.dpx 801),$(byte o/c.0001.dpx 802)" = 3,1 ]
check "DPX enlarged: read with its time code" [ "$(probe o/c.0002.dpx frame_tags=timecode | head -n 1)" = 01:02:03:02 ]
check "DPX from PNG: not called linear" run ./dpx.yaml s/q.%02d.png -o o/d.%04d.dpx
check "DPX from PNG: video" [ "$(byte o/d.0001.dpx 801)" != 2 ]

# HDR: tags and light data in each container, whole and in chunks.
P10="-pix_fmt yuv420p10le -vf setparams=color_primaries=bt2020:colorspace=bt2020nc"
L="master-display=G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,50):max-cll=1000,400"
mk -f lavfi -i testsrc2=s=64x48:r=25:d=0.6 $P10:color_trc=smpte2084 -c:v libx265 -x265-params log-level=error:hdr10=1:$L pq.mkv
mk -f lavfi -i testsrc2=s=64x48:r=25:d=0.6 $P10:color_trc=arib-std-b67 -c:v libx265 -x265-params log-level=error hlg.mkv
tags() { probe "$1" stream=color_transfer,color_primaries,color_space,color_range | tr '\n' ' '; }
light() { "$FFPROBE" -v error -select_streams v -show_entries stream_side_data -show_entries frame_side_data -read_intervals '%+#1' -of flat "$1" |
    sed -n 's/.*\(max_content\|max_average\|red_x\|white_point_x\|max_luminance\)=\(.*\)/\1 \2/p' | tr -d '"' |
    awk '{ n = split($2, q, "/"); printf "%s %.4f\n", $1, (n > 1 ? q[1] / q[2] : $2) }' | sort -u; }
light pq.mkv > want
check "the clip has its light data" [ "$(wc -l < want)" = 5 ]
for row in libx265:mkv libx265:mp4 libx265:mov ffv1:mkv prores_ks:mov libvpx-vp9:mkv libvpx-vp9:webm libaom-av1:mkv; do
    c=${row%%:*} e=${row#*:}
    "$FFMPEG" -hide_banner -h "encoder=$c" 2>&1 | grep -q "^Encoder $c" || continue
    opts=--chunk\ 7
    check "$c in $e: PQ" run "$N" pq.mkv -o "h-$c.$e" --set codec=$c $opts
    check "$c in $e: tags" [ "$(tags "h-$c.$e" | sed 's/unknown\|tv//')" = "$(tags pq.mkv | sed 's/unknown\|tv//')" ]
    light "h-$c.$e" > is
    check "$c in $e: mastering display and light levels" cmp is want
done
check "HLG" run "$N" hlg.mkv -o hlg.mp4 --set codec=libx265
check "HLG: tags" [ "$(tags hlg.mp4)" = "$(tags hlg.mkv)" ]

# Provenance.
sha=$(sha256sum "$ROOT/presets/weights/fast-x2.safetensors" | cut -d ' ' -f 1)
mk -f lavfi -i testsrc2=s=32x32:r=25:d=0.4 -metadata comment=mine c.mp4
net x264 libx264
text() { "$FFPROBE" -v error -show_entries format_tags -of default=nw=1 "$1"; }
for e in mkv mp4 mov; do
    check "provenance in $e" run ./x264.yaml c.mp4 -o o/prov.$e
    check "provenance in $e: preset, weights, version" sh -c "'$FFPROBE' -v error -show_entries format_tags -of default=nw=1 o/prov.$e | grep -q 'ffgan .*; preset x264; model fast-x2 sha256 $sha'"
    check "provenance in $e: what was there stays" sh -c "'$FFPROBE' -v error -show_entries format_tags -of default=nw=1 o/prov.$e | grep -qi '^TAG:comment=mine'"
done
sed 's/^output: {/output: {provenance: no, /' x264.yaml > x264-no.yaml
check "no provenance" run ./x264-no.yaml c.mp4 -o o/none.mkv
check "no provenance: none" sh -c "! '$FFPROBE' -v error -show_entries format_tags -of default=nw=1 o/none.mkv | grep -q sha256"
check "provenance in OpenEXR" grep -q "model fast-x2 sha256 $sha" o/disc.exr
done_testing
