# Functions for test scripts that print TAP lines; sourced, not run.
# SPDX-License-Identifier: LGPL-2.1-or-later
#
#   . "$(dirname "$0")/../lib.sh"
#   check "the version is printed" "$FFGAN" --version
#   done_testing
#
# Sets: ROOT (checkout), BUILD (absolute), FFGAN FFMPEG FFPROBE (programs),
# T (an empty folder, removed at exit). done_testing must be the last command:
# without it the runner takes the script for crashed.

ROOT=${ROOT:-$(cd "$(dirname "$0")/../.." && pwd)}
BUILD=${BUILD:-build}
case $BUILD in /*) ;; *) BUILD=$ROOT/$BUILD ;; esac
FFGAN=${FFGAN:-$BUILD/bin/ffgan}
FFMPEG=${FFMPEG:-$BUILD/bin/ffmpeg}
FFPROBE=${FFPROBE:-$BUILD/bin/ffprobe}
T=$(mktemp -d "${TMPDIR:-/tmp}/ffgan-test.XXXXXX") || exit 1
trap 'rm -rf "$T"' EXIT
trap 'exit 1' INT TERM
export ROOT BUILD FFGAN FFMPEG FFPROBE T
export LC_ALL=C

tap_count=0
tap_failed=0

ok() { # TEXT
    tap_count=$((tap_count + 1))
    echo "ok $tap_count - $1"
}

notok() { # TEXT
    tap_count=$((tap_count + 1))
    tap_failed=$((tap_failed + 1))
    echo "not ok $tap_count - $1"
}

skip() { # TEXT WHY
    tap_count=$((tap_count + 1))
    echo "ok $tap_count - $1 # SKIP $2"
}

# check TEXT COMMAND...: passes when the command succeeds; its output is shown
# as TAP comments when it does not.
check() {
    tap_text=$1
    shift
    if "$@" > "$T/.check" 2>&1; then
        ok "$tap_text"
    else
        tap_rc=$?
        notok "$tap_text"
        echo "# exit $tap_rc: $*"
        tail -n 20 "$T/.check" | sed 's/^/# /'
    fi
}

# Prints the plan; the exit status says whether all passed.
done_testing() {
    echo "1..$tap_count"
    [ "$tap_failed" = 0 ]
}
