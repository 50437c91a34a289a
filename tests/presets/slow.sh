#!/bin/sh
# Slow motion of films whose frames last unequally: as many frames for each, and
# twice as long, in time and order.
# SPDX-License-Identifier: LGPL-2.1-or-later
. "$(dirname "$0")/../lib.sh"
cd "$T" || exit 1

# Phones write such films: the first frame lasts as long as six.
"$FFMPEG" -v error -nostdin -f lavfi -i "testsrc2=s=64x64:r=30:d=0.5" \
    -vf "setpts='if(N,(N+5)/30/TB,0)'" -fps_mode passthrough -c:v ffv1 long.mkv
"$FFMPEG" -v error -nostdin -f lavfi -i "testsrc2=s=64x64:r=30:d=0.5" \
    -c:v ffv1 even.mkv
stamps() { # FILE: each frame's, in milliseconds
    "$FFPROBE" -v error -select_streams v -show_entries frame=pts_time -of csv=p=0 "$1" |
        awk '{ printf "%.0f\n", $1 * 1000 }'
}
for clip in even long; do
    "$FFGAN" run slowmo-2x $clip.mkv -q -o $clip-slow.mkv --set model=none
    check "$clip: every frame became two" \
        [ "$(stamps $clip-slow.mkv | wc -l)" = 30 ]
    stamps $clip.mkv | awk '{ print 2 * $1 }' > want
    stamps $clip-slow.mkv | awk 'NR % 2' > got
    check "$clip: its frames come at twice their times" \
        sh -c 'paste want got | awk "{ d = \$1 - \$2 } d * d > 9 { exit 1 }" && [ -s got ]'
done
done_testing
