#!/bin/sh
# --device: jobs on a GPU, with no GPU: the kernels' sources run on the CPU, and
# FFmpeg's own CUDA code on a stand-in for the driver (tests/gpu/fakecuda.c).
# SPDX-License-Identifier: LGPL-2.1-or-later
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/../cuda-frames.inc"
. "$(dirname "$0")/common.inc"
. "$(dirname "$0")/../near.sh"
cd "$T" || exit 1

mkmodel=$BUILD/tests/filters/mkmodel
"$mkmodel" compact rgb 2 sr.safetensors &&
    "$mkmodel" image-norm rgb 1 look.safetensors &&
    "$mkmodel" dcgan rgb 1 dcgan.safetensors &&
    "$mkmodel" plate rgb 1 plate.safetensors || exit 1
preset() { # NAME CODEC CHAIN...
    name=$1 codec=$2
    shift 2
    {
        printf 'preset: 1\nname: %s\nchain:\n' "$name"
        for f in "$@"; do echo "  - $f"; done
        echo "output: {video: {codec: $codec, pix_fmt: source}}"
    } > "$name.yaml"
}
sr="gansr: {model: \"$T/sr.safetensors\"}"
preset sr ffv1 "$sr"
preset x265 libx265 "$sr"
preset fx ffv1 "ganfx: {model: \"$T/look.safetensors\"}"
preset own ffv1 "ganfx: {model: \"$T/look.safetensors\", mask: alpha}"
preset steady ffv1 "ganfx: {model: \"$T/look.safetensors\", steady: 0.5}"
preset between ffv1 "ganinterp: {factor: 2}" "$sr"
preset flip ffv1 'hflip: {}'
preset mixed ffv1 "$sr" 'hflip: {}'
printf 'preset: 1\nextends: generate\nparams: {model: "%s"}\n' \
    "$T/dcgan.safetensors" > made.yaml
mk -f lavfi -i testsrc2=s=62x38:r=10:d=0.6 -c:v libx264 -threads 1 -qp 10 a.mp4
mk -i a.mp4 -vf format=yuv420p10 -c:v ffv1 ten.mkv
mk -i a.mp4 -vf format=yuv422p -c:v ffv1 wide.mkv
for f in yuva420p bgra; do
    mk -i a.mp4 -vf "$(seethrough $f)" -c:v ffv1 $f.mkv
done

driver= # where the stand-in is
ffgan() {
    LD_LIBRARY_PATH=$driver FAKECUDA_LOG=$T/log "$FFGAN" "$@" > said 2>&1
}
not() { ! "$@"; }
exits() { # TEXT CODE WORDS COMMAND...
    text=$1 want=$2 words=$3
    shift 3
    ffgan "$@"
    rc=$?
    check "$text: exit $want" [ "$rc" = "$want" ]
    check "$text: says so" grep -q -e "$words" said
}
raw() { mk -i "$1" -map 0:v -f rawvideo "$2"; }

# ---- without a GPU ----
FFGAN_CUDA=$T/nothing.so
export FFGAN_CUDA
exits "no plug-in" 69 'CUDA: FFGAN_CUDA is .*nothing.so., which cannot' \
    run ./sr.yaml a.mp4 -o none.mkv --device cuda
exits "another word" 64 "'gpu' is not one of auto, cpu, cuda, cuda:N, cuda:all" \
    run ./sr.yaml a.mp4 -o none.mkv --device gpu
exits "a plan names no GPU of its own" 64 "is not one of auto, cpu, cuda;" \
    plan ./sr.yaml a.mp4 -o none.mkv --device cuda:1
exits "no network" 78 "preset 'flip' has no network" \
    run ./flip.yaml a.mp4 -o none.mkv --device cuda
check "nothing was left" [ ! -e none.mkv ]
ffgan run ./sr.yaml a.mp4 -o c.mkv
check "--device cpu runs" ffgan run ./sr.yaml a.mp4 -o cpu.mkv --device cpu
raw c.mkv c.raw && raw cpu.mkv cpu.raw
check "--device cpu is the CPU, to the bit" cmp c.raw cpu.raw

plugin=$BUILD/tests/ffgan-cuda-emulated.so
if [ ! -e "$plugin" ]; then
    skip "jobs on a GPU" "no plug-in that runs the kernels on the CPU"
    done_testing
    exit
fi
FFGAN_CUDA=$plugin
exits "a GPU that is not there" 69 'there is no GPU 3, only 1 (cuda:0)' \
    run ./sr.yaml a.mp4 -o none.mkv --device cuda:3

# ---- frames in our memory, networks on the GPU ----
gpu() { # TEXT PRESET INPUT LEVELS NEAR [OPTIONS]: against the CPU
    text=$1 in=$3 levels=$4 how=$5
    p=./$2.yaml
    shift 5
    rm -f log first
    check "$text: runs" ffgan run "$p" "$in" -o g.mkv -y --device cuda "$@"
    mv log first 2> /dev/null # it is there where the driver was asked for
    ffgan run "$p" "$in" -o c.mkv -y "$@"
    raw g.mkv g.raw && raw c.mkv c.raw
    check "$text: as on the CPU" "$how" g.raw c.raw "$levels"
    check "$text: the same format" [ "$(format g.mkv)" = "$(format c.mkv)" ]
}
format() {
    "$FFPROBE" -v error -show_entries stream=pix_fmt,width,height -of csv "$1"
}
gpu "frames in memory" sr a.mp4 3 near
check "the network does not run on the CPU" not cmp -s g.raw cpu.raw

# ---- chunks and processes ----
check "in chunks, two processes" ffgan run ./sr.yaml a.mp4 -o w.mkv \
    --chunk 2 --workers 2 --device cuda
raw w.mkv w.raw
ffgan run ./sr.yaml a.mp4 -o g.mkv -y --device cuda
raw g.mkv g.raw
check "the same picture as in one piece" cmp w.raw g.raw
export FFGAN_EMULATED_DEVICES=2 # the second one does not open
exits "GPUs are dealt out to processes" 69 'the worker of chunk 1 ended with' \
    run ./sr.yaml a.mp4 -o two.mkv --chunk 2 --device cuda:all
check "what the first made is kept" ffgan run ./sr.yaml a.mp4 -o two.mkv \
    --chunk 2 --workers 2 --device cuda:0
raw two.mkv two.raw
check "and the rest is the same" cmp two.raw g.raw
unset FFGAN_EMULATED_DEVICES
ffgan plan ./sr.yaml a.mp4 -o j.mkv --chunk 2 --device cuda
check "a worker on its GPU" ffgan worker j.mkv.ffgan --chunk 0 --device cuda:0
exits "a worker on none" 69 'there is no GPU 4' \
    worker j.mkv.ffgan --chunk 1 --device cuda:4
exits "a job for a GPU is not gone on with on the CPU" 65 'preset' \
    run ./sr.yaml a.mp4 -o j.mkv --chunk 2
ffgan plan ./sr.yaml a.mp4 -o k.mkv --chunk 2
exits "a job for the CPU knows no GPU" 64 'was planned without --device cuda' \
    worker k.mkv.ffgan --chunk 0 --device cuda

# ---- frames from nothing ----
check "generate runs" ffgan generate ./made.yaml -o m.mkv --frames 1-3 \
    --size 61x37 --device cuda --set codec=ffv1
ffgan generate ./made.yaml -o mc.mkv --frames 1-3 --size 61x37 \
    --set codec=ffv1
raw m.mkv m.raw && raw mc.mkv mc.raw
check "generate: as on the CPU" near16 m.raw mc.raw 1200
check "generate: not by the CPU" not cmp -s m.raw mc.raw

# ---- frames in the GPU's memory ----
need_cuda_frames
driver=$BUILD/tests/gpu
kept() { # TEXT: of the last run on the GPU
    check "$1: frames were there" grep -q 'allocs=[1-9]' first
    check "$1: all went back" grep -q 'live=0 depth=0 contexts=0$' first
}
gpu "in GPU memory" sr a.mp4 3 near
kept "in GPU memory"
check "FFmpeg's own code waits for none" grep -q '^syncs=0 ' first
gpu "ten bits" sr ten.mkv 12 near16
kept "ten bits"
gpu "ganfx" fx a.mp4 3 near
kept "ganfx"
gpu "ganfx that holds still" steady a.mp4 3 near
kept "ganfx that holds still"
check "it waits for none either" grep -q '^syncs=0 ' first
for f in yuva420p bgra; do
    gpu "alpha, $f" sr $f.mkv 3 near
    kept "alpha, $f"
    check "alpha, $f: none waits" grep -q '^syncs=0 ' first
    gpu "mask=alpha, $f" own $f.mkv 3 near
    kept "mask=alpha, $f"
    gpu "frames between, $f" between $f.mkv 3 near
    kept "frames between, $f"
done
gpu "mask=alpha without alpha" own a.mp4 3 near
gpu "frames between, then larger" between a.mp4 3 near
kept "frames between, then larger"
rm -f log
check "a stream's crop at the left and the top" env LD_LIBRARY_PATH="$driver" \
    FAKECUDA_LOG="$T/log" CMOCKA_MESSAGE_OUTPUT=TAP \
    "$BUILD/tests/pipeline/device"
check "it was tried" grep -q '^syncs=1 .*live=0 depth=0 contexts=0$' log
{
    printf 'preset: 1\nname: film\nchain:\n  - gansrc: {model: "%s", ' \
        "$T/dcgan.safetensors"
    echo 'size: 62x38, nb_frames: "${frames}", start: "${start}"}'
    cat << 'YAML'
params:
  codec: {default: ffv1, help: encoder}
  frames: {default: -1, help: "set by --frames"}
  start: {default: 0, help: "set by --frames"}
  transfer: {default: srgb, help: "not used"}
  alpha_mode: {default: straight, help: "not used"}
output:
  video: {codec: "${codec}", pix_fmt: yuv420p}
  copy: none
YAML
} > film.yaml
sed -e "s|dcgan.safetensors\"|plate.safetensors\", alpha: luma|" \
    -e 's/alpha_mode: {default: straight, help: "not used"}/alpha_mode: {default: straight, help: "of colours"}/' \
    -e 's/pix_fmt: yuv420p/pix_fmt: bgra/' film.yaml > key.yaml
sed -i "s|start: \"\${start}\"|&, alpha_mode: \"\${alpha_mode}\"|" key.yaml
rm -f log
check "generate with alpha: runs" ffgan generate ./key.yaml -o m.mkv -y \
    --frames 1-5 --device cuda --set codec=ffv1
mv log first
kept "generate with alpha"
check "generate with alpha: none waits" grep -q '^syncs=0 ' first
ffgan generate ./key.yaml -o mc.mkv -y --frames 1-5 --set codec=ffv1
raw m.mkv m.raw && raw mc.mkv mc.raw
check "generate with alpha: as on the CPU" near m.raw mc.raw 3
check "generate with alpha: the same format" \
    [ "$(format m.mkv)" = "$(format mc.mkv)" ]
rm -f log
check "generate in GPU memory: runs" ffgan generate ./film.yaml -o m.mkv -y \
    --frames 1-5 --device cuda --set codec=ffv1
mv log first
kept "generate in GPU memory"
ffgan generate ./film.yaml -o mc.mkv -y --frames 1-5 --set codec=ffv1
raw m.mkv m.raw && raw mc.mkv mc.raw
check "generate in GPU memory: as on the CPU" near m.raw mc.raw 5
check "generate in GPU memory: the same format" \
    [ "$(format m.mkv)" = "$(format mc.mkv)" ]
ffgan generate ./film.yaml -o m2.mkv -y --frames 1-5 --device cuda --chunk 2 \
    --set codec=ffv1
raw m2.mkv m2.raw
check "generate in chunks: the same" cmp m2.raw m.raw
gpu "samples that are not taken there" sr wide.mkv 3 near
check "they went through memory" [ ! -e first ]
gpu "a filter of the CPU" mixed a.mp4 3 near
check "it got frames in memory" [ ! -e first ]
gpu "another size than the model's" sr a.mp4 3 near --size 100x62
check "in chunks" ffgan run ./sr.yaml a.mp4 -o w.mkv -y --fresh --chunk 2 \
    --device cuda
raw w.mkv w.raw
ffgan run ./sr.yaml a.mp4 -o g.mkv -y --device cuda
raw g.mkv g.raw
check "in chunks: the same" cmp w.raw g.raw
check "an encoder that knows nothing of GPUs" ffgan run ./x265.yaml a.mp4 \
    -o e.mkv --device cuda
export FAKECUDA_OOM=1
exits "no memory on the GPU" 75 'CUDA: no memory for a frame of 62x38' \
    run ./sr.yaml a.mp4 -o none.mkv --device cuda
unset FAKECUDA_OOM
export FFGAN_EMULATED_MIB=1
mk -f lavfi -i testsrc2=s=512x288:r=10:d=0.1 -c:v ffv1 big.mkv
exits "too little for the network" 75 'has not enough free memory' \
    run ./sr.yaml big.mkv -o none.mkv --device cuda
check "nothing was left" [ ! -e none.mkv ]
unset FFGAN_EMULATED_MIB

# ---- the plug-in for real GPUs, on the stand-in for the driver ----
FFGAN_CUDA=$BUILD/lib/ffgan-cuda.so
if [ ! -e "$FFGAN_CUDA" ]; then
    skip "the real plug-in" "it was not built: no nvcc here"
    done_testing
    exit
fi
gpu "the real plug-in" sr a.mp4 3 near
kept "the real plug-in"
check "nothing of its own is left" grep -q \
    'pinned=0 streams=0 events=0 modules=0 graphs=0 execs=0 pending=0' first
gpu "the real plug-in, frames in memory" mixed a.mp4 3 near
FAKECUDA_DEVICES=2
export FAKECUDA_DEVICES
rm -f log
check "a worker on each of two GPUs" ffgan run ./sr.yaml a.mp4 -o w.mkv -y \
    --fresh --chunk 2 --device cuda:all
check "they all gave back what they took" \
    [ "$(grep -c 'live=0 depth=0 contexts=0$' log)" = "$(wc -l < log)" ]
raw w.mkv w.raw
ffgan run ./sr.yaml a.mp4 -o g.mkv -y --device cuda:1
raw g.mkv g.raw
check "the same on the second one alone" cmp w.raw g.raw
exits "a third one" 69 'there is no GPU 2' \
    run ./sr.yaml a.mp4 -o none.mkv --device cuda:2
done_testing
