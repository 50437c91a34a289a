#!/bin/sh
# Builds kernels/ and their tests for aarch64 and runs them in qemu-user. Where
# the compiler, the emulator or the libraries cannot be had it says so and
# counts one skipped test.
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# usage: aarch64.sh CACHE
set -u
cd "$(dirname "$0")/.." || exit 1
cache=$1/aarch64
out=build/aarch64
cross=aarch64-linux-gnu
root=$cache/root/usr

skip() {
    echo "check-aarch64 skipped: $*"
    echo "0 passed, 0 failed, 1 skipped"
    exit 0
}

as=
[ "$(id -u)" = 0 ] || as="sudo -n"
have() { command -v "$1" > /dev/null 2>&1; }
if ! have $cross-gcc || ! have qemu-aarch64; then
    have apt-get || skip "no $cross-gcc or qemu-aarch64"
    $as env DEBIAN_FRONTEND=noninteractive apt-get -q install -y \
        --no-install-recommends gcc-$cross libc6-dev-arm64-cross qemu-user \
        > /dev/null 2>&1 || skip "gcc-$cross and qemu-user cannot be installed"
fi

# The libraries, unpacked beside the system's: package lists of its own.
if [ ! -e "$cache/complete" ]; then
    rm -rf "$cache" && mkdir -p "$cache/lists/partial" "$cache/archives/partial" &&
        (cd "$cache" && set -- -q -o "Dir::State::Lists=$cache/lists" \
            -o "Dir::Cache=$cache" -o APT::Architectures::=arm64 \
            -o APT::Sandbox::User=root &&
            apt-get "$@" update && apt-get "$@" download libcmocka0:arm64 \
            libcmocka-dev:arm64 libjansson4:arm64 libjansson-dev:arm64 \
            libmd0:arm64 libmd-dev:arm64 &&
            for d in *.deb; do dpkg -x "$d" root || exit 1; done) \
            > /dev/null 2>&1 || skip "the arm64 libraries cannot be fetched"
    touch "$cache/complete"
fi

mkdir -p $out || exit 1
cflags="-std=c11 -D_GNU_SOURCE -ffp-contract=off -pthread -Wall -Wextra -Werror
    -O2 -g -I. -Ibuild -isystem $root/include"
sources=$(ls kernels/*.c kernels/aarch64/*.c | grep -v '_template\.c$')
real=$(printf 'include kernels/files.mak\np:\n\t@echo $(KERNELS_REAL:.o=.c)\n' |
    make -s -f - p)
{
    for f in $sources; do
        echo "$f -o $out/$(echo "$f" | tr / -).o"
    done
    for f in $real; do
        echo "-DFG_REAL_DOUBLE $f -o $out/$(echo "$f" | tr / -).f64.o"
    done
} > $out/list
# shellcheck disable=SC2086
xargs -P "$(nproc)" -L 1 $cross-gcc $cflags -c < $out/list || {
    echo "0 passed, 1 failed"
    exit 1
}
rm -f $out/libkernels.a
$cross-ar rcs $out/libkernels.a $out/kernels-*.o || exit 1

one() { # TEST
    # shellcheck disable=SC2086
    $cross-gcc $cflags "tests/kernels/$1.c" tests/kernels/gradcheck.c tests/kernels/op_tests.c \
        -o "$out/$1" $out/libkernels.a -L"$root/lib/$cross" -lcmocka -ljansson \
        -lmd -lm -Wl,-rpath-link,"$root/lib/$cross" &&
        CMOCKA_MESSAGE_OUTPUT=tap timeout 600 qemu-aarch64 -L /usr/$cross \
            -E "LD_LIBRARY_PATH=$root/lib/$cross" "$out/$1" > "$out/$1.log" 2>&1
    echo "# exit $?" >> "$out/$1.log"
}
tests=${TESTS:-half wino wino_grad conv_row conv2d plan q8 ops prelu relu add warp}
running=0
for t in $tests; do
    one "$t" &
    running=$((running + 1))
    [ $((running % $(nproc))) != 0 ] || wait
done
wait
passed=0 failed=0
for t in $tests; do
    p=$(grep -c '^ok ' "$out/$t.log") f=$(grep -c '^not ok ' "$out/$t.log")
    grep -q '^# exit 0$' "$out/$t.log" || [ "$f" != 0 ] || f=1
    printf '  aarch64 %-12s %s passed, %s failed\n' "$t" "$p" "$f"
    [ "$f" = 0 ] || tail -n 20 "$out/$t.log"
    passed=$((passed + p)) failed=$((failed + f))
done
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
