#!/bin/sh
# The tests see a mistake: each row of tests/mutants.txt is built into its test,
# which must then fail. MUTANTS="relu dense" picks rows, MUTANTS=all takes all;
# by default a few. SPDX-License-Identifier: LGPL-2.1-or-later
. "$(dirname "$0")/../lib.sh"

MUTANTS=${MUTANTS:-relu bias dropout t_outer}
# A test that is built elsewhere does not find it, and fails whatever it is.
FFGAN_CUDA=$BUILD/tests/ffgan-cuda-emulated.so
export FFGAN_CUDA
cd "$ROOT" || exit 1
config() { sed -n "s/^$1 := //p" build/config.mak build/ffmpeg.mak; }
CC=$(config CC)
FLAGS="-std=c11 -D_GNU_SOURCE -ffp-contract=off -pthread -O1 -I. -Ibuild \
    -isystem $(config FF_DIR)/include $(config OWN_CFLAGS) -w"
LIBS="$(config OWN_LIBS) $(config CMOCKA_LIBS) -pthread -lm"
[ -z "$SAN" ] && case $BUILD in *-san) SAN=1 ;; esac
[ -z "$SAN" ] || LIBS="$LIBS -fsanitize=address,undefined"

build() { # FILE TEST: the mutant's objects stand before the archive
    $CC $FLAGS -c "$T/m.c" -o "$T/m.o" || return 2
    objs=$T/m.o
    if grep -q "fg_real\|FG_REAL" "$T/m.c"; then
        $CC $FLAGS -DFG_REAL_DOUBLE -c "$T/m.c" -o "$T/m64.o" || return 2
        objs="$objs $T/m64.o"
    fi
    more=
    for h in tests/kernels/gradcheck; do
        [ ! -e "$BUILD/$h.o" ] || more=$BUILD/$h.o
    done
    rooms= ffmpeg=
    case $2 in
    trainer/*)
        rooms="$BUILD/libffgan-trainer.a $BUILD/libffgan-source.a
            $BUILD/ffmpeg/libavfilter.a"
        ffmpeg="$(config FF_ARCHIVES) $(config FF_EXTRALIBS)"
        more=$BUILD/tests/trainer/graph64.o
        ;;
    esac
    $CC -o "$T/test" "$BUILD/tests/$2.o" $more $objs -Wl,--start-group $rooms \
        "$BUILD/libffgan-kernels.a" $ffmpeg -Wl,--end-group $LIBS
}

# A kernel of the GPU: all of them with it as the plug-in that runs them here,
# for the test as it is.
build_cuda() { # FILE TEST
    rm -rf "$T/kernels" && mkdir -p "$T/kernels" &&
        cp -r kernels/cuda "$T/kernels/cuda" &&
        cp "$T/m.c" "$T/$1" &&
        $CC $FLAGS -I"$T" -fPIC -shared -o "$T/mutant.so" \
            "$T/kernels/cuda/emulate.c" kernels/error.c -lm || return 2
    printf '#!/bin/sh\nFFGAN_CUDA=%s exec %s\n' "$T/mutant.so" \
        "$BUILD/tests/$2" > "$T/test" && chmod +x "$T/test"
}

one() { # OP FILE TEST SED
    build=build
    sed "$4" "$2" > "$T/m.c"
    if cmp -s "$2" "$T/m.c"; then
        notok "$1: the mistake finds its place in $2"
        return
    fi
    # In the folder of the original, so that its headers are found.
    case $2 in
    kernels/cuda/*) build=build_cuda ;;
    *) sed -i "s|#include \"\(cuda/\)*\([a-z_0-9]*\.h\)\"|#include \"$(dirname "$2")/\1\2\"|" \
        "$T/m.c" ;;
    esac
    if ! $build "$2" "$3" > "$T/log" 2>&1; then
        notok "$1: the mutant builds"
        sed 's/^/# /' "$T/log" | head -n 5
        return
    fi
    if timeout 60 "$T/test" > "$T/log" 2>&1; then
        notok "$1: tests/$3 sees the mistake"
    else
        ok "$1: tests/$3 sees the mistake"
    fi
}

# Each operation of the table, and each loss, has its row.
missing=
for op in $(sed -n 's/^ *{\.name = "\([a-z_0-9]*\)",$/\1/p' kernels/ops.c) \
    $(ls trainer/loss*.c | sed 's,.*/,,; s/\.c$//'); do
    [ $op = input ] || grep -q "^$op|" tests/mutants.txt ||
        missing="$missing $op"
done
check "each operation and loss has a mistake:$missing" [ -z "$missing" ]

# And each kernel of a gradient on the GPU.
missing=
for op in $(sed -n '/X(t_conv_back,/,/X(t_layer_back,/s/^ *X(\(t_[a-z0-9_]*\),.*/\1/p' \
    kernels/cuda/train_args.h | sed 's/_b*f16_/_/; s/gather[0-9]*$/gather/'); do
    grep -q "^$op|kernels/cuda/" tests/mutants.txt || missing="$missing $op"
done
check "each gradient's kernel has a mistake:$missing" [ -z "$missing" ]

# The way of building is right: without a mistake the test passes.
cp kernels/relu.c "$T/m.c"
sed -i 's|#include "\([a-z_0-9]*\.h\)"|#include "kernels/\1"|' "$T/m.c"
build kernels/relu.c kernels/relu > "$T/log" 2>&1
check "without a mistake the test passes" "$T/test"

case " $MUTANTS " in *" t_"* | " all ")
    cp kernels/cuda/train_mma.h "$T/m.c"
    build_cuda kernels/cuda/train_mma.h kernels/cuda_grad > "$T/log" 2>&1
    check "without one among the GPU's kernels, too" "$T/test"
    ;;
esac

while IFS='|' read -r op file test expr; do
    case $op in '#'* | '') continue ;; esac
    case " $MUTANTS " in *" $op "* | " all ") ;; *) continue ;; esac
    one "$op" "$file" "$test" "$expr"
done < tests/mutants.txt
done_testing
