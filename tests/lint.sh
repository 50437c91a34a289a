#!/bin/sh
# Style, layout and static analysis of the tree, as TAP.
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# usage: lint.sh            everything; LINT_TIDY=0 leaves clang-tidy out
#        lint.sh headers    only that each header compiles alone
ROOT=$(cd "$(dirname "$0")/.." && pwd)
. "$ROOT/tests/lib.sh"
cd "$ROOT" || exit 1
# What git knows or would take, less recorded data and weights.
all_files() {
    { git ls-files -co --exclude-standard 2> /dev/null ||
        find . -type f -not -path './.git/*' -not -path './build*' |
        sed 's,^\./,,'; } | sort -u |
        grep -vE '^tests/(ref|fuzz|kernels/fixtures)/.*/|^tests/ref|^presets/weights/|^LICENSE$' |
        while read -r f; do [ -f "$f" ] && echo "$f"; done
}
all_files > "$T/all"
grep -E '\.[ch]$' "$T/all" > "$T/c"
grep -E '\.h$' "$T/all" > "$T/h"
grep -Iq . "$T/all" || exit 1
xargs grep -Il . < "$T/all" > "$T/text"
# Empty where nvcc is not: then nobody can read what includes its headers.
cuda=$(sed -n 's/^CUDA_INCLUDE := //p' build/config.mak)
without_cuda='^kernels/cuda/(driver\.[ch]|plugin\.c)$'
[ -z "$cuda" ] || without_cuda='^$'
flag() { sed -n "s/^$1 := //p" "$ROOT/build/ffmpeg.mak"; }

# Passes when the command prints nothing.
silent() { # TEXT COMMAND...
    text=$1
    shift
    "$@" > "$T/out" 2>&1
    if [ -s "$T/out" ]; then
        notok "$text"
        head -n 40 "$T/out" | sed 's/^/# /'
    else
        ok "$text"
    fi
}

formatted() { xargs clang-format --dry-run -Werror < "$T/c" 2>&1; }
tabs() { grep -vE '(^|/)(Makefile|[^/]*\.mak)$' "$T/text" | xargs grep -nP '\t'; }
blanks() { xargs grep -nE '[[:blank:]]+$' < "$T/text"; }
unended() {
    while read -r f; do
        [ -z "$(tail -c 1 "$f")" ] || echo "$f: no newline at the end"
    done < "$T/text"
}
# Zero-width, bidirectional and other characters that nobody sees.
invisible() {
    xargs env LC_ALL=C.UTF-8 grep -nP \
        '[\x{00A0}\x{00AD}\x{200B}-\x{200F}\x{202A}-\x{202E}\x{2060}-\x{2064}\x{2066}-\x{206F}\x{FEFF}]|\r' \
        < "$T/text"
}
unlicensed() {
    grep -E '\.(c|h|sh|mak|py)$|^configure$|^Makefile$' "$T/all" |
        xargs grep -L 'SPDX-License-Identifier: LGPL-2.1-or-later'
}
unfinished() {
    grep -v '^CONTRIBUTING.md$' "$T/text" |
        xargs grep -nE 'TOD[O]|FIXM[E]|XXX[:]|not implemente[d]'
}
long_lines() { xargs awk 'length > 100 {
    print FILENAME ":" FNR ": " length " columns" }' < "$T/c"; }
long_files() {
    while read -r f; do
        n=$(wc -l < "$f")
        [ "$n" -le 800 ] || echo "$f: $n lines, split above 800"
    done < "$T/c"
    [ "$(wc -l < configure)" -le 400 ] || echo "configure: above 400 lines"
    [ "$(wc -l < Makefile)" -le 200 ] || echo "Makefile: above 200 lines"
}
# clang-format puts a function's braces into the first column.
long_functions() {
    xargs awk '/^{/ { start = FNR } /^}/ && start {
        if (FNR - start - 1 > 100)
            print FILENAME ":" start ": " FNR - start - 1 " lines in a function"
        start = 0 }' < "$T/c"
}
# includes ROOMS PATTERN: lines of these rooms that include what they must not.
includes() {
    for room in $1; do
        grep -rnE "^ *# *include +[<\"]($2)" "$room" --include='*.[ch]'
    done
}
arrows() {
    includes kernels '(\.\./)*(filters|pipeline|trainer)/|lib(av|sw)[a-z]+/'
    includes filters '(\.\./)*(pipeline|trainer)/'
    includes pipeline '(\.\./)*trainer/|libavfilter/filters\.h|libav[a-z]+/internal\.h'
    # Of libav the trainer has the FFT; pictures come through source.h.
    includes trainer '(\.\./)*filters/|lib(sw[a-z]+|av[a-tv-z][a-z]+)/'
    includes trainer '(\.\./)*pipeline/' | grep -v '"pipeline/source\.h"'
}
objects_only() { # files.mak: assignments of lists, comments
    grep -nP '^\t' [a-z]*/files.mak | grep -v '^tests/'
}
headers() {
    src=$(flag FF_SRC) bld=$(flag FF_BUILD) dir=$(flag FF_DIR)
    while read -r h; do
        set -- -Ibuild -isystem "$dir/include" ${cuda:+-isystem "$cuda"}
        case $h in
        filters/* | tests/filters/*)
            set -- -DHAVE_AV_CONFIG_H -DBUILDING_avfilter -isystem "$bld" \
                -isystem "$src" ;;
        kernels/x86/*)
            set -- "$@" -mavx2 -mfma -mf16c -mavx512f -mavx512bw -mavx512dq \
                -mavx512vl ;;
        esac
        printf '#include "%s"\n#include "%s"\n' "$h" "$h" |
            gcc -std=c11 -D_GNU_SOURCE -Wall -Wextra -Werror -I. "$@" \
                -fsyntax-only -x c - 2>&1 || echo "$h does not compile alone"
    done <<END
$(grep -vE "$without_cuda" "$T/h")
END
}
tidy() {
    src=$(flag FF_SRC) bld=$(flag FF_BUILD) dir=$(flag FF_DIR)
    nv=$(flag FF_CFLAGS | tr ' ' '\n' | sed -n 's,^-I\(.*/include\)$,-isystem \1,p' | tr '\n' ' ')
    grep -E '^(kernels|filters|pipeline|trainer)/.*\.c$' "$T/c" > "$T/tidy"
    # The f64 forms and the vector files repeat what the C files show.
    for f in $(grep -vE '_(avx[0-9a-z]*|neon|template)\.c$' "$T/tidy" |
        grep -vE "$without_cuda"); do
        inc="-Ibuild -isystem $dir/include ${cuda:+-isystem $cuda}"
        case $f in filters/*)
            inc="-DHAVE_AV_CONFIG_H -isystem $bld -isystem $src $nv" ;;
        esac
        echo "$f -- -std=c11 -D_GNU_SOURCE -I. $inc" \
            "-DFFGAN_DATADIR=\\\"x\\\" -DFG_CUDA_ARCHS=\\\"x\\\""
    done | xargs -P "$(nproc)" -L 1 clang-tidy --quiet 2> /dev/null |
        grep -E 'warning:|error:' | sort -u
}

if [ "${1:-}" = headers ]; then
    silent "each header compiles alone" headers
    done_testing
    exit
fi
silent "clang-format is content" formatted
silent "no tabs" tabs
silent "no trailing blanks" blanks
silent "files end with a newline" unended
silent "no invisible characters" invisible
silent "each source names its licence" unlicensed
silent "nothing unfinished is marked" unfinished
silent "no line above 100 columns" long_lines
silent "no file is too long" long_files
silent "no function above 100 lines" long_functions
silent "dependency arrows hold" arrows
silent "files.mak hold lists only" objects_only
silent "each header compiles alone" headers
if [ "${LINT_TIDY:-1}" = 1 ]; then
    silent "clang-tidy is content" tidy
else
    skip "clang-tidy is content" "LINT_TIDY=0"
fi
done_testing
