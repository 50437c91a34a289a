#!/bin/sh
# What belongs to the picture beside its pixels, and pictures that change.
# SPDX-License-Identifier: LGPL-2.1-or-later
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/common.inc"
cd "$T" || exit 1

TAGS=stream=color_range,color_space,color_transfer,color_primaries,chroma_location
same() { # ENTRIES A B
    [ "$(probe "$2" "$1" -select_streams v:0)" = "$(probe "$3" "$1" -select_streams v:0)" ] &&
        [ -n "$(probe "$2" "$1" -select_streams v:0)" ]
}
pixels() { mk -i "$1" -map 0:v:0 -f framehash -hash md5 - | grep -v '^#' | sed 's/.*, *//'; }

# Nothing is done: nothing is lost, at any depth and shape.
mk -f lavfi -i testsrc2=s=98x66:r=25:d=1 -c:v ffv1 -pix_fmt yuv420p 8.mkv
mk -i 8.mkv -c:v ffv1 -pix_fmt yuv422p10le 10.mkv
mk -i 8.mkv -c:v ffv1 -pix_fmt yuv444p12le 12.mkv
mk -i 8.mkv -c:v ffv1 -pix_fmt gray16le 16.mkv
mk -i 8.mkv -c:v ffv1 -pix_fmt gbrp16le rgb.mkv
mk -f lavfi -i testsrc2=s=97x65:r=25:d=1 -c:v ffv1 -pix_fmt yuv420p odd.mkv
for f in 8 10 12 16 rgb odd; do
    check "$f.mkv passes" run "$N" $f.mkv -o $f-out.mkv
    pixels $f.mkv > in.txt
    pixels $f-out.mkv > out.txt
    check "$f.mkv: every pixel is equal" cmp in.txt out.txt
    check "$f.mkv: format is equal" same stream=pix_fmt,width,height $f.mkv $f-out.mkv
done

# Colour tags, pixel shape, light levels.
mk -f lavfi -i testsrc2=s=96x64:r=25:d=0.4 -vf setsar=32/27 -c:v libx264 \
    -color_range pc -colorspace bt470bg -color_trc gamma28 -color_primaries bt470bg \
    -chroma_sample_location topleft tags.mp4
check "tagged clip" run "$N" tags.mp4 -o tags-out.mp4 --set codec=libx264
check "colour tags are equal" same $TAGS tags.mp4 tags-out.mp4
check "pixel shape is equal" same stream=sample_aspect_ratio tags.mp4 tags-out.mp4
check "tagged clip, resized" run "$P" tags.mp4 -o tags-2.mp4 --set w=192 --set h=128
check "resized: pixel shape" same stream=sample_aspect_ratio tags.mp4 tags-2.mp4
check "resized: matrix" same stream=color_space tags.mp4 tags-2.mp4
mk -f lavfi -i testsrc2=s=96x64:r=25:d=0.4 -pix_fmt yuv420p10le -c:v libx265 \
    -vf setparams=color_primaries=bt2020:color_trc=smpte2084:colorspace=bt2020nc \
    -x265-params "log-level=error:hdr10=1:master-display=G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,50):max-cll=1000,400" \
    -color_primaries bt2020 -color_trc smpte2084 -colorspace bt2020nc hdr.mkv
check "HDR clip" run "$N" hdr.mkv -o hdr-out.mkv --set codec=libx265
check "HDR clip: tags are equal" same $TAGS hdr.mkv hdr-out.mkv
check "HDR clip: it has its tags" [ \
    "$(probe hdr-out.mkv stream=color_transfer)" = smpte2084 ]
check "HDR clip: light data are equal" same \
    frame_side_data=max_luminance,red_x,max_content,max_average hdr.mkv hdr-out.mkv
check "HDR clip: 10 bit" [ "$(probe hdr-out.mkv stream=pix_fmt)" = yuv420p10le ]

# A phone held upright: the turn stays a turn.
mk -display_rotation 90 -i tags.mp4 -c copy turned.mp4
check "rotated clip" run "$P" turned.mp4 -o turned-out.mp4 --set w=192 --set h=128
check "rotation is equal" same stream_side_data=rotation turned.mp4 turned-out.mp4
check "pixels are not turned" [ "$(probe turned-out.mp4 stream=width)" = 192 ]
check "rotated clip to mkv" run "$P" turned.mp4 -o turned-out.mkv
check "rotation is equal in mkv" same stream_side_data=rotation turned.mp4 turned-out.mkv

# The picture changes size on the way: the output keeps its first size.
mk -f lavfi -i testsrc2=s=96x64:r=25:d=0.4 -c:v libx264 -f mpegts one.ts
mk -f lavfi -i testsrc2=s=128x96:r=25:d=0.4 -c:v libx264 -output_ts_offset 0.4 -f mpegts two.ts
cat one.ts two.ts > both.ts
check "size that changes" run "$N" both.ts -o both.mkv --set codec=ffv1
check "size that changes: all frames" [ "$(frames both.mkv)" = 20 ]
check "size that changes: one size out" [ \
    "$(probe both.mkv frame=width,height | sort -u | tr '\n' ' ')" = "64 96 " ]

# Interlaced pictures are woven apart only where they are flagged.
mk -f lavfi -i testsrc2=s=96x64:r=50:d=1 -vf interlace -c:v libx264 \
    -flags +ildct+ilme lace.mkv
mk -f lavfi -i testsrc2=s=96x64:r=25:d=1 -c:v libx264 prog.mkv
for f in lace prog; do
    check "$f.mkv" run "$N" $f.mkv -o $f-auto.mkv
    check "$f.mkv, deinterlace: no" run "$N" $f.mkv -o $f-no.mkv --set deinterlace=no
    check "$f.mkv: 25 frames" [ "$(frames $f-auto.mkv)" = 25 ]
    pixels $f-auto.mkv > auto.txt
    pixels $f-no.mkv > no.txt
    if [ $f = lace ]; then
        check "lace.mkv: the picture changes" sh -c '! cmp -s auto.txt no.txt'
        check "lace.mkv: frames are progressive" [ \
            "$(probe lace-auto.mkv frame=interlaced_frame | sort -u)" = 0 ]
    else
        check "prog.mkv: the picture stays" cmp auto.txt no.txt
    fi
done
check "lace.mkv: times are equal" times_are_equal lace.mkv lace-auto.mkv 0.0006
check "no temporary file is left" nothing_left .
done_testing
