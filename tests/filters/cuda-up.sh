#!/bin/sh
# ganup: frames into GPU memory through pinned memory, on a stream beside the
# frames', with no GPU: FFmpeg's own CUDA code on a stand-in for the driver that
# does nothing before something waits, and of each stream no more than that.
# SPDX-License-Identifier: LGPL-2.1-or-later
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/../cuda-frames.inc"

plugin=$BUILD/lib/ffgan-cuda.so
need_cuda_frames "$plugin"
n=9
run() { # OUT FORMAT FILTERS [SIZE]
    rm -f "$T/log"
    LD_LIBRARY_PATH=$BUILD/tests/gpu FFGAN_CUDA=$plugin FAKECUDA_LOG=$T/log \
        "$FFMPEG" -v verbose -nostdin -y -init_hw_device cuda=g:0 \
        -filter_hw_device g -f lavfi -i \
        "testsrc2=s=${4:-62x38}:r=5,$(seethrough "$2"),trim=end_frame=$n" \
        -vf "$3" -f framehash "$1" > "$T/said" 2>&1
}
given_back() {
    grep -q 'pinned=0 streams=0 events=0 .*pending=0 live=0 depth=0 contexts=0$' \
        "$T/log"
}
for f in nv12 p010le yuv420p yuv444p yuv444p16le rgb0 yuva420p rgba bgra; do
    check "$f: runs" run "$T/g.txt" $f "ganup,gandown,format=$f"
    check "$f: all goes back" given_back
    run "$T/c.txt" $f "null"
    check "$f: the same frames at the same times" cmp "$T/g.txt" "$T/c.txt"
done
for f in yuv420p yuva420p; do
    check "$f, an odd size: runs" run "$T/g.txt" $f "ganup,gandown,format=$f" \
        61x37
    run "$T/c.txt" $f null 61x37
    check "$f, an odd size: the same" cmp "$T/g.txt" "$T/c.txt"
done

"$BUILD/tests/filters/mkmodel" compact y 2 "$T/y.safetensors" || exit 1
net=gansr=model=$T/y.safetensors
check "before a network: runs" run "$T/g.txt" nv12 \
    "ganup,$net,gandown,format=nv12"
check "before a network: all goes back" given_back
run "$T/c.txt" nv12 "hwupload,$net,gandown,format=nv12"
check "before a network: as with hwupload" cmp "$T/g.txt" "$T/c.txt"
# Frames that come back late: places are added, none is overwritten.
check "behind a filter that keeps all frames: runs" run "$T/g.txt" nv12 \
    "ganup,reverse,$net,gandown,format=nv12"
check "behind a filter that keeps all frames: all goes back" given_back
run "$T/c.txt" nv12 "reverse,hwupload,$net,gandown,format=nv12"
check "behind a filter that keeps all frames: the same" \
    cmp "$T/g.txt" "$T/c.txt"
# Nothing waits before the last frame: places are taken again while all that
# reads them is still to be done.
check "far ahead of the GPU: runs" run "$T/g.txt" nv12 \
    "ganup,$net,reverse,gandown,format=nv12"
check "far ahead of the GPU: all goes back" given_back
check "far ahead of the GPU: the same" cmp "$T/g.txt" "$T/c.txt"

waits() { # FRAMES: calls that waited for what was not done
    n=$1
    run "$T/g.txt" nv12 "ganup,$net,gandown,format=nv12"
    sed 's/^syncs=\([0-9]*\) .*/\1/' "$T/log"
}
check "one wait a frame, which is gandown's" [ "$(($(waits 13) - 9))" = \
    "$(waits 4)" ]
n=1
check "a single frame: runs" run "$T/g.txt" nv12 "ganup,gandown,format=nv12"
run "$T/c.txt" nv12 null
check "a single frame comes out" cmp "$T/g.txt" "$T/c.txt"
if run "$T/g.txt" yuv422p "format=yuv422p,ganup,gandown,format=yuv422p"; then
    notok "samples that CUDA frames cannot have: refused"
else
    check "samples that CUDA frames cannot have: refused" grep -q \
        'ganup' "$T/said"
fi
n=9
FAKECUDA_COPY=5
export FAKECUDA_COPY
if run "$T/g.txt" nv12 "ganup,gandown,format=nv12"; then
    notok "a copy that fails is an error: it ran"
else
    check "a copy that fails is an error" grep -q 'CUDA: .*LAUNCH_FAILED' \
        "$T/said"
fi
unset FAKECUDA_COPY
for oom in 1 2 3 4 5; do
    FAKECUDA_OOM=$oom
    export FAKECUDA_OOM
    if run "$T/g.txt" nv12 "ganup,gandown,format=nv12"; then
        check "no memory at allocation $oom: not needed" [ "$oom" -gt 3 ]
    else
        check "no memory at allocation $oom: said" grep -q 'emory' "$T/said"
    fi
    check "no memory at allocation $oom: all goes back" given_back
done
done_testing
