#!/bin/sh
# What is wrong is said in one line, with its exit code; nothing is left.
# SPDX-License-Identifier: LGPL-2.1-or-later
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/common.inc"
cd "$T" || exit 1
mkdir d

mk -f lavfi -i testsrc2=s=320x240:r=25:d=4 -f lavfi -i sine=d=4 -c:v libx264 \
    -qp 12 -c:a aac -movflags +faststart whole.mp4
mk -i whole.mp4 -c copy whole.mkv
size=$(wc -c < whole.mp4)

# Input.
echo "not a video" > text.mp4
cp text.mp4 text.txt
: > empty.mp4
head -c 20000 /dev/urandom > noise.mkv
refused "missing input" 66 "none.mp4: No such file" run "$P" none.mp4 -o d/a.mp4
refused "text as .mp4" 65 "text.mp4: not a video" run "$P" text.mp4 -o d/a.mp4
refused "text as .txt" 65 "text.txt: not a video" run "$P" text.txt -o d/a.mp4
refused "empty file" 65 "empty.mp4" run "$P" empty.mp4 -o d/a.mp4
refused "noise" 65 "noise.mkv" run "$P" noise.mkv -o d/a.mp4
refused "a folder as input" 66 "d: a folder: --out-dir takes all" run "$P" d -o d/a.mp4
mk -i whole.mp4 -vn -c copy sound.m4a
refused "sound only" 65 "no video stream" run "$P" sound.m4a -o d/a.mp4
refused "a pipe as input" 64 "pipes cannot be read" run "$P" - -o d/a.mp4

# Cut input, at several places; the header is whole.
for part in 30 60 90; do
    head -c $((size * part / 100)) whole.mp4 > cut.mp4
    head -c $((size * part / 100)) whole.mkv > cut.mkv
    for f in cut.mp4 cut.mkv; do
        refused "$f at $part %" 65 "$f: " run "$P" $f -o d/a.mp4
    done
done
check "the message says how many frames" grep -q "after [0-9]* " err
check "--allow-errors goes on" run "$P" cut.mkv -o cut-out.mkv --allow-errors
n=$(frames cut-out.mkv)
check "--allow-errors keeps what is there ($n of 100)" [ "$n" -gt 50 ]
{ head -c $((size / 2)) whole.mp4; head -c 3000 /dev/urandom
  tail -c +$((size / 2 + 3001)) whole.mp4; } > hurt.mp4
refused "damage inside" 65 "hurt.mp4: " run "$P" hurt.mp4 -o d/a.mp4
check "damage inside with --allow-errors" run "$P" hurt.mp4 -o hurt-out.mp4 --allow-errors

# Output.
echo mine > d/kept.mp4
refused "existing output" 73 "kept.mp4: exists; -y" run "$P" whole.mp4 -o d/kept.mp4
check "existing output is as it was" [ "$(cat d/kept.mp4)" = mine ]
check "-y writes over it" run "$P" whole.mp4 -o d/kept.mp4 -y
check "-y: 100 frames" [ "$(frames d/kept.mp4)" = 100 ]
rm d/kept.mp4
refused "input as output" 73 "same file" run "$P" whole.mp4 -o ./whole.mp4 -y
ln whole.mp4 hard.mp4
refused "input as output by a link" 73 "same file" run "$P" whole.mp4 -o hard.mp4 -y
check "the input is whole" [ "$(wc -c < whole.mp4)" = "$size" ]
refused "no such folder" 73 "nowhere" run "$P" whole.mp4 -o nowhere/a.mp4
refused "a folder as output" 73 "d: is a folder" run "$P" whole.mp4 -o d -y
refused "unknown container" 64 "no container" run "$P" whole.mp4 -o d/a.xyz
refused "container without the codec" 78 "does not take" run "$P" whole.mp4 -o d/a.webm
refused "one picture for many frames" 64 "need a pattern" run "$P" whole.mp4 -o d/a.png

# Presets.
refused "missing preset" 78 "nope" cli upscale whole.mp4 -p nope -o d/a.mp4
sed 's/codec: "${codec}"/codec: libx265x/' "$P" > bad.yaml
refused "bad preset" 78 "bad.yaml:[0-9]*:[0-9]*: " run ./bad.yaml whole.mp4 -o d/a.mp4
refused "bad parameter" 78 "w" run "$P" whole.mp4 -o d/a.mp4 --set w=99999
mk -f lavfi -i testsrc2=s=161x91:r=25:d=1 -c:v ffv1 -pix_fmt yuv420p odd.mkv
refused "a size that the encoder refuses" 78 "encoder dnxhd does not take" \
    run "$N" odd.mkv -o d/a.mov --set codec=dnxhd

# Models.
if cli doctor || grep -q "^ok .*filter gansr" "$T/out"; then
    sed 's/- zscale.*/- gansr: {model: none-such}/' "$P" > m.yaml
    refused "missing model" 66 "none-such" run ./m.yaml whole.mp4 -o d/a.mp4
    head -c 500 /dev/zero > cut.safetensors
    sed "s,- zscale.*,- gansr: {model: $T/cut.safetensors}," "$P" > m.yaml
    refused "truncated model" 65 "cut.safetensors" run ./m.yaml whole.mp4 -o d/a.mp4
else
    skip "missing model" "this build has no gansr"
    skip "truncated model" "this build has no gansr"
fi

# Disks.
mkdir small
if mount -t tmpfs -o size=256k none small 2> /dev/null; then
    refused "full disk, mp4" 74 "a.mp4: .*No space left" \
        run "$P" whole.mp4 -o small/a.mp4 --set w=640 --set h=480
    refused "full disk, mkv" 74 "a.mkv: .*No space left" \
        run "$P" whole.mp4 -o small/a.mkv --set codec=ffv1
    check "full disk: nothing is left" [ -z "$(ls -A small)" ]
    mount -o remount,ro small
    refused "read-only disk" 73 "Read-only file system" run "$P" whole.mp4 -o small/a.mp4
    umount small
else
    skip "full disk" "no mount here"
    skip "read-only disk" "no mount here"
fi

# Names.
for name in "with space.mp4" "ümläut 影.mp4" "a:b,c;'q'.mp4" "100%.mp4" "line
break.mp4" "-dash.mp4"; do
    cp whole.mp4 "./$name"
    shown=$(printf %s "$name" | tr '\n' '?')
    check "name '$shown'" cli run --set w=64 --set h=48 -o "d/$name" -- "$P" "$name"
    check "name '$shown': 100 frames" [ "$(frames "file:d/$name")" = 100 ]
    rm -f "d/$name"
done
long=$(printf '%0250d' 0).mp4
check "a name of 254 bytes" run "$P" whole.mp4 -o "d/$long"
rm -f "d/$long"
ln -s real.mp4 link.mp4
echo old > real.mp4
check "output is a link" run "$P" whole.mp4 -o link.mp4 -y
check "the link stays, its file is new" [ -L link.mp4 -a "$(frames real.mp4)" = 100 ]
check "nothing is left in the folder" [ -z "$(ls -A d)" ]
check "no temporary file is left" nothing_left .
done_testing
