#!/bin/sh
# Interlaced film, pulldown, frames that are flagged wrongly; pixels that are
# not square; crop and rotation of the container; sizes that change.
# SPDX-License-Identifier: LGPL-2.1-or-later
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/common.inc"
cd "$T" || exit 1
Q='-c:v ffv1 -g 1'
I='-flags +ildct+ilme -c:v mpeg2video -q:v 2'
moving() { echo "testsrc2=s=120x480:r=$1:d=$2,rotate=a=t*0.7:c=gray,scroll=h=0.011:v=0.007"; }
lace='tinterlace=interleave'
mk -f lavfi -i "$(moving 50 2)" $Q fields.mkv
mk -i fields.mkv -vf ${lace}_top,setfield=tff -flags +ildct+ilme $Q flagged.mkv
mk -i fields.mkv -vf ${lace}_top,setfield=tff $I flagged.mpg
mk -i fields.mkv -vf ${lace}_bottom,setfield=prog $Q bff.mkv
mk -f lavfi -i "$(moving 24000/1001 3)" $Q film.mkv
mk -i film.mkv -vf telecine=pattern=23,setfield=prog $Q pulldown.mkv
mk -i film.mkv -vf telecine=pattern=23,setfield=tff $I pulldown.mpg
mk -i film.mkv -vf setfield=tff $I psf.mpg

psnr() { # A B: of luma, the worst frame
    "$FFMPEG" -nostdin -v error -i "$1" -i "$2" -lavfi "psnr=stats_file=$T/ps" -f null - &&
        sed 's/.*psnr_y:\([^ ]*\).*/\1/' ps | sort -g | head -n 1
}
above() { awk -v a="$1" -v b="$2" 'BEGIN { print "# " a; exit !(a == "inf" || a + 0 > b) }'; }

whole() { # FILE: frames that idet takes for progressive
    "$FFMPEG" -nostdin -i "$1" -vf idet -f null - 2>&1 | grep Single |
        tail -n 1 | sed 's/.*Progressive: *//; s/ .*//'
}
cmp_frames() {
    mk -i "$1" -map 0:v -f framemd5 - > f1 && mk -i "$2" -map 0:v -f framemd5 - > f2 && cmp f1 f2
}

# What each is taken for.
for f in flagged.mkv flagged.mpg bff.mkv pulldown.mkv pulldown.mpg psf.mpg film.mkv; do
    check "$f" run "$N" $f -o o-$f.mkv
done
check "flagged: frames" [ "$(frames o-flagged.mkv.mkv)" = 50 ]
check "flagged wrongly: said" sh -c "'$FFGAN' run '$N' bff.mkv -o x.mkv -y 2>&1 | grep -q 'bottom field first'"
# Each frame of the deinterlaced is the first field's of its two times.
mk -i fields.mkv -vf "select='not(mod(n,2))',setpts=N/25/TB" -r 25 $Q first.mkv
for f in flagged.mkv bff.mkv; do
    check "$f: deinterlaced" above "$(psnr o-$f.mkv first.mkv)" 22
    run "$N" $f -o no-$f.mkv --set deinterlace=no
    check "$f: no comb is left" [ "$(whole o-$f.mkv)" -ge 45 ]
    check "$f: deinterlace: no leaves the comb" [ "$(whole no-$f.mkv)" = 0 ]
done
check "pulldown: the film's frames" [ "$(frames o-pulldown.mkv.mkv)" = "$(frames film.mkv)" ]
check "pulldown: the film's pictures" above "$(psnr o-pulldown.mkv.mkv film.mkv)" 60
check "pulldown: its rate" [ "$(probe o-pulldown.mkv.mkv stream=r_frame_rate)" = 24000/1001 ]
check "pulldown in MPEG-2: frames" [ "$(frames o-pulldown.mpg.mkv)" = "$(frames film.mkv)" ]
check "frames that are flagged as fields: as they were" [ "$(mk -i o-psf.mpg.mkv -f md5 -)" = "$(mk -i psf.mpg -f md5 -)" ]
check "film stays film" [ "$(mk -i o-film.mkv.mkv -f md5 -)" = "$(mk -i film.mkv -f md5 -)" ]
sed 's/"yes", "no"/ivtc/' "$N" > ivtc.yaml
check "ivtc by force" run ./ivtc.yaml pulldown.mkv -o f.mkv --set deinterlace=ivtc
check "ivtc by force: frames" [ "$(frames f.mkv)" = "$(frames film.mkv)" ]
# In chunks: the same where the deinterlacer can be cut, refused where not.
check "flagged, in chunks" run "$N" flagged.mkv -o c.mkv --chunk 11
check "flagged, in chunks: the same" cmp_frames o-flagged.mkv.mkv c.mkv
check "unflagged, in chunks" run "$N" bff.mkv -o c2.mkv --chunk 11
check "unflagged, in chunks: the same" cmp_frames o-bff.mkv.mkv c2.mkv
refused "pulldown is not cut" 78 "fieldmatch" run "$N" pulldown.mkv -o c3.mkv --chunk 11

# Pixels that are not square.
mk -f lavfi -i testsrc2=s=72x58:r=25:d=1 -vf setsar=64/45 $Q wide.mkv
mk -f lavfi -i testsrc2=s=72x58:r=25:d=1 -vf setsar=8/9 $Q narrow.mkv
sed 's/^output:/output:\n  pixels: square/' "$N" > square.yaml
for f in wide narrow; do
    check "$f: kept" run "$N" $f.mkv -o k-$f.mkv
    check "$f: square" run ./square.yaml $f.mkv -o q-$f.mkv
done
shape() { probe "$1" stream=width,height,sample_aspect_ratio | tr '\n' ' '; }
check "wide: kept" [ "$(shape k-wide.mkv)" = "72 58 64:45 " ]
check "wide: square" [ "$(shape q-wide.mkv)" = "102 58 1:1 " ]
check "narrow: kept" [ "$(shape k-narrow.mkv)" = "72 58 8:9 " ]
check "narrow: square" [ "$(shape q-narrow.mkv)" = "72 66 1:1 " ]
check "square, with a height to reach" run ./square.yaml wide.mkv -o h.mkv --size x116
check "square, with a height to reach: shape" [ "$(shape h.mkv)" = "204 116 1:1 " ]
check "square, of square pixels" run ./square.yaml film.mkv -o s.mkv
check "square, of square pixels: as they were" [ "$(mk -i s.mkv -f md5 -)" = "$(mk -i film.mkv -f md5 -)" ]

# The container's crop and rotation.
mk -f lavfi -i testsrc2=s=96x64:r=25:d=1 -c:v libx264 -qp 0 plain.mp4
mk -display_rotation:v:0 90 -i plain.mp4 -c copy turned.mp4
check "rotation stays a flag" run "$N" turned.mp4 -o turned.mkv
check "rotation: as it was" [ "$(probe turned.mkv stream_side_data=rotation)" = 90 ]
check "rotation: pixels are not turned" [ "$(shape turned.mkv | cut -c 1-5)" = "96 64" ]
if "$FFMPEG" -hide_banner -h bsf=h264_metadata | grep -q crop_left; then
    mk -i plain.mp4 -c copy -bsf:v h264_metadata=crop_left=8:crop_right=4:crop_top=2:crop_bottom=6 crop.mp4
    check "the codec's crop" run "$N" crop.mp4 -o crop.mkv
    check "the codec's crop: size" [ "$(shape crop.mkv | cut -c 1-5)" = "84 56" ]
fi
# Matroska's crop: the places of the display's size become 8 left and 4 top.
mk -i plain.mp4 -c copy -aspect 2:1 -write_crc32 0 shown.mkv
sed 's/\x54\xb0\x81./\x54\xcc\x81\x08/; s/\x54\xba\x81./\x54\xbb\x81\x04/' shown.mkv > cut.mkv
mk -i cut.mkv -c copy cut.mp4
mk -i cut.mkv -c copy cut.mov
mk -i plain.mp4 -vf crop=88:60:8:4 -f framemd5 - | grep -v '^#' | sed 's/.*,//' > want
for e in mkv mp4 mov; do
    check "$e: the container says a crop" [ "$(probe cut.$e stream_side_data=crop_left)" = 8 ]
    check "$e: the container's crop" run "$N" cut.$e -o o-$e.$e --set codec=libx264rgb --chunk 9
    check "$e: the container's crop: size" [ "$(shape o-$e.$e | cut -c 1-5)" = "88 60" ]
    check "$e: the container's crop: the output has none" [ -z "$(probe o-$e.$e stream_side_data=crop_left)" ]
    run "$N" cut.$e -o p-$e.mkv
    mk -i p-$e.mkv -f framemd5 - | grep -v '^#' | sed 's/.*,//' > is
    check "$e: the container's crop: the pixels" cmp is want
done
# Sizes that change on the way are fitted to the first; never a mixed file.
mk -f lavfi -i testsrc2=s=96x64:r=25:d=1 -c:v libx264 -f mpegts a.ts
mk -f lavfi -i testsrc2=s=128x80:r=25:d=1 -c:v libx264 -output_ts_offset 1 -f mpegts b.ts
cat a.ts b.ts > two.ts
check "a size that changes" run "$N" two.ts -o two.mkv
check "a size that changes: one size" [ "$("$FFPROBE" -v error -select_streams v -show_entries frame=width,height -of csv=p=0 two.mkv | sort -u)" = "96,64" ]
check "a size that changes: frames" [ "$(frames two.mkv)" = "$(frames two.ts)" ]
check "a size that changes, in chunks" run "$N" two.ts -o two-c.mkv --chunk 9
check "a size that changes, in chunks: the same" cmp_frames two.mkv two-c.mkv
done_testing
