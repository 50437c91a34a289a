#!/bin/sh
# Puts programs, what they are linked with (all but glibc's) and the stand-in for
# the driver into a folder. SPDX-License-Identifier: LGPL-2.1-or-later
#
# usage: pack.sh FOLDER DRIVER PROGRAM...
# environment: BIG   programs that go there packed, big.tar.gz, as they hold
#              FFmpeg
set -eu
to=$1 driver=$2
shift 2
put() { # FOLDER PROGRAM...
    folder=$1
    shift
    mkdir -p "$folder/lib"
    cp "$@" "$folder/"
    for lib in $(ldd "$@" | awk '$2 == "=>" && $3 ~ /^\// { print $3 }' | sort -u |
        grep -vE '/(libc|libm|libdl|libpthread|librt|libresolv|ld-linux[^/]*)\.so'); do
        cp -L "$lib" "$folder/lib/"
    done
    for f in "$folder"/* "$folder"/lib/*; do
        [ ! -f "$f" ] || strip -g "$f" 2> /dev/null || true
    done
}
rm -rf "$to"
mkdir -p "$to/driver"
cp "$driver" "$to/driver/libcuda.so.1"
put "$to" "$@"
cp build/config.h "$to/"
if [ -n "${BIG-}" ]; then
    # shellcheck disable=SC2086
    put "$to/big" $BIG
    tar -C "$to/big" -czf "$to/big.tar.gz" .
    rm -r "$to/big"
fi
du -sh "$to"
