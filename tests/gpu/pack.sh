#!/bin/sh
# Puts programs, what they are linked with (all but glibc's) and the stand-in for
# the driver into a folder.
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# usage: pack.sh FOLDER DRIVER PROGRAM...
set -eu
to=$1 driver=$2
shift 2
rm -rf "$to"
mkdir -p "$to/lib" "$to/driver"
cp "$driver" "$to/driver/libcuda.so.1"
cp "$@" build/config.h "$to/"
for lib in $(ldd "$@" | awk '$2 == "=>" && $3 ~ /^\// { print $3 }' | sort -u |
    grep -vE '/(libc|libm|libdl|libpthread|librt|libresolv|ld-linux[^/]*)\.so'); do
    cp -L "$lib" "$to/lib/"
done
for f in "$to"/* "$to"/lib/*; do
    [ ! -f "$f" ] || strip -g "$f" 2> /dev/null || true
done
du -sh "$to"
