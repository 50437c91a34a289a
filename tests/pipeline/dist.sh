# make dist: the tarball's tree works where nothing is installed: a folder with
# glibc and nothing else as the root. SPDX-License-Identifier: LGPL-2.1-or-later
. "$(dirname "$0")/../lib.sh"
case $BUILD in *san*) echo "1..0 # SKIP sanitizers want their libraries" && exit 77 ;; esac
cd "$ROOT" || exit 1
check "the tree is made" sh -c 'sh filters/overlay/dist.sh "$BUILD" 0.1.0 tree > "$T/tree"'
tree=$(cat "$T/tree")
check "needs no newer glibc than 2.36" sh -c '
    v=$(sed "s/needs glibc 2\.//" "$1/share/ffgan/needs") && [ "$v" -le 36 ]' - "$tree"
check "a licence of each library" [ -s "$tree/share/ffgan/licences/libx264-164" ]
if [ "$(id -u)" != 0 ] || ! unshare -m true 2> /dev/null; then
    skip "runs in an empty root" "not root, or no mount namespaces"
    done_testing
    exit
fi
R=$T/root
mkdir -p "$R/lib64" "$R/lib/x86_64-linux-gnu" "$R/tmp" "$R/proc" "$R/dev"
cp -L /lib64/ld-linux-x86-64.so.2 "$R/lib64/"
for lib in libc.so.6 libm.so.6 libdl.so.2 libpthread.so.0 librt.so.1; do
    cp -L "/lib/x86_64-linux-gnu/$lib" "$R/lib/x86_64-linux-gnu/"
done
cp -a "$tree" "$R/moved"
: > "$R/dev/null"
"$FFMPEG" -v error -f lavfi -i testsrc2=s=64x36:d=1 -c:v libx264 "$R/tmp/in.mkv"
inside() {
    unshare -m sh -c 'mount -t proc proc "$0/proc" && mount --bind /dev/null "$0/dev/null" &&
        exec chroot "$0" "$@"' "$R" "$@"
}
check "ffgan version" inside /moved/bin/ffgan version
check "the presets are found" inside /moved/bin/ffgan preset show upscale-2x-fast
check "upscales" inside /moved/bin/ffgan upscale /tmp/in.mkv -p upscale-2x-fast -o /tmp/out.mkv
check "the same as here" sh -c '
    "$FFGAN" upscale "$1/tmp/in.mkv" -p upscale-2x-fast -o "$T/out.mkv" &&
    "$FFMPEG" -v error -i "$T/out.mkv" -f framemd5 - > "$T/a" &&
    "$FFMPEG" -v error -i "$1/tmp/out.mkv" -f framemd5 - | cmp - "$T/a"' - "$R"
check "plans" inside /moved/bin/ffgan plan upscale-2x-fast /tmp/in.mkv -o /tmp/j.mkv --chunk 10
check "a worker's chunk" inside /moved/bin/ffgan worker /tmp/j.mkv.ffgan --chunk 1
check "ffmpeg finds the networks" inside /moved/bin/ffgan-ffmpeg -v error -i /tmp/in.mkv -vf gansr=model=fast-x2 -f null -
check "the trainer starts" inside /moved/bin/ffgan train --keys
done_testing
