#!/bin/sh
# Real clips, with a real network: counts, times, sound.
# SPDX-License-Identifier: LGPL-2.1-or-later
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/common.inc"
clips=${FFGAN_CLIPS:-$ROOT/../shared/data/clips}
cd "$T" || exit 1

for name in hello-720p phone-1080p; do
    in=$clips/$name.mp4
    if [ ! -r "$in" ]; then
        skip "$name" "no $name.mp4"
        continue
    fi
    # The whole clip through the engine, small.
    for out in $name.mp4 $name.mkv; do
        tol=0
        [ $out = $name.mkv ] && tol=0.0006
        check "$out" run "$P" "$in" -o $out
        check "$out: times are equal" times_are_equal "$in" $out $tol
        check "$out: sound is equal" sound_is_equal "$in" $out
    done
    check "$name: starts and lengths" [ \
        "$(probe "$in" stream=start_time,duration:format=start_time,duration)" = \
        "$(probe $name.mp4 stream=start_time,duration:format=start_time,duration)" ]
    # A few frames through the default network's fast sister.
    if cli model info fast-x2; then
        check "$name with fast-x2" cli upscale -p upscale-2x-fast "$in" \
            -o net.mp4 -y --sample 0.2s
        check "$name with fast-x2: twice the size" [ \
            "$(probe net.mp4 stream=width -select_streams v)" = \
            $((2 * $(probe "$in" stream=width -select_streams v))) ]
    else
        skip "$name with fast-x2" "no fast-x2 here"
    fi
done
check "no temporary file is left" nothing_left .
done_testing
