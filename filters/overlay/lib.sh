# Shell functions of configure and the FFmpeg build; sourced, not run.
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# The caller sets: overlay (this folder), cache (cache folder), log (a file).

say() { printf '%s\n' "$*"; }
note() { printf '  %s\n' "$*"; }
die() {
    printf 'configure: %s\n' "$*" >&2
    exit 1
}
packages() { awk -v g="$1" '$1 == g { print $2 }' "$overlay/packages"; }
options() { grep -v '^#' "$overlay/options-$1" | tr '\n' ' '; }
sha256_of() { sha256sum "$1" | cut -d ' ' -f 1; }
known_tarball() { # FILE: its checksum is one that we keep
    grep -q "^$(sha256_of "$1")  " "$overlay/sha256sums"
}
version_of() { cat "$1/RELEASE" 2>/dev/null || echo unknown; } # SOURCE FOLDER

# One configure or FFmpeg build at a time per cache.
lock_cache() {
    mkdir -p "$cache" || die "cannot write the cache folder $cache"
    exec 9> "$cache/lock"
    flock -n 9 && return
    say "Another build uses $cache: waiting for it ..."
    flock 9
}

# fetch SUITE PACKAGE: leaves $cache/tarballs/PACKAGE_*.orig.tar.xz, prints it.
fetch() {
    dir=$cache/tarballs
    mkdir -p "$dir"
    new=$(mktemp -d "$dir/new.XXXXXX")
    if ! sh "$overlay/getsrc.sh" "$1" "$2" "$new" >> "$log" 2>&1; then
        rm -rf "$new"
        return 1
    fi
    file=$(cd "$new" && ls | head -n 1)
    mv -f "$new/$file" "$dir/$file"
    rmdir "$new"
    echo "$dir/$file"
}

# cached_tarball PACKAGE VERSION_PATTERN: newest kept file of known checksum.
cached_tarball() {
    for f in $(ls -rv "$cache/tarballs/$1"_$2.orig.tar.xz 2>/dev/null); do
        known_tarball "$f" && echo "$f" && return
    done
    return 1
}

# What decides whether a cached FFmpeg fits: options, compiler, libraries.
build_key() { # OPTIONS EXTRA
    { echo "recipe 1 $1 $2"
      ${CC:-gcc} --version | head -n 1
      dpkg-query -W -f '${Package} ${Version}\n' $(packages ffmpeg) nasm clang \
          2>/dev/null || true
    } | sha256sum | cut -c 1-12
}

# A line every hundred files, so that minutes of silence do not look broken.
progress() { # EXPECTED_FILES
    awk -v all="$1" '/^(CC|CXX|X86ASM|NVCC|HOSTCC)\t/ {
        if (++n % 100 == 0) {
            printf "  FFmpeg: %d of about %d files\n", n, all; fflush()
        } }'
}

# build_ffmpeg SOURCE DEST OPTIONS EXPECTED_FILES: pristine and out of tree.
# DEST/complete is made last; a folder without it is never used.
build_ffmpeg() {
    src=$1 dest=$2 opts=$3 files=$4
    cc=${CC:-gcc}
    ! command -v ccache > /dev/null || cc="ccache $cc"
    rm -rf "$dest/build" "$dest/include" "$dest/complete"
    mkdir -p "$dest/build"
    say "Configuring FFmpeg $(version_of "$src") ..."
    ( cd "$dest/build" && "$src/configure" --prefix="$dest/stage" --cc="$cc" \
        --incdir="$dest/include" --libdir="$dest/build" $opts ) \
        >> "$log" 2>&1 || die "FFmpeg's configure failed, see $log"
    say "Building FFmpeg with $(nproc) jobs (about ten minutes on two cores" \
        "the first time) ..."
    rc=$dest/build.rc
    { make -C "$dest/build" -j"$(nproc)" 2>&1; echo $? > "$rc"; } 9>&- |
        tee -a "$log" | progress "$files"
    [ "$(cat "$rc")" = 0 ] || die "building FFmpeg failed, see $log"
    make -C "$dest/build" install-headers >> "$log" 2>&1 ||
        die "installing FFmpeg's headers into the cache failed, see $log"
    echo "$src" > "$dest/source"
    rm -f "$rc"
    date > "$dest/complete"
}

# ffmpeg_of_tarball TARBALL OPTIONS EXPECTED_FILES: builds it unless it is
# there and sets ffdir and ffsrc.
ffmpeg_of_tarball() {
    name=$(basename "$1")
    ver=$(echo "$name" | sed 's/^ffmpeg[-_]//; s/\.orig\.tar.*//; s/\.tar.*//')
    ffdir=$cache/ffmpeg-$ver-$(build_key "$2" "")
    ffsrc=$ffdir/src
    [ ! -e "$ffdir/complete" ] || return 0
    say "Unpacking $name ..."
    rm -rf "$ffdir"
    mkdir -p "$ffsrc"
    tar -xf "$1" -C "$ffsrc" --strip-components=1 ||
        die "cannot unpack $1"
    build_ffmpeg "$ffsrc" "$ffdir" "$2" "$3"
}

# ffmpeg_of_folder DIR OPTIONS EXPECTED_FILES: the same for an unpacked source,
# which is used in place; a changed file gives another build.
ffmpeg_of_folder() {
    ffsrc=$(cd "$1" && pwd)
    [ -x "$ffsrc/configure" ] || die "$1 holds no FFmpeg source"
    [ ! -e "$ffsrc/config.h" ] ||
        die "$1 was configured in place: give a pristine source"
    seen=$(cd "$ffsrc" && find . -name .git -prune -o -type f \
        -printf '%P %s %T@\n' | sort | sha256sum)
    ffdir=$cache/ffmpeg-$(version_of "$ffsrc")-$(build_key "$2" "$ffsrc $seen")
    [ -e "$ffdir/complete" ] || build_ffmpeg "$ffsrc" "$ffdir" "$2" "$3"
}

# cached_ffmpeg VERSION_PATTERN OPTIONS: sets ffdir and ffsrc, or fails.
cached_ffmpeg() {
    for d in $(ls -drv "$cache"/ffmpeg-$1-"$(build_key "$2" "")" 2>/dev/null)
    do
        [ -e "$d/complete" ] || continue
        ffdir=$d ffsrc=$(cat "$d/source")
        [ -d "$ffsrc" ] && return 0
    done
    return 1
}

# write_flags FFDIR FFSRC FILE: what the Makefile must know to link our filters
# with this FFmpeg.
write_flags() {
    make --no-print-directory -s -C "$1/build" -f "$overlay/flags.mak" \
        print-flags FFDIR="$1" FFSRC="$2" > "$3" 2>> "$log" ||
        die "cannot read the flags of the FFmpeg in $1, see $log"
}
