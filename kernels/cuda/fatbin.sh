#!/bin/sh
# Compiles the kernels for all GPUs asked for. The result is kept in the cache
# under a hash of all that it depends on, beside what ptxas said of registers.
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# usage: fatbin.sh OUT NVCC "ARCH..." [SOURCE]   writes OUT and OUT.log; ARCH:
#        75, 90a, ptx90; SOURCE: kernels.cu, hopper.cu, fp8.cu.
#        environment: FGCACHE (folder, empty = none), CUDA_THREADS (1)
set -eu
out=$1 nvcc=$2 archs=$3 source=${4:-kernels.cu}
dir=kernels/cuda
flags="-std=c++17 -O3 -Xptxas -v -Xfatbin -compress-all --fatbin"
for a in $archs; do
    case $a in
    ptx*) flags="$flags -gencode arch=compute_${a#ptx},code=compute_${a#ptx}" ;;
    *) flags="$flags -gencode arch=compute_$a,code=sm_$a" ;;
    esac
done
key=$({
    echo "$flags"
    "$nvcc" --version
    cat "$dir/$source" $dir/*_template.c $dir/*.h kernels/flow_*.h \
        kernels/adv_*.h kernels/bits.h kernels/e4m3.h
} | sha256sum | cut -c 1-24)
kept=${FGCACHE:+$FGCACHE/cuda/$key}
if [ -n "$kept" ] && [ -s "$kept.fatbin" ] && [ -s "$kept.log" ]; then
    cp "$kept.log" "$out.log"
    cp "$kept.fatbin" "$out"
    exit
fi
# shellcheck disable=SC2086
"$nvcc" $flags --threads "${CUDA_THREADS:-1}" -I. -o "$out" "$dir/$source" \
    2> "$out.log" || {
    cat "$out.log" >&2
    exit 1
}
[ -n "$kept" ] || exit 0
mkdir -p "$FGCACHE/cuda"
cp "$out" "$kept.fatbin.$$"
cp "$out.log" "$kept.log.$$"
mv "$kept.log.$$" "$kept.log"
mv "$kept.fatbin.$$" "$kept.fatbin"
