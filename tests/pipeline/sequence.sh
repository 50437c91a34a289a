#!/bin/sh
# Numbered pictures, in and out.
# SPDX-License-Identifier: LGPL-2.1-or-later
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/common.inc"
cd "$T" || exit 1
mkdir in o

hash() { mk "$@" -f framehash -hash md5 - | grep -v '^#' | sed 's/.*, *//'; }
check_depth() { # EXT CODEC PIX_FMT
    mk -f lavfi -i testsrc2=s=96x64:r=25 -frames:v 6 -start_number 11 \
        -pix_fmt "$3" -c:v "$2" "in/$1.%04d.$1"
    check "$1 $3" run "$N" "in/$1.%04d.$1" -o "o/$1.%04d.$1" --set codec="$2"
    check "$1 $3: the same numbers" [ "$(cd in && ls -- "$1".*)" = "$(cd o && ls -- "$1".*)" ]
    hash -start_number 11 -i "in/$1.%04d.$1" > in.txt
    hash -start_number 11 -i "o/$1.%04d.$1" > out.txt
    check "$1 $3: every pixel is equal" cmp in.txt out.txt
    got=$(probe "o/$1.0011.$1" stream=pix_fmt)
    check "$1 $3: the depth is equal" [ "${got%[bl]e}" = "${3%[bl]e}" ]
}
check_depth png png rgb48be
check_depth tiff tiff rgb48le
check_depth dpx dpx gbrp10be
check_depth exr exr gbrpf32le

# Missing and damaged ones.
refused "existing pictures" 73 "png.0011.png: exists; -y" \
    run "$N" in/png.%04d.png -o o/png.%04d.png --set codec=png
check "-y writes over them" run "$N" in/png.%04d.png -o o/png.%04d.png --set codec=png -y
mv in/png.0014.png keep
refused "a missing picture is named" 66 "in/png.0014.png: missing" \
    run "$N" in/png.%04d.png -o o/x.%04d.png --set codec=png
head -c 200 keep > in/png.0014.png
refused "a cut picture" 65 "in/png.0014.png: " \
    run "$N" in/png.%04d.png -o o/x.%04d.png --set codec=png
: > in/png.0014.png
refused "an empty picture" 65 "in/png.0014.png: " \
    run "$N" in/png.%04d.png -o o/y.%04d.png --set codec=png
cp keep in/png.0014.png
refused "no such pictures" 66 "no such pictures" \
    run "$N" in/none.%04d.png -o o/x.%04d.png --set codec=png
rm -f o/*
check "--start-number" run "$N" in/png.%04d.png -o o/z.%04d.png --set codec=png --start-number 13
check "--start-number: 13 to 16" [ "$(ls o | tr '\n' ' ')" = "z.0013.png z.0014.png z.0015.png z.0016.png " ]
refused "--start-number that is not there" 66 "no picture 99\|no such" \
    run "$N" in/png.%04d.png -o o/q.%04d.png --set codec=png --start-number 99
refused "the same pattern" 73 "the same" \
    run "$N" in/png.%04d.png -o in/png.%04d.png --set codec=png -y
refused "an encoder that makes no pictures" 78 "sequence-2x" \
    run "$N" in/png.%04d.png -o o/x.%04d.png

# To and from a video.
check "pictures to a video" run "$N" in/png.%04d.png -o v.mkv --rate 24000/1001
check "pictures to a video: 6 frames" [ "$(frames v.mkv)" = 6 ]
check "pictures to a video: the rate" [ "$(probe v.mkv stream=avg_frame_rate)" = 24000/1001 ]
check "a video to pictures" run "$N" v.mkv -o o/w%d.png --set codec=png --start-number 8
check "a video to pictures: 8 to 13" [ "$(ls o/w* | wc -l)" = 6 -a -e o/w8.png -a -e o/w13.png ]
cp keep one-in.png
check "one picture in, one out" run "$N" one-in.png -o one-out.png --set codec=png
hash -i one-in.png > in.txt
hash -i one-out.png > out.txt
check "one picture: every pixel is equal" cmp in.txt out.txt
# Pictures of two sizes: the first decides.
mk -f lavfi -i testsrc2=s=48x48 -frames:v 1 -pix_fmt rgb48be -y in/png.0013.png
check "a picture of another size" run "$N" in/png.%04d.png -o o/s%d.png --set codec=png
check "a picture of another size is fitted" [ \
    "$(probe o/s13.png stream=width,height | tr '\n' ' ')" = "96 64 " ]
check "no temporary file is left" nothing_left .
done_testing
