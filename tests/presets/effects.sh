#!/bin/sh
# The shipped effect presets: what their frames must and must not show.
# SPDX-License-Identifier: LGPL-2.1-or-later
. "$(dirname "$0")/../lib.sh"
cd "$T" || exit 1

frame() { # PRESET SEED OUT OPTIONS...
    f_preset=$1 f_seed=$2 f_out=$3
    shift 3
    "$FFGAN" generate "$f_preset" -q -y --frames 0-0 --seed "$f_seed" \
        -o "$f_out" "$@"
}
# Values 0..255 of one channel (r, g, b, a) of a part of a picture, one a line.
values() { # FILE CHANNEL CROP
    "$FFMPEG" -v error -i "$1" -vf "format=gbrap,extractplanes=$2,crop=$3" \
        -f rawvideo - | od -An -v -t u1 -w1
}
# Mean difference of two columns' red.
apart() { # FILE X X
    values "$1" r "1:ih:$2:0" > one
    values "$1" r "1:ih:$3:0" > two
    paste one two | awk '{ d = $1 - $2; s += d < 0 ? -d : d }
        END { print s / NR }'
}

for p in fire smoke clouds texture dcgan-grid; do
    check "$p makes a frame" frame $p 3 $p.png
    frame $p 4 $p.other.png
    check "$p: another seed, another frame" sh -c '! cmp -s "$1" "$2"' - \
        $p.png $p.other.png
done

# Fire: flames below, nothing above; and no stripe at an edge where the generator
# makes more than it was trained on: the first column goes on from the last as any
# two neighbours do (three times is generous).
check "fire burns below" sh -c '[ "$1" -gt 200 ]' - \
    "$(values fire.png a iw:20:0:340 | awk '{ s += $1 } END { print int(s / NR) }')"
check "and is clear above" sh -c '[ "$1" -lt 5 ]' - \
    "$(values fire.png a iw:10:0:0 | awk '{ s += $1 } END { print int(s / NR) }')"
for p in fire clouds smoke; do
    frame $p 3 $p.large.png --set detail=640x360
    seam=$(apart $p.large.png 0 639) near=$(apart $p.large.png 300 301)
    echo "# $p: seam $seam, neighbours $near"
    check "$p has no stripe at its edges" awk -v a="$seam" -v b="$near" \
        'BEGIN { exit !(a < 3 * b + 1) }'
done

# Clouds: the sky's least red is 41 of 255. Darker specks, in 1 of 100 000 pixels
# at most.
dark=0
for s in 3 4 12; do
    frame clouds $s c.png --size 480x270 --set detail=480x270
    dark=$((dark + $(values c.png r iw:ih | awk '$1 < 25' | wc -l)))
done
echo "# clouds: $dark of 388800 pixels darker than any sky"
check "clouds have next to no dark specks" [ "$dark" -le 3 ]

# A smaller detail makes taller flames of the same picture size.
frame fire 3 tall.png --set detail=128x72
tops() { values "$1" a iw:180:0:90 | awk '{ s += $1 } END { print int(s / NR) }'; }
check "less detail, taller flames" [ "$(tops tall.png)" -gt "$(tops fire.large.png)" ]

# Smoke: some of it opaque, some clear.
check "smoke has thick and thin places" sh -c '
    [ "$1" -gt 2000 ] && [ "$2" -gt 2000 ]' - \
    "$(values smoke.png a iw:ih | awk '$1 < 40' | wc -l)" \
    "$(values smoke.png a iw:ih | awk '$1 > 180' | wc -l)"

# The grid: 64 cells, each of them of its own and none of them grey.
"$FFMPEG" -v error -i dcgan-grid.png -vf untile=8x8 cell.%02d.png
check "the grid has 64 cells" [ "$(ls cell.*.png | wc -l)" = 64 ]
check "all different" [ "$(cksum cell.*.png | cut -d ' ' -f 1,2 | sort -u |
    wc -l)" = 64 ]
flat=0
for c in cell.*.png; do
    values "$c" g iw:ih | awk '{ s += $1; q += $1 * $1 }
        END { exit !(q / NR - s / NR * s / NR < 100) }' && flat=$((flat + 1))
done
check "and few are flat" [ $flat -lt 8 ]
# Looks: dusk is darker.
"$FFMPEG" -v error -f lavfi -i testsrc2=s=128x96:d=1:r=2 -vf "boxblur=1" -c:v ffv1 day.mkv
means() { for c in r g b; do values "$1" $c iw:ih:0:0 | awk '{ s += $1 } END { print s / NR }'; done; }
for look in dusk-look ink-look; do
    check "$look is put on" "$FFGAN" run restyle day.mkv -q -o $look.png.mkv \
        --set model=$look --set crf=1
done
darker() {
    means day.mkv > one
    means dusk-look.png.mkv > two
    paste one two | awk '{ a += $1; b += $2 }
        END { exit !(b < 0.8 * a && b > 0.2 * a) }' || { paste one two; false; }
}
check "dusk-look: darker, not black" darker

done_testing
