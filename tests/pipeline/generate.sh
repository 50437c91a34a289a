#!/bin/sh
# ffgan generate, variations, compare: kinds of output, parts and resume,
# refusals; the page in a browser where there is one.
# SPDX-License-Identifier: LGPL-2.1-or-later
. "$(dirname "$0")/../lib.sh"
mk=$BUILD/tests/filters/mkmodel
[ -x "$mk" ] || mk=$ROOT/build/tests/filters/mkmodel
for k in plate dcgan-alpha image; do
    "$mk" $k rgb 1 "$T/$k.safetensors" || exit 1
done
cd "$T" || exit 1
gen() { "$FFGAN" generate generate -q --set "model=$T/plate.safetensors" \
    --size 33x21 --set speed=3 "$@"; }
fails() { # CODE WORDS COMMAND...
    f_code=$1 f_words=$2
    shift 2
    "$@" > msg 2>&1
    [ $? = "$f_code" ] && grep -qF -e "$f_words" msg || { cat msg; return 1; }
}
sums() { cat "$@" | cksum; }

check "pictures are made" gen -o a.%04d.png --frames 1-8 --seed 3
check "all of them" [ "$(ls a.*.png | wc -l)" = 8 ]
check "nothing else is left" [ ! -e 'a.%04d.png.ffgan' ]
mkdir two
gen -o two/a.%04d.png --frames 6-8 --seed 3
gen -o two/a.%04d.png --frames 1-5 --seed 3
check "two parts are the whole" [ "$(sums a.*.png)" = "$(sums two/a.*.png)" ]
check "existing pictures are refused" fails 73 "-y writes over it" \
    gen -o a.%04d.png --frames 1-8 --seed 3

# A run that was killed: its note and some pictures are there.
mkdir again
"$FFGAN" generate generate -q --set "model=$T/plate.safetensors" \
    --size 33x21 --set speed=3 -o again/a.%04d.png --frames 1-400 --seed 3 \
    --set speed=1 2> /dev/null &
pid=$!
for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
    [ "$(ls again | wc -l)" -gt 6 ] && break
    sleep 0.1
done
kill -9 $pid 2> /dev/null
wait $pid 2> /dev/null
rm -rf again/.a*
note=again/a.%04d.png.ffgan/generate-1-400.json
if [ -e "$note" ]; then
    before=$(ls again/*.png | wc -l)
    touch -d '2001-01-01' again/a.0001.png
    check "other frames are refused there" fails 65 "'chain' differs" \
        gen -o again/a.%04d.png --frames 1-400 --seed 4 --set speed=1
    check "the same command goes on" \
        gen -o again/a.%04d.png --frames 1-400 --seed 3 --set speed=1
    check "what was there ($before) is kept" \
        [ "$(find again -name a.0001.png -newermt 2002-01-01 | wc -l)" = 0 ]
    check "all are there" [ "$(ls again/*.png | wc -l)" = 400 ]
    check "the note is gone" [ ! -e "$note" ]
else
    skip "resume" "the run was over before it could be killed"
fi

gen -o loop.%03d.png --frames 0-12 --loop=12
check "a loop's frame 12 is frame 0" cmp loop.000.png loop.012.png
"$FFGAN" generate generate -q -o e.%02d.exr --frames 1-2 --size 16x16 \
    --set "model=$T/dcgan-alpha.safetensors" --set alpha=model
"$FFPROBE" -v error -show_streams e.01.exr > probe
check "EXR: linear light with alpha" grep -q pix_fmt=gbrapf32 probe
check "EXR: linear light, as tagged" grep -q color_transfer=linear probe
"$FFGAN" generate generate -q -o h.%02d.exr --frames 1-1 --size 64x64 \
    --set "model=$T/dcgan-alpha.safetensors" --set alpha=model
"$FFGAN" generate generate -q -o g.%02d.exr --frames 1-1 --size 64x64 --float \
    --set "model=$T/dcgan-alpha.safetensors" --set alpha=model
kinds() { # channels' types in an EXR's header: 1 half, 2 float
    python3 - "$1" <<'PY'
import struct, sys
d = open(sys.argv[1], "rb").read()
p = d.index(b"channels\0chlist\0") + 16
size, p = struct.unpack_from("<i", d, p)[0], p + 4
kinds, end = set(), p + size - 1
while p < end:
    p = d.index(b"\0", p) + 1
    kinds.add(struct.unpack_from("<i", d, p)[0])
    p += 16
print(*sorted(kinds))
PY
}
check "EXR: half floats" [ "$(kinds h.01.exr)" = 1 ]
check "--float: whole ones" [ "$(kinds g.01.exr)" = 2 ]
gen -o film.mkv --frames 1-10 --rate 24
"$FFPROBE" -v error -count_frames -show_streams film.mkv > probe
check "a film has all frames" grep -q nb_read_frames=10 probe
check "a film has its matrix" grep -q color_space=bt709 probe
check "a film has its rate" grep -q r_frame_rate=24/1 probe

for e in jpg bmp tif; do gen -o kind.$e --frames 1; done
is() { "$FFPROBE" -v error -show_streams "$1" | grep -qx "codec_name=$2"; }
kinds_fit() { is kind.jpg mjpeg && is kind.bmp bmp && is kind.tif tiff; }
check "the name says which kind of picture" kinds_fit
check "an encoder of another kind is refused" fails 78 "does not write that kind" \
    gen -o other.jpg --frames 1 --set codec=png
# Over black where the encoder has no alpha, else with it.
alpha() {
    "$FFGAN" generate fire -q -o "$1" --frames 1-3 --size 64x64 --set codec="$2" ${3:+--set "$3"}
}
alpha black.mkv libx264
alpha alpha.mkv ffv1
alpha raw.mkv ffv1 alpha=none
check "FFV1 keeps alpha" sh -c '"$FFPROBE" -v error -show_streams alpha.mkv |
    grep -Eq "pix_fmt=(gbrap|yuva|rgba)"'
db() { # A B: PSNR of A over black and B
    "$FFMPEG" -v info -nostdin -i "$1" -i "$2" -lavfi "color=black:s=64x64[b];
        [b][0]overlay=shortest=1:format=gbrp[o];[o]format=gbrp[x];[1]format=gbrp[y];[x][y]psnr" \
        -f null - 2>&1 | sed -n 's/.*average:\([0-9]*\).*/\1/p'
}
check "H.264 shows it over black" [ "$(db alpha.mkv black.mkv)" -ge 28 ]
check "which is not the picture alone" [ "$(db raw.mkv black.mkv)" -lt 28 ]

# Films are made in chunks.
frames() { "$FFMPEG" -v error -nostdin -i "$1" -f framehash - | grep -v '^#'; }
gen -o whole.mkv --frames 5-54 --set codec=ffv1
gen -o parts.mkv --frames 5-54 --set codec=ffv1 --chunk 7 --keep-job
check "a film in 8 chunks has the whole one's frames and times" \
    [ "$(frames whole.mkv)" = "$(frames parts.mkv)" ]
check "its job is whole" "$FFGAN" verify parts.mkv.ffgan
gen -o three.mkv --frames 5-54 --set codec=ffv1 --chunk 7 --workers 3
check "so has one of three processes" \
    [ "$(frames whole.mkv)" = "$(frames three.mkv)" ]
check "no folder is left" [ ! -e three.mkv.ffgan ]
rm parts.mkv parts.mkv.ffgan/chunk-00003.json
check "a chunk that was not done is made, the others are kept" \
    gen -o parts.mkv --frames 5-54 --set codec=ffv1 --chunk 7 --keep-job
check "by the same frames" [ "$(frames whole.mkv)" = "$(frames parts.mkv)" ]
rm parts.mkv
check "another seed is refused there" fails 65 "have changed" \
    gen -o parts.mkv --frames 5-54 --set codec=ffv1 --chunk 7 --seed 9
check "other frames are refused there" fails 65 "has changed" \
    gen -o parts.mkv --frames 5-53 --set codec=ffv1 --chunk 7
check "--fresh starts over" \
    gen -o parts.mkv --frames 5-54 --set codec=ffv1 --chunk 9 --seed 9 --fresh

check "one name for many pictures is refused" fails 64 "a pattern such as" \
    gen -o a.png --frames 1-2
check "no -o is refused" fails 64 "-o is needed" gen
check "frames that fall are refused" fails 64 "rising numbers" \
    gen -o x.mkv --frames 5-2
check "other presets are refused" fails 78 "has no param" \
    "$FFGAN" generate sequence-2x -o x.%d.png --set model=fast-x2
check "run refuses generators" fails 78 "'ffgan generate' takes it" \
    "$FFGAN" run generate a.0001.png -o x.png
check "an unknown model is named" fails 66 "nosuch" \
    "$FFGAN" generate generate -o x.%d.png --set model=nosuch

# ---- variations ----
check "a sheet of seeds" "$FFGAN" variations plate.safetensors -o sheet.png \
    --seeds 1-5,9 --size 40x30
"$FFPROBE" -v error -show_streams sheet.png > probe
check "three columns" grep -q width=136 probe
check "other models are refused" fails 69 "for the filter ganfx" \
    "$FFGAN" variations image.safetensors -o x.png

# ---- compare ----
check "a page" "$FFGAN" compare film.mkv film.mkv -o '<a>.html' --pictures 3
check "it asks for no other file" sh -c '! grep -qE "(src|href)=\"http" "<a>.html"'
check "equal films are equal" grep -q "100.000 dB" '<a>.html'
"$FFMPEG" -v error -nostdin -i film.mkv -vf negate -frames:v 7 neg.mkv
check "films of other lengths" sh -c '"$FFGAN" compare film.mkv neg.mkv \
    -o b.html --json > figures && grep -q "A has 3 more" b.html'
check "figures of each frame" [ "$(wc -l < figures)" = 7 ]
check "an existing page is refused" fails 73 "-y writes over it" \
    "$FFGAN" compare film.mkv neg.mkv -o b.html
browser=$(command -v chromium || command -v chromium-browser)
if [ -n "$browser" ]; then
    timeout 60 "$browser" --headless --no-sandbox --disable-gpu \
        --virtual-time-budget=3000 --user-data-dir="$T/profile" --dump-dom \
        "file://$T/b.html" > dom 2> /dev/null
    check "the page runs in a browser" grep -q 'data-shown="0"' dom
    check "its slider is set" grep -q -- '--at: *50%' dom
else
    skip "the page runs in a browser" "no chromium"
fi
done_testing
