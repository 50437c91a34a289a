#!/bin/sh
# gandown: frames out of GPU memory through pinned memory, three in flight, with
# no GPU: FFmpeg's own CUDA code on a stand-in for the driver that does nothing
# before something waits.
# SPDX-License-Identifier: LGPL-2.1-or-later
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/../cuda-frames.inc"

plugin=$BUILD/lib/ffgan-cuda.so
need_cuda_frames "$plugin"
n=9
run() { # OUT FORMAT FILTERS
    rm -f "$T/log"
    LD_LIBRARY_PATH=$BUILD/tests/gpu FFGAN_CUDA=$plugin FAKECUDA_LOG=$T/log \
        "$FFMPEG" -v verbose -nostdin -y -init_hw_device cuda=g:0 \
        -filter_hw_device g -f lavfi -i "testsrc2=s=62x38:r=5,$(seethrough "$2")" \
        -frames:v $n -vf "$3" -f framehash "$1" > "$T/said" 2>&1
}
for f in nv12 p010le yuv420p yuv444p yuv444p16le rgb0 yuva420p rgba bgra; do
    check "$f: runs" run "$T/g.txt" $f "hwupload,gandown,format=$f"
    check "$f: all goes back" grep -q \
        'pinned=0 streams=0 events=0 .*pending=0 live=0 depth=0 contexts=0$' \
        "$T/log"
    run "$T/c.txt" $f "null"
    check "$f: the same frames at the same times" cmp "$T/g.txt" "$T/c.txt"
done
"$BUILD/tests/filters/mkmodel" compact y 2 "$T/y.safetensors" || exit 1
net=gansr=model=$T/y.safetensors
check "behind a network: runs" run "$T/g.txt" nv12 \
    "hwupload,$net,gandown,format=nv12"
check "one wait a frame" grep -q "^syncs=[1-9][0-9]* .*pending=0" "$T/log"
run "$T/c.txt" nv12 "hwupload,$net,hwdownload,format=nv12"
check "behind a network: as with hwdownload" cmp "$T/g.txt" "$T/c.txt"
n=1
check "a single frame: runs" run "$T/g.txt" nv12 "hwupload,gandown,format=nv12"
run "$T/c.txt" nv12 null
check "a single frame comes out" cmp "$T/g.txt" "$T/c.txt"
if run "$T/g.txt" nv12 "hwupload,gandown,format=yuv420p"; then
    notok "another format is refused: it ran"
else
    check "another format is refused" grep -q \
        'the frames are nv12: put format=nv12 behind' "$T/said"
fi
# Four copies up before the first down: a download that fails is seen.
n=9 FAKECUDA_COPY=9
export FAKECUDA_COPY
if run "$T/g.txt" nv12 "hwupload,gandown,format=nv12"; then
    notok "a copy that fails is an error: it ran"
else
    check "a copy that fails is an error" grep -q 'CUDA: .*LAUNCH_FAILED' \
        "$T/said"
fi
done_testing
