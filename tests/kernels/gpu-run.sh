#!/bin/sh
# The acceptance script for a machine with a GPU, run where none is: on the
# stand-in for the driver, with the real plug-in. No GPU is touched.
# SPDX-License-Identifier: LGPL-2.1-or-later
. "$(dirname "$0")/../lib.sh"
cd "$ROOT" || exit 1

so=$BUILD/lib/ffgan-cuda.so
if [ ! -e "$so" ] || ! command -v python3 > /dev/null; then
    skip "acceptance on a stand-in" "no plug-in (no nvcc), or no python3"
    done_testing
    exit
fi
GPU_PACK=$T/pack
export GPU_PACK
BIG="$BUILD/bin/ffmpeg $BUILD/tests/trainer/batch_gpu"
export BIG
sh tests/gpu/pack.sh "$GPU_PACK" "$BUILD/tests/gpu/libcuda.so.1" \
    "$BUILD/tests/gpu/accept" "$BUILD/tests/ffgan-cuda-emulated.so" \
    "$BUILD/tests/kernels/cuda_ops" > /dev/null || exit 1
accept() { # STEPS
    python3 tests/gpu/run --stand-in --plugin "$so" --only "$1" "$T/out" \
        > "$T/said" 2>&1
}
field() { # EXPRESSION on the report r
    python3 -c "import json; r = json.load(open('$T/out/report.json'))
steps = {s['step']: s for s in r['steps']}
assert $1, r"
}
some='machine|plug-in|cuDNN|ops|frames|networks|compact.*(x2|32x18)$|fast-x2|memcheck|_gpu|filters|NVDEC|fp8.*(x2|32x18)$'
check "it runs and passes" accept "$some"
check "each step has its end" field \
    "len(steps) == 29 and sum(s['end'] == 'ok' for s in r['steps']) >= 20 and \
        r['ends']['failed'] == r['ends']['out of time'] == 0"
check "what cannot run is named" field \
    "'stand-in' in steps['compute-sanitizer memcheck, cuda_ops']['why']"
check "filters with frames in GPU memory are compared" field \
    "all(steps['parity: filters, ' + s]['result']['bytes'] > 0 for s in \
        ('ganup and gansr', 'alpha', 'ganfx by alpha', 'ganinterp', \
         'ganinterp by a network', 'gansrc with alpha'))"
check "so is the data set there" field \
    "steps['parity: batch_gpu']['result']['passed'] == 3"
check "there is no NVDEC here" field \
    "steps['NVDEC to gansr']['why'] == 'the stand-in decodes nothing'"
case $BUILD in
*-san) skip "the pack is small" "sanitizers make programs large" ;;
*) check "the pack is small" [ "$(du -sm "$GPU_PACK" | cut -f 1)" -lt 64 ] ;;
esac
check "parity is measured" field \
    "0 < steps['parity: fast-x2']['result']['differs'] < 5e-3"
check "fp8 is as far from fp32 as its card says, and timed" field \
    "steps['parity: fp8 balanced-x2']['result']['convolutions'] == 14 and \
        steps['speed in fp8: balanced-x2 32x18']['result']['precision'] == 'fp8'"
check "frames of all kinds are compared" field \
    "steps['parity: frames']['result'] == {'planes': 68, 'bad': 0, 'worst_8bit': 0}"
check "speeds are in the table" field \
    "r['stand_in'] and len(r['speed']) == 3 and all(x['fps'] > 0 for x in r['speed'])"
FAKECUDA_LAUNCH=40
export FAKECUDA_LAUNCH
if accept 'plug-in|ops'; then
    notok "a launch that fails makes it fail"
else
    check "a launch that fails makes it fail" field \
        "r['failed'] == ['parity: cuda_ops']"
fi
unset FAKECUDA_LAUNCH
FAKECUDA_DEVICES=0
export FAKECUDA_DEVICES
if accept 'machine|plug-in|frames'; then
    notok "so does a machine without a GPU"
else
    check "so does a machine without a GPU" field "'machine' in r['failed']"
fi
unset FAKECUDA_DEVICES
# One wrong sample in a frame.
printf '%64s' '' | tr ' ' 'a' > "$T/a"
cp "$T/a" "$T/b"
printf '\001\000\000\000\001\000\000\000\004\000\000\000' | tee -a "$T/a" >> "$T/b"
printf '\001\002\003\004' >> "$T/a"
printf '\001\002\005\004' >> "$T/b"
check "equal frames are equal" "$GPU_PACK/accept" compare "$T/a" "$T/a"
check "two codes are more than one" sh -c '! "$@"' - \
    "$GPU_PACK/accept" compare "$T/a" "$T/b"
done_testing
