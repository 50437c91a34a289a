/* ffgan: recorded references of models: an input and what should come of it.
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A .safetensors file with the tensors "input" [1,C,H,W] and "output"
 * [1,C,rH,rW], both F32 (docs/model-format.md). */
#ifndef FFGAN_PIPELINE_MODEL_REFERENCE_H
#define FFGAN_PIPELINE_MODEL_REFERENCE_H

#include "kernels/model.h"
#include "kernels/tensor.h"

/* Reads file into in and out, which the caller frees; their sizes must be what
 * m takes and makes of it. 0 or a negative errno with the message. */
int fg_reference_read(const char *file, const FgModel *m, FgTensor *in,
                      FgTensor *out, FgError *err);
int fg_reference_write(const char *file, const FgTensor *in,
                       const FgTensor *out, FgError *err);
/* Where a model's reference lies: MODEL with .reference.safetensors in place of
 * its extension. malloc'ed, or NULL. */
char *fg_reference_path(const char *model);

#endif
