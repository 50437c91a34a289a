#!/bin/sh
# Our exports in other runtimes, and under their families' keys in spandrel.
# SPDX-License-Identifier: LGPL-2.1-or-later
. "$(dirname "$0")/../lib.sh"
. "$ROOT/tests/peers.sh"

# ---- ours elsewhere: shipped models, and each family ----
record() { # MODEL KEY: what plain fp32 makes
    "$FFGAN" model check "$1" --record "$T/$2.safetensors" > "$T/said" 2>&1 ||
        sed 's/^/# /' "$T/said"
}
"$py" "$peer" make-ops "$T/our-ops.safetensors"
for f in fast-x2 film-x2 balanced-x2 balanced-x4 compact.pth esrgan.pth esrgan_plus.pth rlfn.pth safmn.pth pfdn.pth \
    esrgan_x2.safetensors 3x_esrgan.pth span.pth spanf.pth plksr.pth realplksr.pth \
    realplksr_ln.safetensors onnx_mixed.onnx onnx_norms.onnx onnx_plain.onnx; do
    from=$f
    [ ! -e "$fixtures/$f" ] || from=$fixtures/$f
    "$FFGAN" model export "$from" --onnx "$T/$f.onnx" > "$T/said" 2>&1 || sed 's/^/# /' "$T/said"
    record "$from" "$f"
    line onnx "$f in other runtimes" "$T/$f.onnx" "$T/$f.safetensors" >> "$T/list"
done
for f in realplksr_dysample.pth:160x120 realplksr_dysample3.safetensors:160x120 mosr_dys.pth:160x120 \
    ifnet.pth:192x128 ncnn_ifnet.param:192x128 ops:160x120; do
    size=${f#*:} f=${f%:*} from=$fixtures/${f%:*}
    [ "$f" != ops ] || from=$T/our-ops.safetensors
    record "$from" "$f"
    "$FFGAN" model export "$from" --onnx "$T/$f.onnx" > "$T/said" 2>&1 || sed 's/^/# /' "$T/said"
    "$FFGAN" model export "$from" --onnx "$T/$f.$size.onnx" --size "$size" > "$T/said" 2>&1 ||
        sed 's/^/# /' "$T/said"
    line onnx "$f in other runtimes" "$T/$f.onnx" "$T/$f.safetensors" >> "$T/list"
    line onnx "$f of $size in other runtimes" "$T/$f.$size.onnx" "$T/$f.safetensors" >> "$T/list"
done

# ---- under the families' keys ----
keys() { # MODEL KEY FORM
    "$FFGAN" model export "$1" "$3" "$T/$2.k.safetensors" > "$T/said" 2>&1 || sed 's/^/# /' "$T/said"
    [ -e "$T/$2.safetensors" ] || record "$1" "$2"
    line spandrel "$2 by $3 in spandrel" "$T/$2.k.safetensors" "$T/$2.safetensors" >> "$T/list"
}
for f in compact.pth span.pth span_nonorm.safetensors plksr.pth realplksr.pth \
    realplksr_ln.safetensors realplksr_dysample.pth mosr.pth mosr_gps.safetensors \
    mosr_dys.pth safmn.pth; do
    keys "$fixtures/$f" "$f" --pth-keys
done
if "$py" "$peer" make-esrgan "$T/esrgan32.safetensors" 2> /dev/null; then
    cp "$T/esrgan32.safetensors" "$T/esrgan-in.safetensors"
    rm "$T/esrgan32.safetensors"
    keys "$T/esrgan-in.safetensors" esrgan32 --pth-keys
    keys "$T/esrgan-in.safetensors" esrgan32b --safetensors
else
    skip "ESRGAN by --pth-keys and --safetensors in spandrel" "spandrel is not installed"
fi

run_list
