#!/bin/sh
# device=cuda with frames in memory: what each filter's network makes on a GPU,
# its kernels' sources run on the CPU, is what it makes on the CPU.
# SPDX-License-Identifier: LGPL-2.1-or-later
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/../near.sh"

mk=$BUILD/tests/filters/mkmodel
"$mk" compact rgb 2 "$T/sr.safetensors" &&
    "$mk" image-norm rgb 1 "$T/look.safetensors" &&
    "$mk" interp y 1 "$T/interp.safetensors" &&
    "$mk" fade rgb 1 "$T/fade.safetensors" &&
    "$mk" dcgan rgb 1 "$T/dcgan.safetensors" &&
    "$mk" plate rgb 1 "$T/plate.safetensors" || exit 1

# run OUT SOURCE FILTERS: raw frames.
run() {
    FFGAN_CUDA=$plugin "$FFMPEG" -v verbose -nostdin -y -f lavfi -i "$2" \
        -vf "$3" -f rawvideo "$1" > "$T/said" 2>&1
}

fails() { # TEXT WORDS SOURCE FILTERS
    if run "$T/none.raw" "$3" "$4"; then
        notok "$1: it ran"
    else
        check "$1" grep -q "$2" "$T/said"
    fi
}

pictures=testsrc2=s=62x38:r=5:d=0.6,format=yuv420p
wide=testsrc2=s=62x38:r=5:d=0.4,format=yuv444p10
plugin=$T/nothing.so
for f in gansr=model=sr ganfx=model=look ganinterp=model=interp; do
    fails "$f: no plug-in is one sentence" \
        'CUDA: FFGAN_CUDA is .* cannot be read' "$pictures" \
        "$(echo "$f" | sed "s,model=,model=$T/,").safetensors:device=cuda"
done
fails "gansrc: no plug-in is one sentence" \
    'CUDA: FFGAN_CUDA is .* cannot be read' \
    "gansrc=model=$T/dcgan.safetensors:device=cuda:d=0.1" null

plugin=$BUILD/tests/ffgan-cuda-emulated.so
if [ ! -e "$plugin" ]; then
    skip "networks on a GPU" "no plug-in that runs the kernels on the CPU"
    done_testing
    exit
fi
fails "a GPU that is not there" 'there is no GPU 3' "$pictures" \
    "gansr=model=$T/sr.safetensors:device=cuda\\\\:3"
fails "another word is refused" 'allowed auto, cpu, cuda, cuda:N' "$pictures" \
    "gansr=model=$T/sr.safetensors:device=gpu"
fails "the CPU's arithmetic is refused" 'int16 and int8 are the CPU' \
    "$pictures" "ganfx=model=$T/look.safetensors:device=cuda:precision=int16"

both() { # TEXT SOURCE FILTER NEAR LEVELS
    check "$1: runs" run "$T/g.raw" "$2" "$3:device=cuda"
    check "$1: on the GPU" grep -q "device emulated" "$T/said"
    run "$T/c.raw" "$2" "$3:precision=fp32"
    check "$1: as on the CPU" "$4" "$T/g.raw" "$T/c.raw" "$5"
}

# fp16 through some layers: two codes of 255 at most.
both "gansr" "$pictures" "gansr=model=$T/sr.safetensors" near 2
both "gansr, ten bits" "$wide" "gansr=model=$T/sr.safetensors" near16 6
both "gansr, another size" "$pictures" \
    "gansr=model=$T/sr.safetensors:w=100:h=70:blend=0.3" near 2
both "gansr, tiles" "$pictures" "gansr=model=$T/sr.safetensors:tilesize=16" \
    near 2
both "ganfx" "$pictures" "ganfx=model=$T/look.safetensors" near 2
both "ganfx, steady, a shot's norms" "$pictures" \
    "ganfx=model=$T/look.safetensors:steady=0.5:norm=shot:strength=0.7" near 2
both "ganinterp" "$pictures" "ganinterp=model=$T/interp.safetensors" near 2
both "ganinterp, whole frames" "$pictures" \
    "ganinterp=model=$T/fade.safetensors" near 2

made() { # TEXT MODEL
    check "$1: runs" run "$T/g.raw" \
        "gansrc=model=$T/$2.safetensors:s=61x37:nb_frames=3:device=cuda" \
        format=gbrp
    check "$1: on the GPU" grep -q 'fp16 on sm_80' "$T/said"
    run "$T/c.raw" \
        "gansrc=model=$T/$2.safetensors:s=61x37:nb_frames=3:precision=fp32" \
        format=gbrp
    check "$1: as on the CPU" near "$T/g.raw" "$T/c.raw" 3
}
made "gansrc, dcgan" dcgan
made "gansrc, plate" plate
done_testing
