#!/bin/sh
# Edit lists of MP4: what they hide is told; times that are damaged, so that
# pictures would be hidden without a word, are an error.
# SPDX-License-Identifier: LGPL-2.1-or-later
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/common.inc"
cd "$T" || exit 1
mk -f lavfi -i testsrc2=s=64x36:r=25:d=1 -c:v libx264 -g 8 -bf 2 -threads 1 in.mp4

box() { grep -obUa "$2" "$1" | head -n 1 | cut -d : -f 1; }
poke() { # FILE OFFSET OCTAL...: those bytes
    poke_file=$1 poke_at=$2
    shift 2
    for byte; do
        printf "\\$byte" | dd of="$poke_file" bs=1 seek=$poke_at conv=notrunc 2> /dev/null
        poke_at=$((poke_at + 1))
    done
}
elst=$(box in.mp4 elst)
ctts=$(box in.mp4 ctts)
check "the clip has an edit list and reordered pictures" [ "${elst:-0}" -gt 0 ] && [ "${ctts:-0}" -gt 0 ]

# 0.4 s of it; 0.6 s from the eleventh picture on (1024 ticks of 1/12800 are
# the encoder's delay).
cp in.mp4 tail.mp4
poke tail.mp4 $((elst + 12)) 0 0 1 220
cp in.mp4 head.mp4
poke head.mp4 $((elst + 12)) 0 0 2 130 0 0 30 0
for f in tail head; do
    want=$(mk -i $f.mp4 -map 0:v -f framemd5 - | grep -vc '^#')
    check "$f: shorter than the clip ($want)" [ "$want" -lt 25 ]
    check "$f: passes" run "$N" $f.mp4 -o $f.mkv
    check "$f: it is told what is hidden" grep -q "its edit list hides $((25 - want)) of 25" err
    check "$f: the frames that are shown" [ "$(frames $f.mkv)" = "$want" ]
    check "$f: in chunks" run "$N" $f.mp4 -o $f-c.mkv --chunk 4
    check "$f: in chunks: the same" times_are_equal $f.mkv $f-c.mkv 0
done
check "the whole clip: nothing is told" sh -c "'$FFGAN' run '$N' in.mp4 -o in.mkv 2>&1 | grep -c hides | grep -qx 0"

# The last entries' offsets: far behind the end, and far before the start.
nb=$((0$(dd if=in.mp4 bs=1 skip=$((ctts + 8)) count=4 2> /dev/null | od -An -v -to1 | awk '{ print $4 }')))
for i in 1 2 3; do
    cp in.mp4 late.mp4
    poke late.mp4 $((ctts + 12 + (nb - i) * 8 + 4)) 0 312
    refused "a picture's time is damaged, entry $i from the end" 65 "times of pictures are damaged" run "$N" late.mp4 -o late.mkv
done
cp in.mp4 early.mp4
poke early.mp4 $((ctts + 12 + (nb - 4) * 8 + 4)) 377 360
refused "a picture's time is damaged, to before the start" 65 "times of pictures are damaged" run "$N" early.mp4 -o early.mkv
check "nothing is left" [ ! -e late.mkv ] && [ ! -e early.mkv ]
check "--allow-errors goes on" run "$N" late.mp4 -o late.mkv --allow-errors
check "--allow-errors says how much" grep -q "lost pictures\|hides" err
done_testing
