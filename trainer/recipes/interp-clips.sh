#!/bin/sh
# Cuts what interp-x2.yaml learns from, and what judges it, out of three clips.
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# usage: interp-clips.sh BUNNY SINTEL HELLO NASA FOLDER   environment: FFMPEG
#   BUNNY  Big Buck Bunny, 1280x720, 24 fps (Blender Foundation, CC-BY 3.0), as
#          in the sources of MoviePy 2.2.1
#   SINTEL the trailer of Sintel, 1280x720, 24 fps (Blender Foundation, CC-BY
#          3.0), as in the sources of libopenshot 0.2.7
#   HELLO  hello-720p.mp4 of Debian's forensics-samples (CC-BY-SA 4.0)
#   NASA   nasa_13013.mp4 (public domain; its largest stream is taken), as in the
#          tests of torchcodec
# Learns: FOLDER/bunny-720.mp4 bunny-360.mp4 sintel-540.mp4 hello.mp4; validates:
# *-val.mp4; tests: *-test.mp4. No second of a film is in two of them.
set -eu
if [ $# != 5 ]; then
    echo "usage: interp-clips.sh BUNNY SINTEL HELLO NASA FOLDER" >&2
    exit 64
fi
bunny=$1 sintel=$2 hello=$3 nasa=$4 to=$5
run() { "${FFMPEG:-ffmpeg}" -v error -nostdin -y "$@"; }
cut() { # CLIP NAME FRAMES SIZE RATE: those where the expression holds
    run -i "$1" -an -vf "select='$3',scale=$4:flags=bicubic,setpts=N/$5/TB" \
        -fps_mode passthrough -c:v libx264 -preset ultrafast -qp 3 \
        -pix_fmt yuv420p "$to/$2.mp4"
}
mkdir -p "$to"
cut "$bunny" bunny-720 'between(mod(t,12),0,1)*between(t,8,330)' 1280:720 24
cut "$bunny" bunny-360 'between(mod(t,12),6,7.4)*between(t,8,330)' 640:360 24
cut "$bunny" bunny-720-val 'between(mod(t,9),0,0.25)*between(t,336,400)' 1280:720 24
cut "$bunny" bunny-360-val 'between(mod(t,9),4,4.25)*between(t,336,400)' 640:360 24
cut "$bunny" bunny-720-test 'between(mod(t,8),0,0.4)*between(t,405,484)' 1280:720 24
cut "$bunny" bunny-360-test 'between(mod(t,8),4,4.4)*between(t,405,484)' 640:360 24
cut "$sintel" sintel-540 'lt(t,33)' 960:540 24
cut "$sintel" sintel-val 'between(t,33,38)*lt(mod(t,1),0.25)' 1280:720 24
cut "$sintel" sintel-test 'between(t,38.5,50)*lt(mod(t,1.2),0.3)' 1280:720 24
cut "$hello" hello 'lt(n,150)' 1280:720 30
cut "$hello" hello-test 'gte(n,152)' 1280:720 30
cut "$nasa" nasa-val 'lt(mod(n,40),7)' 480:270 25
