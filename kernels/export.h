/* ffgan: our models for other programs.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FFGAN_KERNELS_EXPORT_H
#define FFGAN_KERNELS_EXPORT_H

#include "model.h"

/* All are written as fg_model_write does: a temporary file, synced, renamed.
 * Errors as there; -ENOTSUP with the first three ops that the form lacks. */

/* An ONNX file (opset 17, IR 8): input "input" [N,C,H,W], output "output",
 * branches folded. w and h 0: batch, height and width are open; else one
 * picture of that size, for programs that want it fixed (-EINVAL where the
 * network does not take it). */
int fg_export_onnx(const FgModel *m, const char *path, int w, int h,
                   FgError *err);
/* The weights alone as .safetensors, under the graph's own names. */
int fg_export_weights(const FgModel *m, const char *path, FgError *err);
/* Any tensors, in their order. */
int fg_export_tensors(const FgParams *ps, const char *path, FgError *err);
/* A model's weights under the names that the family's .pth files have, so that
 * programs that know the family load them: SRVGGNetCompact for every network of
 * convolutions and ReLU-like activations in a row, a pixel shuffle and the
 * input enlarged by nearest; what was imported keeps its names. family gets
 * the family's title. -ENOTSUP for other networks, saying what differs. */
int fg_export_keys(const FgModel *m, const char *path, const char **family,
                   FgError *err);

#endif
