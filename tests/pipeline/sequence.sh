#!/bin/sh
# Numbered pictures, in and out.
# SPDX-License-Identifier: LGPL-2.1-or-later
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/common.inc"
cd "$T" || exit 1
mkdir in o

hash() { mk "$@" -f framehash -hash md5 - | grep -v '^#' | sed 's/.*, *//'; }
cmp_pictures() {
    hash -i "$1" > p1.txt && hash -i "$2" > p2.txt && cmp p1.txt p2.txt
}
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

# The output must never be the input, however it is spelt.
mkdir s
for i in 7 8 9; do cp in/png.0011.png s/a$i.png; done
for o in ./s/a%d.png s/a%01d.png; do
    refused "the same pictures as $o" 73 "a7.png: output and input are the same" \
        run "$N" s/a%d.png -o $o --set codec=png -y
done
refused "one picture over itself by a pattern" 73 "are the same" \
    run "$N" s/a7.png -o s/a%d.png --set codec=png -y --start-number 7
check "the input is as it was" cmp in/png.0011.png s/a7.png
check "the same folder, other names" run "$N" s/a%d.png -o s/b%d.png --set codec=png

# A sample keeps the numbers, and reads no more than it needs.
check "--sample of pictures" run "$N" in/png.%04d.png -o o/s.%04d.png \
    --set codec=png --rate 10 --sample 0.2@0.3
check "--sample of pictures: 14 and 15" [ "$(ls o/s.* | tr '\n' ' ')" = "o/s.0014.png o/s.0015.png " ]
check "--sample of pictures: the very pictures" cmp_pictures in/png.0014.png o/s.0014.png

# Pictures whose decoders do not see that they are cut.
mkdir c
S="-f lavfi -i testsrc2=s=160x120 -frames:v 1"
mk $S -pix_fmt gbrpf32le c/e.exr
mk $S -pix_fmt gbrpf32le -compression zip16 c/z.exr
mk $S c/j.jpg
mk $S -pix_fmt rgb24 c/q.qoi
for f in e.exr z.exr j.jpg q.qoi; do
    check "$f" run "$N" c/$f -o o/c.png --set codec=png -y
    rm -f o/c.png
    size=$(wc -c < c/$f)
    for part in 30 60 99; do
        head -c $((size * part / 100)) c/$f > c/cut.${f#*.}
        refused "$f, cut at $part %" 65 "cut.${f#*.}: " \
            run "$N" c/cut.${f#*.} -o o/c.png --set codec=png
    done
    check "$f: nothing is written" [ ! -e o/c.png ]
done

# Alpha is kept, or its loss is said; a picture's default name is a picture's.
mk $S -pix_fmt rgba c/a.png
if cli model info fast-x2; then
    check "alpha" cli upscale -p sequence-2x --set model=fast-x2 c/a.png
    check "alpha is kept" [ "$(probe c/a-sequence-2x.png stream=pix_fmt)" = rgba ]
    check "alpha, 16 bits" cli upscale -p sequence-2x-16bit --set model=fast-x2 \
        c/a.png -o c/a16.png
    check "alpha is kept with 16 bits" [ "$(probe c/a16.png stream=pix_fmt)" = rgba64be ]
    check "no alpha, 16 bits" cli upscale -p sequence-2x-16bit --set model=fast-x2 \
        in/png.0011.png -o c/n16.png
    check "no alpha is added" [ "$(probe c/n16.png stream=pix_fmt)" = rgb48be ]
else
    skip "alpha" "no fast-x2 here"
fi
check "alpha that the encoder lacks" run "$N" c/a.png -o c/a.mp4 --set codec=libx264
check "alpha that the encoder lacks is named" grep -q "warning: the alpha channel is left out" err

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
