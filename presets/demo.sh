#!/bin/sh
# The demonstration: a real clip upscaled two times, and a picture to compare.
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# usage: demo.sh [CLIP]      environment: BUILD, FFGAN_CACHE, DEMO_OUT (demo)
# Without a clip: the phone video of Debian's package forensics-samples-files,
# unpacked into the cache and not installed.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
build=${BUILD:-$root/build}
cache=${FFGAN_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/ffgan}
out=${DEMO_OUT:-$root/demo}
ffmpeg="$build/bin/ffmpeg -hide_banner -loglevel error -nostdin"
ffprobe="$build/bin/ffprobe -v error"

die() {
    echo "demo: $*" >&2
    exit 1
}

# The package's video with sound; other files there are pictures and texts.
find_phone_video() {
    find "$cache/samples" -name '*.mp4' 2> /dev/null | sort | while read -r f
    do
        case $($ffprobe -show_entries stream=codec_type -of csv=p=0 "$f") in
        *audio*) echo "$f" && break ;;
        esac
    done
}

fetch_phone_video() {
    command -v apt-get > /dev/null || die "no apt-get here: make demo IN=CLIP"
    echo "Fetching a phone video from Debian (forensics-samples-files) ..." >&2
    tmp=$(mktemp -d)
    trap 'rm -rf "$tmp"' EXIT
    # apt's sandbox user must be able to write there.
    chmod 755 "$tmp"
    ( cd "$tmp" && apt-get -q -o APT::Sandbox::User="$(id -un)" \
        download forensics-samples-files ) > "$tmp/log" 2>&1 ||
        { cat "$tmp/log" >&2 && die "cannot fetch it: make demo IN=CLIP"; }
    rm -rf "$cache/samples"
    mkdir -p "$cache/samples"
    dpkg -x "$tmp"/*.deb "$cache/samples"
}

input=${1:-}
if [ -z "$input" ]; then
    input=$(find_phone_video)
    if [ -z "$input" ]; then
        fetch_phone_video
        input=$(find_phone_video)
    fi
    [ -n "$input" ] || die "no video in the package: make demo IN=CLIP"
fi
[ -r "$input" ] || die "cannot read '$input'"
mkdir -p "$out"

echo "Upscaling $input two times: $out/upscaled.mkv"
"$build/bin/ffgan" upscale "$input" -o "$out/upscaled.mkv" -y

echo "Comparing: $out/compare.png"
frames=$($ffprobe -select_streams v:0 -count_packets \
    -show_entries stream=nb_read_packets -of csv=p=0 "$out/upscaled.mkv" |
    tr -dc '0-9\n' | head -n 1)
n=$((${frames:-1} / 2))
size=$($ffprobe -select_streams v:0 -show_entries stream=width,height \
    -of csv=p=0 "$out/upscaled.mkv" | head -n 1)
w=${size%%,*}
h=${size#*,}
h=${h%%,*}

# drawtext needs a font file; without one the picture has no labels.
font=
for f in $(fc-match -f '%{file}\n' sans 2> /dev/null) \
    /usr/share/fonts/truetype/*/*Sans.ttf; do
    [ -r "$f" ] && font=$f && break
done
label() { # TEXT
    [ -z "$font" ] || printf ',drawtext=fontfile=%s:text=%s:fontsize=36:x=24:y=24:fontcolor=white:box=1:boxcolor=black@0.5:boxborderw=12' \
        "$font" "$1"
}

# Above, half of the picture from each; below, the middle enlarged three times.
half=$((w / 2 / 2 * 2))
cw=$((half / 3))
ch=$((h / 4))
side() { # IN OUT TEXT
    printf '[%s]split[%sa][%sb];' "$1" "$1" "$1"
    printf '[%sa]crop=%d:%d:%d:0%s[%sc];' "$1" $half "$h" $(((w - half) / 2)) \
        "$(label "$3")" "$1"
    printf '[%sb]crop=%d:%d,scale=%d:%d:flags=neighbor[%sd];' "$1" $cw $ch \
        $half $((ch * 3)) "$1"
    printf '[%sc][%sd]vstack[%s];' "$1" "$1" "$2"
}
graph="[0:v]select=eq(n\\,$n),scale=$w:$h:flags=bicubic,format=rgb24[s];"
graph="$graph[1:v]select=eq(n\\,$n),scale=$w:$h,format=rgb24[u];"
graph="$graph$(side s left bicubic)$(side u right ffgan)[left][right]hstack[o]"
$ffmpeg -y -i "$input" -i "$out/upscaled.mkv" -filter_complex "$graph" \
    -map '[o]' -frames:v 1 -update 1 "$out/compare.png"
echo "Done: $out/upscaled.mkv ($size), $out/compare.png"
