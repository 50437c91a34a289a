#!/bin/sh
# Runs one test for run.sh: its output goes to a log, its counts beside it.
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# usage: run-one.sh tests/ROOM/NAME.c|.sh     (environment as in run.sh)
set -u
name=$1
log=$LOGS/$(echo "$name" | tr / -).log
case $name in
*.sh) set -- sh "$name" ;;
*) set -- "$BUILD/${name%.c}" ;;
esac
start=$(date +%s)
timeout -k 5 "$TEST_TIMEOUT" "$@" > "$log" 2>&1 < /dev/null
rc=$?

# Passed, failed and skipped. A test that ends badly, or before its plan, has
# one failure more than it printed.
awk -v rc=$rc '
    /^1\.\.[0-9]+/ { plan += substr($1, 4); planned = 1 }
    /^ok .*# *SKIP/ { s++; next }
    /^not ok [0-9]+ # SKIP/ { s++; next } # as cmocka writes it
    /^ok / { p++ }
    /^not ok / { f++ }
    END {
        n = p + f + s
        if (rc == 77 && n == 0) { s = 1; why = "skipped" }
        else if (rc == 124) { f++; why = "timed out" }
        else if (rc > 128) { f++; why = "signal " rc - 128 }
        else if (!planned) { f++; why = "no plan, exit " rc }
        else if (plan != n) { f++; why = n " of " plan " tests, exit " rc }
        else if (rc != 0 && f == 0) { f++; why = "exit " rc }
        print p + 0, f + 0, s + 0, why
    }' "$log" > "${log%.log}.count"

read -r passed failed skipped why < "${log%.log}.count"
mark=ok
[ "$failed" = 0 ] || mark=FAIL
text="$passed passed"
[ "$failed" = 0 ] || text="$text, $failed failed"
[ "$skipped" = 0 ] || text="$text, $skipped skipped"
printf '  %-4s %-40s %s, %ss%s\n' $mark "$name" "$text" \
    "$(($(date +%s) - start))" "${why:+ ($why)}"
