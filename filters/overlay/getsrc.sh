#!/bin/sh
# Fetches the upstream tarball of a Debian source package from any suite.
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# usage: getsrc.sh SUITE SOURCE DESTDIR     (e.g. getsrc.sh trixie ffmpeg src)
#
# Uses the mirror that this machine's apt already knows, checks the archive's
# signature with Debian's keyring, and leaves /etc/apt and apt's lists alone:
# the suite is named in a temporary folder only. Works for any user.
set -eu
suite=$1 pkg=$2 dest=$3
keyring=${DEBIAN_KEYRING:-/usr/share/keyrings/debian-archive-keyring.gpg}
uri=$(apt-get indextargets --format '$(REPO_URI)' 'Origin: Debian' \
    'Label: Debian' 'Created-By: Packages' | sort -u | head -n 1)
if [ -z "$uri" ]; then
    echo "apt knows no Debian archive: run 'apt-get update' once" >&2
    exit 1
fi
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
trap 'exit 130' INT TERM
mkdir -p "$tmp/lists/partial" "$tmp/archives/partial" "$dest"
printf 'deb-src [signed-by=%s] %s %s main\n' "$keyring" "$uri" "$suite" \
    > "$tmp/sources.list"
set -- -q -o Dir::Etc::sourcelist="$tmp/sources.list" \
    -o Dir::Etc::sourceparts=- -o Dir::State::Lists="$tmp/lists" \
    -o Dir::Cache="$tmp" -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache= \
    -o Acquire::AllowInsecureRepositories=false \
    -o APT::Get::AllowUnauthenticated=false
# apt's sandbox user cannot write into a folder of root's.
[ "$(id -u)" != 0 ] || set -- "$@" -o APT::Sandbox::User=root
apt-get "$@" update
cd "$dest"
apt-get "$@" source --download-only --only-source --tar-only "$pkg"
