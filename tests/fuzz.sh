#!/bin/sh
# Builds every tests/fuzz/*.c with libFuzzer and runs it for a while.
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# usage: fuzz.sh     environment: SECONDS_EACH (60), CLANG (clang), SEED (0 = the
# clock's: other inputs each time). Findings are left in build/fuzz/. Skipped,
# and counted, where clang has no libFuzzer.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root"
clang=${CLANG:-clang}
seconds=${SECONDS_EACH:-60}
out=$root/build/fuzz
passed=0 failed=0
flag() { sed -n "s/^$1 := //p" build/ffmpeg.mak; }
mkdir -p "$out"
if ! echo 'int LLVMFuzzerTestOneInput(const char *d, long n) { return d && n < 0; }' |
    "$clang" -fsanitize=fuzzer,address -x c - -o "$out/probe" 2> "$out/probe.log"; then
    echo "# $clang links no fuzzer (Debian: libclang-rt-14-dev): $(tail -n 1 "$out/probe.log")"
    echo "0 passed, 0 failed, 1 skipped"
    exit 0
fi
make --no-print-directory -j"$(nproc)" CC="$clang" BUILD="$out/obj" SAN= \
    SANFLAGS="-fsanitize=fuzzer-no-link,address,undefined \
-fno-sanitize-recover=all" fuzz-libs
for src in tests/fuzz/*.c; do
    [ -e "$src" ] || break
    name=$(basename "$src" .c)
    echo "== $name: $seconds s"
    mkdir -p "$out/$name"
    "$clang" -std=c11 -D_GNU_SOURCE -g -O1 -I. -I"$(flag FF_SRC)" -I"$(flag FF_BUILD)" \
        -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all "$src" \
        -Wl,--start-group "$out"/obj/*.a $(flag FF_ARCHIVES) build/ffmpeg/libavfilter.a -Wl,--end-group \
        $(flag FF_EXTRALIBS) $(sed -n 's/^OWN_LIBS := //p' build/config.mak) -lm -pthread \
        -o "$out/$name.bin"
    seeds=
    [ ! -d "tests/fuzz/$name" ] || seeds=tests/fuzz/$name
    if "$out/$name.bin" -max_total_time="$seconds" -rss_limit_mb=2048 \
        -timeout=60 -seed="${SEED:-0}" -artifact_prefix="$out/$name-" "$out/$name" $seeds \
        > "$out/$name.log" 2>&1; then
        passed=$((passed + 1))
        tail -n 1 "$out/$name.log"
    else
        failed=$((failed + 1))
        tail -n 40 "$out/$name.log"
    fi
done
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
