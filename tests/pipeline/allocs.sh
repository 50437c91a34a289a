#!/bin/sh
# Each allocation of our own code fails once, over whole small jobs: the right
# exit code, no crash, no file under its name that is not whole. ALLOCS=N: how
# many of them are tried, evenly spread; 0 = all.
# SPDX-License-Identifier: LGPL-2.1-or-later
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/common.inc"
HERE=$(cd "$(dirname "$0")" && pwd)
cd "$T" || exit 1
ALLOCS=${ALLOCS:-${LESS:+12}}
ALLOCS=${ALLOCS:-40}
if nm "$FFGAN" 2> /dev/null | grep -q __asan_init; then
    skip "allocations that fail" "the sanitizer has its own"
    done_testing
    exit
fi
${CC:-cc} -O1 -D_GNU_SOURCE -shared -fPIC -o shim.so "$HERE/../shim/alloc.c" -ldl 2> cc.err ||
    { sed 's/^/# /' cc.err; notok "the shim builds"; }
# Our code: from each function of ours to the next one that is not. Names that
# others have, too, count between two of ours.
nm -n "$FFGAN" | awk '
    $2 == "T" { mine = $3 ~ /^(fg_|main$)/
        if (mine && last) { for (i = 0; i < n; i++) print at[i], i + 1 < n ? at[i + 1] : $1 }
        n = 0; last = mine; at[n++] = $1; next }
    $2 == "t" { at[n++] = $1 }' > ranges
check "our code is found" [ "$(wc -l < ranges)" -gt 200 ]

sed 's/libx264/ffv1/; s/- zscale.*/- gansr: {model: fast-x2}/' "$P" > k.yaml
sed 's/ffv1/png/' k.yaml > png.yaml
mk -f lavfi -i testsrc2=s=48x32:r=25:d=0.4 -f lavfi -i sine=d=0.4 -c:v libx264 -g 4 -threads 1 -c:a aac in.mp4
mk -i in.mp4 -frames:v 3 in.%03d.png
mk -i in.mp4 -frames:v 2 -pix_fmt gbrpf32le in.%03d.exr
frame_md5() { mk -i "$1" -map 0:v -f framemd5 - | grep -v '^#'; }
"$FFGAN" run ./k.yaml in.mp4 -o whole.mkv -q --threads 1
frame_md5 whole.mkv > want

# NAME COMMAND...: its n-th allocation fails, for the chosen n.
each() {
    name=$1
    shift
    [ "${ALLOCS_OF:-$name}" = "$name" ] || return
    rm -rf d log && mkdir d
    ALLOC_AT=0 ALLOC_RANGES=ranges ALLOC_LOG=log LD_PRELOAD=$PWD/shim.so "$@" > /dev/null 2> err
    check "$name: counted" [ $? = 0 ]
    total=$(sed -n 's/^calls //p' log | sort -n | tail -n 1)
    total=${total:-0}
    step=1
    [ "$ALLOCS" -gt 0 ] && [ "$total" -gt "$ALLOCS" ] && step=$(((total + ALLOCS - 1) / ALLOCS))
    step=${ALLOCS_STEP:-$step}
    n=${ALLOCS_FROM:-1} bad=0 tried=0
    while [ $n -le $total ]; do
        rm -rf d log && mkdir d
        ALLOC_AT=$n ALLOC_RANGES=ranges ALLOC_LOG=log LD_PRELOAD=$PWD/shim.so \
            timeout 60 "$@" > /dev/null 2> err
        rc=$?
        case $rc in
        75) [ "$(grep -c '^ffgan: ' err)" -ge 1 ] || { bad=$((bad + 1)); echo "# $n $(cat log): no word"; } ;;
        0) whole || { bad=$((bad + 1)); echo "# $n $(cat log): exit 0 and not whole"; } ;;
        *) bad=$((bad + 1)); echo "# $n $(cat log): exit $rc: $(head -n 2 err)" ;;
        esac
        [ $rc = 0 ] || nothing_false || { bad=$((bad + 1)); echo "# $n $(cat log): a file that is not whole: $(ls -A d)"; }
        tried=$((tried + 1))
        n=$((n + step))
    done
    check "$name: $tried of $total allocations (bad: $bad)" [ $bad = 0 ]
}
nothing_false() { [ ! -e d/a.mkv ] || whole; }
whole() { [ -e d/a.mkv ] && frame_md5 d/a.mkv | cmp -s - want; }
each "in one piece" "$FFGAN" run ./k.yaml in.mp4 -o d/a.mkv -q --threads 1
each "in chunks" "$FFGAN" run ./k.yaml in.mp4 -o d/a.mkv -q --threads 1 --chunk 4
nothing_false() { [ -z "$(find d -name 'x.*' -size -60c)" ]; }
whole() { [ "$(ls d | wc -l)" = 3 ]; }
each "pictures" "$FFGAN" run ./png.yaml in.%03d.png -o d/x.%03d.png -q --threads 1
whole() { [ "$(ls d | wc -l)" = 2 ]; }
sed 's/ffv1/exr/' k.yaml > exr.yaml
each "OpenEXR" "$FFGAN" run ./exr.yaml in.%03d.exr -o d/x.%03d.exr -q --threads 1
done_testing
