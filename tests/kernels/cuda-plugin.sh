#!/bin/sh
# The plug-in ffgan-cuda.so as it is installed: what it needs, what its kernels
# cost, what it says of machines that are not fit, and its work on a stand-in
# for the driver that runs the kernels' sources on the CPU. No GPU is touched.
# SPDX-License-Identifier: LGPL-2.1-or-later
. "$(dirname "$0")/../lib.sh"

so=$BUILD/lib/ffgan-cuda.so
fatbin_log=$BUILD/kernels/cuda/kernels.fatbin.log
if [ ! -e "$so" ]; then
    skip "the CUDA plug-in" "it was not built: no nvcc here"
    done_testing
    exit
fi

# ---- what it needs ----
readelf -d "$so" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p' > "$T/needed"
check "it needs no CUDA library, no driver, no cuDNN" \
    sh -c '[ -s "$1" ] && ! grep -vE "^(libc|libm|libdl|libpthread|libasan|libubsan)\.so" "$1"' \
    - "$T/needed"
check "it shows one name" [ "$(nm -D --defined-only "$so" |
    awk '{ print $3 }')" = fg_cuda_api ]
check "it has kernels, and no more than 12 MiB" \
    [ "$(wc -c < "$so")" -gt 200000 -a "$(wc -c < "$so")" -lt 12582912 ]

# ---- what its kernels cost ----
# Lines "kernel architecture registers stack spilled constants".
cost() { # LOG
    tr -d "'" < "$1" | awk '
    /Compiling entry/ { k = $(NF - 2); sub("fg_cuda_", "", k); a = $NF }
    /stack frame/ { stack = $1; spill = $5 + $9; c = "" }
    /: Used/ { for (i = 2; i <= NF; i++) {
            if ($i ~ /^registers/) r = $(i - 1)
            if ($i ~ /^cmem\[0\]/) c = $(i - 2) }
        print k, a, r, stack, spill, c }'
}
cost "$fatbin_log" > "$T/cost"
sed -n '/FG_KERNELS_\(MAP\|MMA\)(X)/,/^$/p' "$ROOT/kernels/cuda/args.h" |
    sed -n 's/^ *X(\([a-z0-9_]*\)[,)].*/\1/p' | grep -v '^name$\|^e4m3_\|_w' > "$T/kernels"
echo moments >> "$T/kernels"
sed -n 's/^ *X(\(t_[a-z0-9_]*\), FG_GRID.*/\1/p' \
    "$ROOT/kernels/cuda/train_args.h" >> "$T/kernels"
every() { # each kernel for each architecture
    for a in $(cut -d ' ' -f 2 "$T/cost" | sort -u); do
        while read -r k; do
            grep -q "^$k $a " "$T/cost" || {
                echo "$k is not there for $a"
                return 1
            }
        done < "$T/kernels"
    done
    [ "$(wc -l < "$T/kernels")" = 117 ] && [ -s "$T/cost" ]
}
check "each kernel is there for each architecture" every
cost "${fatbin_log%/*}/hopper.fatbin.log" > "$T/hopper"
check "Hopper's own kernels are in a file for sm_90a" \
    [ "$(grep -c '^\(f16_w64_k3\|e4m3_w[1-6][0-9]_k[13]\) sm_90a ' "$T/hopper")" = 9 ]
nvcc=$(sed -n 's/^NVCC := //p' "$ROOT/build/config.mak")
case $("$nvcc" --version) in
*"release 12."[0-3]*) fp8_kernels=0 ;;
*) fp8_kernels=8 ;;
esac
cost "${fatbin_log%/*}/fp8.fatbin.log" > "$T/fp8"
check "those of 8 bits in one for sm_89, where nvcc has them" \
    [ "$(grep -c '^e4m3_n[1-6][0-9]_k[13] sm_89 ' "$T/fp8")" = "$fp8_kernels" ]
cat "$T/hopper" "$T/fp8" >> "$T/cost"
within() {
    while read -r k a r stack spill _; do
        while read -r pattern most; do
            # shellcheck disable=SC2254
            case $k in
            $pattern) break ;;
            esac
        done < "$T/budget"
        [ "$r" -le "$most" ] && [ "$stack" = 0 ] && [ "$spill" = 0 ] || {
            echo "$k for $a: $r registers of $most, stack $stack, spilled $spill"
            bad=1
        }
    done < "$T/cost"
    [ -z "${bad-}" ]
}
grep -v '^#' "$ROOT/tests/gpu/budget" > "$T/budget"
check "none spills, none has a stack, registers are within tests/gpu/budget" \
    within
cp "$T/cost" "$T/kept"
echo "moments sm_75 32 8 4 0" >> "$T/cost"
if within > "$T/said"; then
    notok "the gate sees a kernel that spills"
else
    check "the gate sees a kernel that spills" grep -q 'spilled 4' "$T/said"
fi
cp "$T/kept" "$T/cost"
cat > "$T/size.c" <<'END'
#include <stdio.h>
#include "kernels/cuda/args.h"
int main(void) { printf("%zu\n", sizeof(FgKernelArgs)); return 0; }
END
${CC:-cc} -I"$ROOT" -o "$T/size" "$T/size.c" || exit 1
# ptxas counts the 352 bytes that lie before the parameters, too, and from sm_100
# on says nothing of them.
arguments() {
    awk -v size="$("$T/size")" '
        $6 == "" { next }
        { n++; c = $6 - 352
          if (c != size) { print $1, $2, "takes", c, "not", size; bad = 1 } }
        END { exit bad || !n }' "$T/cost"
}
check "nvcc and gcc agree on the size of a launch's arguments" arguments

# ---- what it says ----
fake=$BUILD/tests/gpu
says() { # TEXT WORDS [VAR=VALUE...]: what doctor says of the GPU
    text=$1 words=$2
    shift 2
    env FFGAN_CUDA="$so" LD_LIBRARY_PATH="$fake" "$@" "$FFGAN" doctor \
        > "$T/said" 2>&1
    check "$text" grep -q "$words" "$T/said"
}
says "doctor shows the plug-in and the driver" \
    'ok .*GPU plug-in: .*ffgan-cuda.so (cuda), driver for CUDA 13.0' FAKECUDA_DEVICES=1
says "doctor shows each device" \
    'ok .*GPU cuda:1: fake 1, compute capability 9.0, 1024 MiB' \
    FAKECUDA_DEVICES=2
says "no driver" 'warn .*CUDA: no NVIDIA driver here: .*libcuda.so.1' \
    LD_LIBRARY_PATH=
check "the plug-in is shown without a driver, too" \
    grep -q 'GPU plug-in: .*ffgan-cuda.so (cuda), of version' "$T/said"
says "an old driver" \
    'for CUDA 11.4, the plug-in needs one for CUDA 1[23].0 or newer' \
    FAKECUDA_VERSION=11040
says "a driver that sees no GPU" 'CUDA: the NVIDIA driver sees no GPU' \
    FAKECUDA_DEVICES=0
says "a driver that does not start" 'the NVIDIA driver does not start: CUDA_' \
    FAKECUDA_INIT=803
says "the toolkit's stub" "the toolkit's stub and no driver" FAKECUDA_INIT=34
says "a GPU that is too old" 'fake 0 has compute capability 7.0, 7.5 is' \
    FAKECUDA_CC=70
mkdir "$T/lacks" "$T/cudnn"
"${CC:-cc}" -std=c11 -D_GNU_SOURCE -pthread -shared -fPIC \
    -o "$T/lacks/libcuda.so.1" "$ROOT/tests/gpu/fakecuda.c" || exit 1
says "a driver without a function" 'the NVIDIA driver has no cuModuleLoadData' \
    LD_LIBRARY_PATH="$T/lacks"
dnn() { # VERSION: a libcudnn.so.9 that has nothing else
    echo "unsigned long cudnnGetVersion(void) { return $1; }" > "$T/cudnn.c"
    "${CC:-cc}" -shared -fPIC -o "$T/cudnn/libcudnn.so.9" "$T/cudnn.c" || exit 1
}
ours="the plug-in's own kernels do all convolutions"
headers=$(sed -n 's/^CUDNN_INCLUDE := //p' "$ROOT/build/config.mak")
dnn 91900
if [ -n "$headers" ]; then
    says "cuDNN that lacks a function" \
        "cuDNN has no cudnnGetLastErrorString: $ours" \
        LD_LIBRARY_PATH="$fake:$T/cudnn"
    dnn 8907
    says "an old cuDNN" "cuDNN 8.9.7 is too old, 9.1 is needed: $ours" \
        LD_LIBRARY_PATH="$fake:$T/cudnn"
    echo 'no library' > "$T/cudnn/libcudnn.so.9"
    says "no cuDNN" \
        "no cuDNN 9 (libcudnn.so.9), which is not needed: $ours" \
        LD_LIBRARY_PATH="$fake:$T/cudnn"
else
    says "a plug-in that was built without cuDNN's headers" \
        "this plug-in was built without cuDNN's headers: $ours" \
        LD_LIBRARY_PATH="$fake:$T/cudnn"
fi
cat > "$T/other.c" <<'END'
#include "kernels/cuda/abi.h"
extern const FgCudaApi fg_cuda_api;
const FgCudaApi fg_cuda_api = {.abi = FG_CUDA_ABI + ADD, .version = VERSION};
END
other() { # NAME ADD VERSION
    "${CC:-cc}" -shared -fPIC -I"$ROOT" -DADD="$2" -DVERSION="\"$3\"" \
        -o "$T/$1.so" "$T/other.c" || exit 1
}
other abi 1 0
other version 0 0.0.9
says "a plug-in of another interface" 'install both from one build' \
    FFGAN_CUDA="$T/abi.so"
says "a plug-in of another version" 'is of version 0.0.9, this program is' \
    FFGAN_CUDA="$T/version.so"

sh "$ROOT/filters/overlay/install.sh" "$BUILD" "$T/installed" > /dev/null
env -u FFGAN_CUDA LD_LIBRARY_PATH="$fake" "$T/installed/bin/ffgan" doctor \
    > "$T/said" 2>&1
check "an installed program finds an installed plug-in" \
    grep -q 'ok .*GPU plug-in: .*/bin/../lib/ffgan/ffgan-cuda.so (cuda)' \
    "$T/said"

# ---- its work ----
drv() { # PROGRAM...: on the stand-in, all that it made must be gone
    rm -f "$T/log"
    LD_LIBRARY_PATH="$fake" FFGAN_CUDA="$so" FAKECUDA_LOG="$T/log" "$@" &&
        grep -q ' launches=[1-9].* pinned=0 streams=0 events=0 modules=0 graphs=0 execs=0 pending=0 live=0 depth=0 contexts=0$' "$T/log"
}
for p in cuda_plan cuda_ops cuda_nets; do
    check "$p passes on it, and nothing is left" drv "$BUILD/tests/kernels/$p"
done

# Frames in GPU memory through FFmpeg's own CUDA code, on the same driver.
if "$FFMPEG" -v error -hwaccels 2> /dev/null | grep -q '^cuda'; then
    frames() { # OUT FILTERS [OPTIONS]
        out=$1 filters=$2
        shift 2
        "$FFMPEG" -v error -nostdin -noauto_conversion_filters -y "$@" -f lavfi \
            -i "testsrc2=s=62x38:r=5:d=$seconds,format=nv12" -vf "$filters" \
            -f rawvideo "$out"
    }
    seconds=0.8
    net=gansr=model=$ROOT/presets/weights/fast-x2.safetensors:precision=fp32
    check "FFmpeg's frames go through it, and nothing is left" \
        drv frames "$T/gpu.raw" "hwupload,$net,hwdownload,format=nv12" \
        -init_hw_device cuda=g:0 -filter_hw_device g
    frames "$T/cpu.raw" "$net"
    cmp -l "$T/gpu.raw" "$T/cpu.raw" > "$T/differ"
    cat > "$T/near.awk" <<'END'
function n(o) { return int(o / 100) * 64 + int(o % 100 / 10) * 8 + o % 10 }
{ d = n($2) - n($3); if (d > 1 || d < -1) bad = 1 }
END { exit bad }
END
    check "as many samples as on the CPU" \
        [ "$(wc -c < "$T/gpu.raw")" = "$(wc -c < "$T/cpu.raw")" ]
    check "and the same, but for one code" awk -f "$T/near.awk" "$T/differ"
    waits=$(sed 's/syncs=\([0-9]*\).*/\1/' "$T/log")
    seconds=1.6
    drv frames "$T/gpu.raw" "hwupload,$net,hwdownload,format=nv12" \
        -init_hw_device cuda=g:0 -filter_hw_device g
    check "nothing waits for a frame but its download: four more, four waits" \
        grep -q "^syncs=$((waits + 4)) " "$T/log"
else
    skip "FFmpeg's frames go through it" "FFmpeg was built without CUDA"
fi
done_testing
