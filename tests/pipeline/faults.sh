#!/bin/sh
# Every call that writes fails once: full disk, input/output error, quota. Then
# the same command again. Also inputs cut and flipped. FLIP_FROM=N: only
# flipped ones, from the N-th on; CUTS_ONLY=1: only cut ones.
# SPDX-License-Identifier: LGPL-2.1-or-later
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/common.inc"
HERE=$(cd "$(dirname "$0")" && pwd)
cd "$T" || exit 1
FLIPS=${FLIPS:-60} CUTS=${CUTS:-24}
sed 's/libx264/ffv1/; s/- zscale.*/- hflip: {}/' "$P" > k.yaml
sed 's/ffv1/png/' k.yaml > png.yaml
mk -f lavfi -i testsrc2=s=64x36:r=25:d=1 -f lavfi -i sine=d=1 -c:v libx264 -g 8 -threads 1 -c:a aac in.mp4
mk -i in.mp4 -c copy in.mkv
mk -i in.mp4 -c copy in.mov
mk -i in.mp4 -c copy in.ts
mk -i in.mp4 -frames:v 6 in.%03d.png
frame_md5() { mk -i "$1" -map 0:v -f framemd5 - | grep -v '^#'; }
"$FFGAN" run ./k.yaml in.mp4 -o whole.mkv -q
frame_md5 whole.mkv > want
mkdir pw
"$FFGAN" run ./png.yaml in.%03d.png -o pw/x.%03d.png -q

if ! ${CC:-cc} -O1 -D_GNU_SOURCE -shared -fPIC -o shim.so "$HERE/../shim/fault.c" -ldl 2> cc.err; then
    sed 's/^/# /' cc.err
    notok "the fault shim builds"
fi
# NAME ERRNO COMMAND...: all n until the command passes untouched.
every_call() {
    name=$1 code=$2
    shift 2
    n=0 bad=0
    while :; do
        n=$((n + 1))
        rm -rf d hit
        mkdir d
        FAULT_AT=$n FAULT_ERRNO=$code FAULT_DIR=d/ FAULT_LOG=hit \
            ASAN_OPTIONS="${ASAN_OPTIONS:-}:verify_asan_link_order=0" \
            LD_PRELOAD=$PWD/shim.so "$@" > /dev/null 2> err
        rc=$?
        [ -e hit ] || break
        case $rc in
        73 | 74) ;;
        0) whole || { bad=$((bad + 1)); echo "# call $n ($(cat hit)): exit 0 and not whole"; } ;;
        *)
            bad=$((bad + 1))
            echo "# call $n ($(cat hit)): exit $rc: $(cat err)"
            ;;
        esac
        [ $rc = 0 ] || [ "$(grep -c '^ffgan: ' err)" = 1 ] || { bad=$((bad + 1)); echo "# call $n: $(cat err)"; }
        [ $rc = 0 ] || nothing_false || { bad=$((bad + 1)); echo "# call $n ($(cat hit)): left $(ls -A d)"; }
        "$@" > /dev/null 2> err2 || [ $rc = 0 ] || { bad=$((bad + 1)); echo "# call $n: again: $(cat err2)"; }
        whole || { bad=$((bad + 1)); echo "# call $n ($(cat hit)): again: not whole"; }
        [ $n -lt 2000 ] || break
    done
    check "$name: each of $((n - 1)) calls (bad: $bad)" [ $bad = 0 ]
    check "$name: untouched it passes" [ $rc = 0 ]
}
# A file under its own name is a whole one.
nothing_false() { [ ! -e d/a.mkv ] || frame_md5 d/a.mkv | cmp -s - want; }
whole() { [ -e d/a.mkv ] && frame_md5 d/a.mkv | cmp -s - want && [ "$(ls -A d)" = a.mkv ]; }
calls() { [ -z "${FLIP_FROM:-}${CUTS_ONLY:-}" ]; }
! calls || every_call "disk full, in one piece" 28 "$FFGAN" run ./k.yaml in.mp4 -o d/a.mkv -q --threads 1
! calls || every_call "disk full, in chunks" 28 "$FFGAN" run ./k.yaml in.mp4 -o d/a.mkv -q --threads 1 --chunk 9
! calls || every_call "I/O error, in chunks" 5 "$FFGAN" run ./k.yaml in.mp4 -o d/a.mkv -q --threads 1 --chunk 13
nothing_false() {
    for f in d/x.*.png; do
        [ ! -f "$f" ] || cmp -s "$f" "pw/${f#d/}" || return 1
    done
}
whole() { nothing_false && [ "$(ls -A d | wc -l)" = 6 ]; }
! calls || every_call "quota, pictures in chunks" 122 "$FFGAN" run ./png.yaml in.%03d.png -o d/x.%03d.png -q --threads 1 --chunk 4

# Inputs cut anywhere: all frames of the plan, or an error.
nb=$(frames in.mp4)
for f in in.mp4 in.mov in.mkv in.ts; do
    [ -z "${FLIP_FROM:-}" ] || break
    size=$(stat -c %s $f)
    bad=0 i=1
    while [ $i -le "$CUTS" ]; do
        head -c $((size * i / (CUTS + 1))) $f > cut.${f#in.}
        rm -rf d && mkdir d
        "$FFGAN" run ./k.yaml cut.${f#in.} -o d/a.mkv -q --chunk 9 --threads 1 2> err
        rc=$?
        case $rc:$f in
        65:* | 66:*) [ ! -e d/a.mkv ] || bad=$((bad + 1)) ;;
        0:in.ts) ;; # a broadcast cut is a broadcast
        0:*) [ "$(frames d/a.mkv)" = "$nb" ] || { bad=$((bad + 1)); echo "# $f cut at $i/$CUTS: exit 0, $(frames d/a.mkv) frames"; } ;;
        *) bad=$((bad + 1)); echo "# $f cut at $i/$CUTS: exit $rc $(cat err)" ;;
        esac
        i=$((i + 1))
    done
    check "$f cut at $((i - 1)) places (bad: $bad)" [ $bad = 0 ]
done

# Flipped bytes: no crash, no silently short file. FLIP_FROM=N: the N-th first.
${CC:-cc} -O1 -o flip "$HERE/../shim/flip.c" || notok "the flipper builds"
bad=0 i=$((${FLIP_FROM:-1} - 1)) last=$((${FLIP_FROM:-1} + FLIPS - 1))
while [ -z "${CUTS_ONLY:-}" ] && [ $i -lt $last ]; do
    i=$((i + 1))
    case $((i % 3)) in 0) f=in.mp4 ;; 1) f=in.mkv ;; *) f=in.ts ;; esac
    ./flip $f flip.${f#in.} $i
    rm -rf d && mkdir d
    timeout 60 "$FFGAN" run ./k.yaml flip.${f#in.} -o d/a.mkv --chunk 9 --threads 1 2> err
    rc=$?
    case $rc in
    0 | 65 | 66 | 70 | 74 | 75 | 78) ;;
    *) bad=$((bad + 1)); echo "# flip $i of $f: exit $rc: $(tail -n 3 err)" ;;
    esac
    [ $rc != 0 ] || [ "$(frames d/a.mkv)" = "$nb" ] || {
        case $f in
        in.ts) grep -q '^ffgan: warning: .*\(missing\|damaged\|cannot be shown\|closed\)' err || { bad=$((bad + 1)); echo "# flip $i of $f: $(frames d/a.mkv) frames, and no word"; } ;;
        *) bad=$((bad + 1)); echo "# flip $i of $f: exit 0 and $(frames d/a.mkv) frames" ;;
        esac
    }
done
check "$((i - ${FLIP_FROM:-1} + 1)) inputs with flipped bytes (bad: $bad)" [ $bad = 0 ]
done_testing
