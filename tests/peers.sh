# Comparisons with other programs' networks: sourced, not run. Needs the Python
# of tests/python.sh; what is missing there is skipped.
# SPDX-License-Identifier: LGPL-2.1-or-later
py=${FFGAN_PYTHON:-/nowhere}
peer=$ROOT/tests/pipeline/community.py
fixtures=$ROOT/tests/kernels/import
XDG_CACHE_HOME=$T/cache
export XDG_CACHE_HOME
if ! "$py" -c 'import numpy' 2> /dev/null; then
    skip "comparisons with other programs" "no Python with numpy"
    done_testing
    exit
fi
line() { # FIELD...: one comparison for community.py
    printf '%s' "$1" && shift && printf '\t%s' "$@" && echo
}
run_list() { # makes the comparisons of $T/list, and ends the test
    "$py" "$peer" "$T/list" > "$T/results" 2> "$T/errors"
    while IFS="$(printf '\t')" read -r result text said; do
        case $result in
        ok) ok "$text" ;;
        skip) skip "$text" "$said" ;;
        *) notok "$text" ;;
        esac
        echo "# $said"
    done < "$T/results"
    check "every comparison was made" sh -c \
        '[ "$(wc -l < "$T/list")" = "$(wc -l < "$T/results")" ]'
    done_testing
}
