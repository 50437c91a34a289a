#!/bin/sh
# 10,000 frames: memory and open files stay what they were.
# SPDX-License-Identifier: LGPL-2.1-or-later
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/common.inc"
cd "$T" || exit 1
FRAMES=${FRAMES:-10000}
sed 's/- zscale.*/- gansr: {model: fast-x2}/' "$P" > s.yaml
mk -f lavfi -i testsrc2=s=32x18:r=25 -frames:v "$FRAMES" -c:v libx264 -preset ultrafast -g 100 in.mkv
"$FFGAN" run ./s.yaml in.mkv -o out.mkv -q --set codec=mpeg4 --chunk $((FRAMES / 4)) &
pid=$!
while kill -0 $pid 2> /dev/null; do
    kb=$(sed -n 's/^VmRSS:[^0-9]*\([0-9]*\).*/\1/p' /proc/$pid/status 2> /dev/null)
    fds=$(ls /proc/$pid/fd 2> /dev/null | wc -l)
    k=$(ls out.mkv.ffgan/chunk-*.json 2> /dev/null | wc -l)
    [ -n "$kb" ] && echo "$k $kb $fds"
    sleep 0.02
done > samples
wait $pid
check "$FRAMES frames: exit 0" [ $? = 0 ]
check "$FRAMES frames: all there" [ "$("$FFPROBE" -v error -count_packets -select_streams v -show_entries stream=nb_read_packets -of csv=p=0 out.mkv)" = "$FRAMES" ]
# The most of the second chunk against the most of the last one.
awk '{ n[$1]++; if ($2 > rss[$1]) rss[$1] = $2; if ($3 > fd[$1]) fd[$1] = $3 }
    END { for (k in n) print k, n[k], rss[k], fd[k] }' samples | sort -n > most
cat most | sed 's/^/# chunk, samples, kB, files: /'
if [ -n "${ASAN_OPTIONS:-}" ] && nm "$FFGAN" 2> /dev/null | grep -q __asan_init; then
    skip "$FRAMES frames: memory" "the sanitizer keeps what is freed"
else
    # 1 %, or what the allocator of a program of 30 MB rounds to.
    check "$FRAMES frames: memory grows by less than 1 % or 2 MB" awk '
        $1 == 1 { a = $3 } $1 == 3 { b = $3 }
        END { m = a * 0.01; if (m < 2048) m = 2048; exit !(a && b && b <= a + m) }' most
fi
check "$FRAMES frames: open files" awk '$1 == 1 { a = $4 } $1 == 3 { b = $4 } END { exit !(a && b && b <= a) }' most
done_testing
