#!/bin/sh
# Models of other programs through the program and the filter: info, convert,
# export and back, errors, many processes at one cache; the list in the
# documentation. SPDX-License-Identifier: LGPL-2.1-or-later
. "$(dirname "$0")/../lib.sh"
dir=$ROOT/tests/kernels/import
XDG_CACHE_HOME=$T/cache
export XDG_CACHE_HOME

says() { # TEXT WORDS COMMAND...: it fails, and its message has the words
    text=$1 words=$2
    shift 2
    if "$@" > "$T/out" 2>&1; then
        notok "$text"
        echo "# it succeeded"
    elif grep -qF -e "$words" "$T/out"; then
        ok "$text"
    else
        notok "$text"
        sed 's/^/# /' "$T/out"
    fi
}
frames() { # MODEL OPTIONS: checksums of what the filter makes
    "$FFMPEG" -v error -f lavfi -i testsrc2=s=48x32:r=5:d=0.6 \
        -vf "gansr=model=$1$2" -f framemd5 - | grep -v '^#'
}
same_frames() { [ -n "$(frames "$1" "")" ] && [ "$(frames "$1" "")" = "$(frames "$2" "")" ]; }

check "info names the family" sh -c \
    '"$FFGAN" model info "$1" | grep -q "SPAN"' - "$dir/span.pth"
check "check runs it" "$FFGAN" model check "$dir/compact.pth"
check "the filter takes a .pth file" same_frames "$dir/compact.pth" "$dir/compact.pth"
check "the filter takes an .onnx file" same_frames "$dir/onnx_mixed.onnx" "$dir/onnx_mixed.onnx"
check "the cache has one file for each" sh -c \
    '[ "$(ls "$1"/ffgan/models | wc -l)" = 3 ]' - "$XDG_CACHE_HOME"

# ---- check against a record ----
check "check runs a network of two frames and a time" "$FFGAN" model check "$dir/ncnn_ifnet.param"
cp "$dir/compact.pth" "$dir/span.pth" "$T"
check "check takes PyTorch's record from beside the model" sh -c '
    "$FFGAN" model check "$1" > "$T/said" && grep -q "^against .*compact.reference" "$T/said" &&
    grep -q "^plain .*at most 0.000 code" "$T/said"' - "$dir/compact.pth"
check "a record can be named" "$FFGAN" model check "$T/compact.pth" --json \
    --reference "$dir/compact.reference.safetensors"
cp "$dir/compact.reference.safetensors" "$T/wrong.safetensors"
printf '\100' | dd of="$T/wrong.safetensors" bs=1 conv=notrunc \
    seek=$(($(wc -c < "$T/wrong.safetensors") - 1)) 2> /dev/null
says "a result that differs from the record is an error" "in plain it differs" \
    "$FFGAN" model check "$T/compact.pth" --reference "$T/wrong.safetensors"
says "another scale's record is refused" "is not [1,3,18,26], as the model makes it" \
    "$FFGAN" model check "$T/span.pth" --reference "$dir/compact.reference.safetensors"
says "a file that is no record is refused" "'input' is missing" \
    "$FFGAN" model check "$T/span.pth" --reference "$dir/compact_st.safetensors"
check "check records what plain fp32 makes" sh -c '
    "$FFGAN" model check "$T/span.pth" --record "$T/span.reference.safetensors" &&
    "$FFGAN" model check "$T/span.pth" | grep -q "^against .*span.reference"'

# ---- convert ----
check "convert writes a model of ours" \
    "$FFGAN" model convert "$dir/esrgan.pth" -o "$T/esrgan.safetensors"
check "it makes the same frames" same_frames "$dir/esrgan.pth" "$T/esrgan.safetensors"
check "a mix of share 0 is the model itself" "$FFGAN" model convert \
    "$dir/compact.pth" --mix "$dir/compact_strides.pth:0" -o "$T/mix.safetensors"
check "it makes the same frames" same_frames "$dir/compact.pth" "$T/mix.safetensors"
check "a mix of share 1 is the other" "$FFGAN" model convert \
    "$dir/compact.pth" --mix "$dir/compact_strides.pth:1" -o "$T/mix.safetensors"
check "it makes the other's frames" same_frames "$dir/compact_strides.pth" "$T/mix.safetensors"
says "a mix of two networks is refused" "the same network" "$FFGAN" model convert \
    "$dir/compact.pth" --mix "$dir/span.pth:0.5" -o "$T/mix.safetensors"
says "a share above 1 is refused" "a share of 0..1" "$FFGAN" model convert \
    "$dir/compact.pth" --mix "$dir/compact.pth:1.5" -o "$T/mix.safetensors"

# ---- out and in again ----
for f in compact.pth esrgan.pth span.pth realplksr.pth \
    plksr.pth onnx_mixed.onnx; do
    check "$f goes out as ONNX" "$FFGAN" model export "$dir/$f" --onnx "$T/x.onnx"
    check "$f comes back from it" sh -c '
        "$FFGAN" model check "$1" --json > "$T/j" &&
        "$FFGAN" model info "$1" > /dev/null' - "$T/x.onnx"
done
"$FFGAN" model export "$dir/compact.pth" --onnx "$T/x.onnx" > /dev/null
check "the same frames come from it" same_frames "$dir/compact.pth" "$T/x.onnx"
for f in compact.pth esrgan.pth span.pth; do
    check "$f goes out with its family's keys" \
        "$FFGAN" model export "$dir/$f" --pth-keys "$T/k.safetensors"
    check "the same frames come from it" same_frames "$dir/$f" "$T/k.safetensors"
done
for f in ifnet.pth ifnet_encoder.safetensors mosr_dys.pth mosr_gps.safetensors tsr.pth \
    dscf.pth spanv2.safetensors realplksr_dysample.pth; do
    "$FFGAN" model check "$dir/$f" --record "$T/r.safetensors" > /dev/null 2>&1
    "$FFGAN" model export "$dir/$f" --pth-keys "$T/k.safetensors" > /dev/null
    check "$f goes out with its keys and comes back" \
        "$FFGAN" model check "$T/k.safetensors" --reference "$T/r.safetensors"
done
says "keys of no family are refused" "no family has such a network" \
    "$FFGAN" model export "$dir/onnx_mixed.onnx" --pth-keys "$T/k.safetensors"
"$FFGAN" model export "$dir/compact.pth" --onnx "$T/fixed.onnx" --size 32x24
check "a file of fixed size gives the same frames" \
    same_frames "$dir/compact.pth" "$T/fixed.onnx"
says "a size that the network does not take" "that 2 divides, not 33x24" \
    "$FFGAN" model export "$dir/esrgan_x2.safetensors" --onnx "$T/y.onnx" --size 33x24
says "a size of other forms is refused" "--size is for --onnx" \
    "$FFGAN" model export "$dir/compact.pth" --pth-keys "$T/y" --size 32x24
check "an export leaves no temporary file" sh -c '! ls "$T" | grep -q tmp'

# ---- errors ----
head -c 3000 "$dir/compact.pth" > "$T/cut.pth"
says "a cut file is refused" "not a whole zip file" "$FFGAN" model info "$T/cut.pth"
says "so does the filter" "not a whole zip file" \
    "$FFMPEG" -v error -f lavfi -i testsrc2=d=0.1 -vf "gansr=model=$T/cut.pth" -f null -
printf '\200\002\212\nl\374\234\106\371 j\250P\031.' > "$T/old.pt"
says "an old file says how to convert it" "torch.save(torch.load(" \
    "$FFGAN" model info "$T/old.pt"
printf '7767517\n1 1\nInput data 0 1 data\n' > "$T/x.param"
says "a .param without its .bin says so" "x.bin" "$FFGAN" model info "$T/x.param"
printf '7767517\n3 3\nInput data 0 1 data\nLSTM a 1 1 data b\nQuux c 1 1 b d\n' > "$T/x.param"
echo > "$T/x.bin"
says "unknown layers are named" "'LSTM', 'Quux'" "$FFGAN" model info "$T/x.param"
says "a file of none of the formats is refused" "not a weights file" \
    "$FFGAN" model info "$dir/make_import.py"

says "a picture that is too small for a network" "the network does not take 8x8: block_1.esa.pool" \
    "$FFMPEG" -v error -f lavfi -i testsrc2=s=8x8:d=0.1 -vf "gansr=model=$dir/rlfn.pth" -f null -

printf 'version https://git-lfs.github.com/spec/v1\noid sha256:0\n' > "$T/lfs.pth"
says "a pointer in the place of a file says so" "a Git LFS pointer or a web page?" \
    "$FFGAN" model info "$T/lfs.pth"

# ---- names ----
mkdir "$T/a folder"
cp "$dir/compact.pth" "$T/a folder/4x foo.pth"
cp "$dir/ncnn_ifnet.param" "$dir/ncnn_ifnet.bin" "$T/a folder"
ln -s "a folder/4x foo.pth" "$T/link.pth"
ln -s "a folder/ncnn_ifnet.param" "$T/rife.param"
want=$(frames "$dir/compact.pth" "")
for name in "4x foo.pth" "./4x foo.pth" "../a folder/4x foo.pth" ../link.pth; do
    check "$name from its folder" [ "$(cd "$T/a folder" && frames "'$name'" "")" = "$want" ]
done
check "a link to a .param finds the .bin beside the file" "$FFGAN" model info "$T/rife.param"
check "a folder that cannot be written does no harm" sh -c '
    XDG_CACHE_HOME=/proc/nowhere "$FFGAN" model info "$1"' - "$T/a folder/4x foo.pth"

# ---- many at once ----
rm -rf "$XDG_CACHE_HOME"
for i in 1 2 3 4 5 6; do
    "$FFGAN" model info "$dir/esrgan_old.pth" > "$T/many$i" 2>&1 &
done
wait
check "six processes at one cache agree" sh -c '
    for i in 2 3 4 5 6; do cmp "$T/many1" "$T/many$i" || exit 1; done
    [ "$(ls "$XDG_CACHE_HOME"/ffgan/models)" = \
      "$(ls "$XDG_CACHE_HOME"/ffgan/models | grep "safetensors$")" ]'

# ---- documentation ----
"$FFGAN" model formats > "$T/list"
sed -n '/ffgan model formats prints from here/,/to here; tests/p' \
    "$ROOT/docs/models.md" | sed '1d;$d' > "$T/documented"
check "docs/models.md lists what the program lists" diff "$T/documented" "$T/list"
done_testing
