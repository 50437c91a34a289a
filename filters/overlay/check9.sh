#!/bin/sh
# Runs the filters' frame checksums in FFmpeg 9.0: its source from a newer
# Debian suite, a small configuration, our filters linked as in the main build.
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# usage: check9.sh CACHE         FFMPEG9=DIR|TARBALL uses that source
# Where the source cannot be had it says so and counts one skipped test.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
overlay=$root/filters/overlay
cache=$1
out=$root/build-ff9
log=$out/build.log
series=9.0
files=560
. "$overlay/lib.sh"

skip() {
    say "check-ffmpeg9 skipped: $*"
    say "0 passed, 0 failed, 1 skipped"
    exit 0
}

# Sets tarball, newest suite first tried last: what is nearer to a release wins.
get_tarball() {
    tarball=$(cached_tarball ffmpeg "$series.*") && return
    for suite in forky sid; do
        say "Fetching FFmpeg $series from Debian $suite (signed source) ..."
        tarball=$(fetch $suite ffmpeg) || continue
        case $tarball in */ffmpeg_$series.*) return ;; esac
    done
    skip "no FFmpeg $series in Debian forky or sid from here, see $log"
}

mkdir -p "$out"
: > "$log"
opts=$(options tiny)
lock_cache
if [ -d "${FFMPEG9:-}" ]; then
    ffmpeg_of_folder "$FFMPEG9" "$opts" $files
elif [ -n "${FFMPEG9:-}" ]; then
    known_tarball "$FFMPEG9" || die "$FFMPEG9: unknown SHA-256"
    ffmpeg_of_tarball "$FFMPEG9" "$opts" $files
elif ! cached_ffmpeg "$series*" "$opts"; then
    get_tarball
    ffmpeg_of_tarball "$tarball" "$opts" $files
fi
write_flags "$ffdir" "$ffsrc" "$out/ffmpeg.mak"
exec 9>&-
say "Linking our filters with FFmpeg $(version_of "$ffsrc") ..."
make --no-print-directory -C "$root" BUILD="$out" FLAGS="$out/ffmpeg.mak" SAN= \
    -j"$(nproc)" filters
BUILD=$out sh "$root/tests/run.sh" -ref.sh
