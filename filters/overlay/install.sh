#!/bin/sh
# Copies a build into place.
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# usage: install.sh BUILD_FOLDER DEST_PREFIX
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
build=$1 dest=$2
mkdir -p "$dest/bin" "$dest/share/ffgan/weights"
cd "$root"
# Our FFmpeg carries another name, so that it never hides the system's.
install -m 755 "$build/bin/ffmpeg" "$dest/bin/ffgan-ffmpeg"
install -m 755 "$build/bin/ffprobe" "$dest/bin/ffgan-ffprobe"
for p in ffgan ffgan-train; do
    [ ! -e "$build/bin/$p" ] || install -m 755 "$build/bin/$p" "$dest/bin/$p"
done
if [ -e "$dest/bin/ffgan-train" ]; then
    ln -sf ffgan-train "$dest/bin/ffgan-eval"
    ln -sf ffgan-train "$dest/bin/ffgan-search"
fi
if [ -e "$build/lib/ffgan-cuda.so" ]; then
    mkdir -p "$dest/lib/ffgan"
    install -m 755 "$build/lib/ffgan-cuda.so" "$dest/lib/ffgan/"
fi
for f in presets/*.yaml presets/*.json presets/*.md; do
    [ ! -f "$f" ] || install -m 644 "$f" "$dest/share/ffgan/"
done
for f in presets/weights/*; do
    [ ! -f "$f" ] || install -m 644 "$f" "$dest/share/ffgan/weights/"
done
install -m 644 LICENSE "$dest/share/ffgan/"
echo "Installed below $dest: bin/ffgan, bin/ffgan-train, bin/ffgan-ffmpeg," \
    "bin/ffgan-ffprobe, share/ffgan"
