#!/bin/sh
# The same file, bit for bit, for a job that was stopped and one that was not,
# by encoder and container; the same frames for each size of chunks and tiles.
# SPDX-License-Identifier: LGPL-2.1-or-later
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/common.inc"
cd "$T" || exit 1
mk -f lavfi -i testsrc2=s=64x36:r=25:d=2 -f lavfi -i sine=d=2 -c:v libx264 -g 10 -bf 2 -threads 1 -c:a aac -metadata title=t in.mp4
mkdir d
for row in dnxhd:mov ffv1:mkv prores_ks:mov libx264:mp4 libx264:mkv libx265:mp4 libx265:mkv libvpx-vp9:webm; do
    codec=${row%:*} e=${row#*:}
    "$FFMPEG" -hide_banner -encoders 2> /dev/null | grep -q " $codec " || { skip "$row" "not in this build"; continue; }
    chain=hflip video='pix_fmt: source'
    [ $codec != dnxhd ] || { chain='{scale: {w: 256, h: 144}}'; video='pix_fmt: yuv422p, options: {profile: dnxhr_hq}'; }
    cat > k.yaml << Y
preset: 1
name: k
chain: [$chain]
output: {video: {codec: $codec, $video}, copy: [$([ $e = webm ] || echo audio, ) metadata]}
Y
    rm -rf d && mkdir d
    check "$row: whole" run ./k.yaml in.mp4 -o d/a.$e --chunk 20
    mv d/a.$e a.$e
    # A second passes, so that times in the file would show.
    check "$row: plan" cli plan ./k.yaml in.mp4 -o d/a.$e --chunk 20
    check "$row: a chunk is done before" cli worker d/a.$e.ffgan --chunk 1
    check "$row: goes on, two at a time" run ./k.yaml in.mp4 -o d/a.$e --workers 2
    check "$row: the same file" cmp a.$e d/a.$e
done

# Frames by tiles and chunks.
mk -f lavfi -i testsrc2=s=96x64:r=25:d=0.4 -c:v ffv1 t.mkv
want=
for tile in 16 40 0; do
    for n in 3 10; do
        cat > t.yaml << Y
preset: 1
name: t
chain: [{gansr: {model: fast-x2, tilesize: $tile}}]
output: {video: {codec: ffv1, pix_fmt: source}}
Y
        cli plan ./t.yaml t.mkv -o t-o.mkv --chunk $n
        run ./t.yaml t.mkv -o t-o.mkv --keep-job
        is=$("$FFGAN" verify t-o.mkv.ffgan | sed 's/.*frames //')
        [ "${want:=$is}" = "$is" ] && [ -n "$is" ] || { want=differs; echo "# tile $tile, chunks of $n: $is"; }
        rm -rf t-o.mkv t-o.mkv.ffgan
    done
done
check "tiles of 16, 40, all; chunks of 3 and 10: the same frames" [ "$want" != differs ]
done_testing
