#!/bin/sh
# Deals a folder of photographs into two kinds for dusk-look.yaml: every second
# one is graded to dusk, so that no picture is in both.
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# usage: dusk-look.sh PHOTOS OUT     makes OUT/look/day and OUT/look/dusk
#        environment: FFMPEG (build/bin/ffmpeg)
set -eu
ffmpeg=${FFMPEG:-build/bin/ffmpeg}
grade="eq=gamma=0.7:saturation=0.55,colorbalance=rs=-0.12:bs=0.16:rm=-0.10:\
bm=0.10,curves=m=0/0.02 0.5/0.32 1/0.78"
mkdir -p "$2/look/day" "$2/look/dusk"
i=0
for f in "$1"/*; do
    i=$((i + 1)) name=${f##*/}
    kind=day filter=null
    [ $((i % 2)) != 0 ] || { kind=dusk filter=$grade; }
    "$ffmpeg" -nostdin -v error -y -i "$f" -vf "$filter" "$2/look/$kind/${name%.*}.png"
done
