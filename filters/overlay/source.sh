#!/bin/sh
# make source: packs the tracked files of the checkout, as they are, into a source tarball.
# SPDX-License-Identifier: LGPL-2.1-or-later
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
cd "$root"
version=$(sed -n 's/^version=//p' configure)
name=ffgan-$version
[ -e .git ] || { echo "source: this is no git checkout" >&2 && exit 1; }
mkdir -p build
git ls-files -z | tar --null -T - --owner=0 --group=0 --numeric-owner \
    --sort=name --mtime="@$(git log -1 --format=%ct)" \
    --transform="s,^,$name/," -cJf "build/$name.tar.xz"
echo "build/$name.tar.xz"
