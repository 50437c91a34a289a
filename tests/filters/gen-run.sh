#!/bin/sh
# gansrc, ganfx and ganinterp inside ffmpeg: any frame alone, threads, loops,
# times, cuts, messages.
# SPDX-License-Identifier: LGPL-2.1-or-later
. "$(dirname "$0")/../lib.sh"
mk=$BUILD/tests/filters/mkmodel
for k in dcgan texture plate image image-norm interp; do
    "$mk" $k rgb 1 "$T/$k.safetensors" || exit 1
done
"$mk" compact rgb 2 "$T/sr.safetensors" || exit 1
export FFGAN_PATH="$T"

ff() { timeout -k 2 60 "$FFMPEG" -v error -nostdin -bitexact "$@"; }
# crc CHAIN [options]: the checksum of each frame, without its time
crc() {
    crc_chain=$1
    shift
    ff "$@" -f lavfi -i "$crc_chain" -f framecrc -bitexact - | grep '^0,' |
        awk '{print $NF}'
}
stamps() { # CHAIN: pts of each frame
    ff -f lavfi -i "$1" -f framecrc -bitexact - | grep '^0,' |
        tr -d ' ' | awk -F, '{print $3}'
}
same() { [ -s "$1" ] && diff "$1" "$2"; }
refuses() { # CHAIN WORDS...
    ref_vf=$1
    shift
    ff -y -f lavfi -i "$ref_vf" -t 1 -f framecrc "$T/out.crc" \
        > "$T/msg" 2>&1 && return 1
    for word; do
        grep -qF "$word" "$T/msg" || { cat "$T/msg"; return 1; }
    done
}
sixteen=format=gbrp16

# ---- gansrc ----
for k in dcgan texture plate; do
    g=gansrc=model=$k:s=45x31:walk=slerp:speed=7
    crc "$g:nb_frames=9,$sixteen" > "$T/whole"
    { crc "$g:nb_frames=4,$sixteen"
      crc "$g:start=4:nb_frames=5,$sixteen"; } > "$T/parts"
    check "$k: two parts are the whole" same "$T/whole" "$T/parts"
    crc "$g:nb_frames=9,$sixteen" -filter_threads 1 > "$T/one"
    crc "$g:nb_frames=9,$sixteen" -filter_threads 3 > "$T/three"
    check "$k: threads change nothing" same "$T/one" "$T/three"
    crc "$g:nb_frames=9:tilesize=16,$sixteen" > "$T/tiled"
    check "$k: tiles change nothing" same "$T/whole" "$T/tiled"
done
for w in linear slerp circle; do
    crc "gansrc=model=plate:s=33x21:loop=5:walk=$w:nb_frames=11,$sixteen" \
        > "$T/loop"
    head -n 6 "$T/loop" > "$T/loop1"
    tail -n 6 "$T/loop" > "$T/loop2"
    check "walk=$w: a loop of 5 repeats" same "$T/loop1" "$T/loop2"
    # A walk between two points comes back the way it went.
    check "walk=$w: its frames differ" \
        [ "$(head -n 5 "$T/loop" | sort -u | wc -l)" -ge 3 ]
done
printf '# flames\n0: 5\n4: 6 # bigger\n' > "$T/keys.yaml"
crc "gansrc=model=plate:s=33x21:walk=slerp:nb_frames=6:keys=$T/keys.yaml,$sixteen" > "$T/k"
crc "gansrc=model=plate:s=33x21:walk=hold:seed=6:nb_frames=1,$sixteen" > "$T/k6"
tail -n 1 "$T/k" > "$T/k5"
check "keys: the last key stays" same "$T/k6" "$T/k5"
printf '0: 5\n0: 6\n' > "$T/bad.yaml"
check "keys that do not rise are refused with their line" refuses \
    "gansrc=model=plate:walk=hold:keys=$T/bad.yaml" \
    "bad.yaml:2: frame 0 does not follow frame 0"
printf 'seed: 5\n' > "$T/bad.yaml"
check "keys that are none are refused with their line" refuses \
    "gansrc=model=plate:walk=hold:keys=$T/bad.yaml" "bad.yaml:1: allowed are"
check "circle takes no keys" refuses "gansrc=model=plate:keys=$T/keys.yaml" \
    "walk=circle takes no keys"
check "a missing model is said" refuses "gansrc=s=32x32" "model is not given"
check "a model of another task is refused, its filter named" refuses \
    "gansrc=model=image" "its task is 'image', for the filter ganfx"
check "seamless widths are said" refuses \
    "gansrc=model=texture:s=33x32:seamless=x" "multiples of 2 can"
check "no alpha, no alpha=model" refuses "gansrc=model=plate:alpha=model" \
    "the model makes no alpha"
check "rate and duration" [ "$(stamps "gansrc=model=plate:rate=24:d=0.5" |
    wc -l)" = 12 ]
"$FFPROBE" -v error -f lavfi -i "gansrc=model=plate:nb_frames=1,$sixteen" \
    -show_frames > "$T/tags"
check "colour tags" grep -q "color_transfer=iec61966-2-1" "$T/tags"
check "colour tags: range" grep -q "color_range=pc" "$T/tags"
check "the frame's number and model go along" \
    grep -q "TAG:ffgan.model=[0-9a-f]\{64\}" "$T/tags"

# ---- ganinterp ----
in=ganinterp=model=interp
src() { echo "testsrc2=s=64x48:r=5:d=$1,format=yuv420p"; }
crc "$(src 1)" > "$T/in"
crc "$(src 1),$in" > "$T/out"
awk 'NR % 2' "$T/out" > "$T/even"
check "every input frame leaves as it came" same "$T/in" "$T/even"
check "twice as many frames" [ "$(wc -l < "$T/out")" = 10 ]
check "the last frame is the last input frame" \
    [ "$(tail -n 1 "$T/in")" = "$(tail -n 1 "$T/out")" ]
crc "$(src 1),$in" -filter_threads 3 > "$T/three"
check "threads change nothing" same "$T/out" "$T/three"
stamps "$(src 1),settb=1/10,setpts=N*N,$in:factor=4" > "$T/vfr"
printf '%s\n' 0 1 2 3 4 7 10 13 16 21 26 31 36 43 50 57 64 71 78 85 > "$T/want"
check "variable rates keep their times, exact parts between" \
    same "$T/want" "$T/vfr"
stamps "$(src 1),$in:fps=12" | wc -l > "$T/n"
check "fps: a second is 12 frames" [ "$(cat "$T/n")" = 12 ]
crc "$(src 1),$in:fps=5" > "$T/five"
check "fps as the input: all frames stay" same "$T/in" "$T/five"
stamps "$(src 1),$in:factor=1:slowmo=2" | tr '\n' ' ' > "$T/slow"
check "slowmo alone" [ "$(cat "$T/slow")" = "0 1 2 3 4 " ]
cut="color=red:s=64x48:r=5:d=0.4,format=yuv420p[a];testsrc2=s=64x48:r=5:d=0.4,format=yuv420p[b];[a][b]concat"
crc "$cut,$in" > "$T/cut"
crc "$cut" > "$T/plain"
check "a cut is kept: the frame before it stays" \
    [ "$(sed -n 4p "$T/cut")" = "$(sed -n 3p "$T/plain")" ]
crc "$cut,$in:scd=none" > "$T/nocut"
check "scd=none mixes over it" \
    [ "$(sed -n 4p "$T/nocut")" != "$(sed -n 3p "$T/plain")" ]
crc "color=gray:s=64x48:r=5:d=1,format=yuv420p,$in" | sort -u | wc -l > "$T/n"
check "duplicates stay exact" [ "$(cat "$T/n")" = 1 ]
check "tiny pictures are refused" refuses "testsrc2=s=8x8:d=1,$in" \
    "allowed 16x16 to"
ff -y -f lavfi -i testsrc2=s=32x32:d=1 -vf "setpts=5,$in" -f null - \
    > "$T/msg" 2>&1
check "times that do not rise are refused" \
    grep -q "frames need rising times" "$T/msg"
timeout -k 1 20 "$FFMPEG" -v error -nostdin -f lavfi \
    -i "$(src 1),setpts=5,$in" -f null - > "$T/dev" 2>&1
check "and end a run that reads them from lavfi" [ $? -lt 124 ]

# ---- ganfx ----
fx=ganfx=model=image
crc "$(src 1),$fx:strength=0" > "$T/none"
check "strength=0 is the source" same "$T/in" "$T/none"
crc "$(src 1),$fx:steady=0.5" > "$T/a"
{ crc "$(src 1),trim=end_frame=3,$fx:steady=0.5"
  crc "$(src 1),trim=start_frame=2,$fx:steady=0.5" | tail -n +2; } > "$T/b"
check "steady: a part behind one frame more is the whole's" same "$T/a" "$T/b"
crc "$(src 1),split[a][b];[b]lutyuv=y=16:u=128:v=128,format=gray[m];[a][m]$fx:mask=input" \
    > "$T/black"
check "a black mask is the source" same "$T/in" "$T/black"
ff -f lavfi -i "$(src 1),$fx:measure=1,metadata=print:file=$T/meta" -f null -
check "flicker is told of each frame but the first" \
    [ "$(grep -c lavfi.ganfx.flicker_source "$T/meta")" = 4 ]
rgb() { echo "testsrc2=s=64x48:r=5:d=1,format=gbrp,trim=start_frame=$1,setpts=PTS-STARTPTS"; }
ff -y -f lavfi -i "$(rgb 2)" -frames:v 1 "$T/first.png"
(cd "$T" && "$FFGAN" model freeze image-norm.safetensors --frame first.png \
    -o frozen.safetensors)
crc "$(rgb 2),ganfx=model=frozen" > "$T/want"
crc "$(rgb 2),ganfx=model=image-norm:norm=shot" > "$T/shot"
crc "$(rgb 2),ganfx=model=image-norm" > "$T/each"
check "norm=shot keeps the first frame's statistics" same "$T/want" "$T/shot"
check "norm=frame does not" [ "$(cat "$T/each")" != "$(cat "$T/shot")" ]
crc "color=red:s=64x48:r=5:d=0.4,format=gbrp[a];$(rgb 2)[b];[a][b]concat,ganfx=model=image-norm:norm=shot" |
    tail -n +3 > "$T/after"
check "and learns anew at a cut" same "$T/want" "$T/after"
check "a mask of another size is refused" refuses \
    "$(src 1)[a];color=s=32x32[m];[a][m]$fx:mask=input" "the mask is 32x32"
done_testing
