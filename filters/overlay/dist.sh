#!/bin/sh
# Packs the built programs with all that they need, for nodes that have nothing
# installed: bin, lib (all but glibc's), share/ffgan. Runs from any folder.
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# usage: dist.sh BUILD VERSION [tree|tar|deb]   (tree: no archive)
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
build=$1 version=$2 form=${3:-tar}
cd "$root"
arch=$(uname -m)
name=ffgan-$version-linux-$arch
tree=$build/dist/$name
rm -rf "$tree"
mkdir -p "$tree/lib"
sh filters/overlay/install.sh "$build" "$tree" > /dev/null
cp README.md "$tree/share/ffgan/"
mkdir -p "$tree/share/ffgan/doc"
cp docs/*.md "$tree/share/ffgan/doc/"

programs=$(find "$tree/bin" -type f)
# What glibc brings is the node's own: it belongs to its kernel and loader.
libs=$(ldd $programs | awk '$2 == "=>" && $3 ~ /^\// { print $3 }' | sort -u |
    grep -vE '/(libc|libm|libdl|libpthread|librt|libresolv|ld-linux[^/]*)\.so')
for lib in $libs; do
    install -m 644 "$(readlink -f "$lib")" "$tree/lib/$(basename "$lib")"
done
strip -g $programs $(find "$tree/lib" -type f)
# DT_RPATH, which libraries inherit, not DT_RUNPATH.
for p in $programs; do patchelf --force-rpath --set-rpath '$ORIGIN/../lib' "$p"; done

# Each library's licence, as Debian states it.
mkdir -p "$tree/share/ffgan/licences"
for lib in $libs; do
    package=$(dpkg -S "$(readlink -f "$lib")" 2> /dev/null | sed 's/:.*//;q')
    doc=/usr/share/doc/$package/copyright
    [ -z "$package" ] || [ ! -e "$doc" ] ||
        cp -L "$doc" "$tree/share/ffgan/licences/$package"
done

glibc=$(for p in $programs $(find "$tree/lib" -type f); do
    objdump -T "$p" 2> /dev/null
done | grep -o 'GLIBC_2\.[0-9]*' | sort -t . -k 2 -n | tail -n 1 | sed 's/.*_//')
echo "needs glibc $glibc" > "$tree/share/ffgan/needs"

case $form in
tree) echo "$tree" ;;
tar)
    tar -C "$build/dist" --owner=0 --group=0 --numeric-owner --sort=name \
        -czf "$build/$name.tar.gz" "$name"
    echo "$build/$name.tar.gz (needs glibc $glibc or newer, nothing else)"
    ;;
deb)
    deb=$build/dist/deb
    rm -rf "$deb"
    mkdir -p "$deb/DEBIAN" "$deb/opt" "$deb/usr/bin"
    cp -a "$tree" "$deb/opt/ffgan"
    for p in ffgan ffgan-train ffgan-eval ffgan-search ffgan-ffmpeg ffgan-ffprobe; do
        [ ! -e "$tree/bin/$p" ] || ln -s "/opt/ffgan/bin/$p" "$deb/usr/bin/$p"
    done
    cat > "$deb/DEBIAN/control" <<END
Package: ffgan
Version: $version
Architecture: $(dpkg --print-architecture)
Maintainer: the ffgan developers <ffgan@localhost>
Depends: libc6 (>= $glibc)
Section: video
Priority: optional
Installed-Size: $(du -sk "$tree" | cut -f 1)
Description: upscales and generates video with neural networks inside FFmpeg
 Filters, presets, networks and the trainer of their weights, with the
 libraries that they need, in /opt/ffgan.
END
    dpkg-deb --root-owner-group -Zgzip -b "$deb" "$build/ffgan_${version}_$(dpkg --print-architecture).deb" > /dev/null
    echo "$build/ffgan_${version}_$(dpkg --print-architecture).deb"
    ;;
esac
