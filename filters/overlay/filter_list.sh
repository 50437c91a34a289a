#!/bin/sh
# Prints FFmpeg's generated filter_list.c with our filters added.
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# usage: filter_list.sh FILTER_LIST_C [SOURCE.c ...]   a source named vf_NAME.c
# or vsrc_NAME.c defines ff_vf_NAME or ff_vsrc_NAME; others are helpers.
set -eu
list=$1
shift
# The struct's name differs between FFmpeg's versions.
type=$(grep -oE 'AVFilter|FFFilter' "$list" | head -n 1)
entries=
for src; do
    name=$(basename "$src" .c)
    case $name in
    vf_* | vsrc_*)
        echo "extern const $type ff_$name;"
        entries="$entries    \\&ff_$name,\\n"
        ;;
    esac
done
sed "s/^    NULL };/$entries&/" "$list"
