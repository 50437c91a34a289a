#!/bin/sh
# Runs the test programs and scripts, prints failures and counts. The last line
# is "N passed, N failed" (and ", N skipped" when any was).
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# usage: run.sh [WORD]   only tests whose path holds WORD
# environment: BUILD (build folder), JOBS (2), TEST_TIMEOUT (seconds, 240)
set -u
ROOT=$(cd "$(dirname "$0")/.." && pwd)
BUILD=${BUILD:-$ROOT/build}
LOGS=$BUILD/tests/log
export ROOT BUILD LOGS CMOCKA_MESSAGE_OUTPUT=tap
export TEST_TIMEOUT="${TEST_TIMEOUT:-240}"
export ASAN_OPTIONS="detect_leaks=1:${ASAN_OPTIONS:-}"
export UBSAN_OPTIONS="print_stacktrace=1:${UBSAN_OPTIONS:-}"
export LSAN_OPTIONS="suppressions=$ROOT/tests/lsan.supp:print_suppressions=0"
if [ -n "${LESS:-}" ]; then # slow builds: fewer kills, cuts, flips, frames
    export KILLS="${KILLS:-8}" CUTS="${CUTS:-10}" FLIPS="${FLIPS:-30}"
    export FRAMES="${FRAMES:-4000}" TEST_TIMEOUT=$((TEST_TIMEOUT * 2))
fi
cd "$ROOT" || exit 1
# Checkers of other projects, see python.sh.
checkers=${FFGAN_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/ffgan}/python
[ -n "${FFGAN_PYTHON:-}" ] || [ ! -e "$checkers/complete" ] ||
    export FFGAN_PYTHON="$checkers/bin/python"
rm -rf "$LOGS"
mkdir -p "$LOGS"

list_tests() { # sources of programs, and scripts
    for room in kernels filters pipeline trainer presets; do
        for f in tests/$room/*.sh tests/$room/*.c; do
            [ -e "$f" ] || continue
            case $f in
            *.c) grep -q '^int main\b' "$f" || continue ;;
            esac
            echo "$f"
        done
    done | grep -F -e "${1:-}"
}

tests=$(list_tests "${1:-}")
if [ -z "$tests" ]; then
    echo "no test matches '${1:-}'"
    echo "0 passed, 1 failed"
    exit 1
fi
echo "Running $(echo "$tests" | wc -l) test files:"
echo "$tests" | xargs -P "${JOBS:-2}" -n 1 sh tests/run-one.sh

# A file without counts is one whose runner died.
for t in $tests; do
    count=$LOGS/$(echo "$t" | tr / -).count
    [ -s "$count" ] || echo "0 1 0" > "$count"
    log=${count%.count}.log
    if [ "$(cut -d ' ' -f 2 "$count")" != 0 ]; then
        echo
        echo "==== $t failed, $log:"
        grep -n -A 12 '^not ok' "$log" | head -n 60
        echo "---- its end:"
        tail -n 15 "$log"
    fi
done
echo
cat "$LOGS"/*.count | awk '{ p += $1; f += $2; s += $3 }
    END {
        printf "%d passed, %d failed", p, f
        if (s) printf ", %d skipped", s
        print ""
        exit f != 0 || p == 0
    }'
