/* ffgan: what the files of model.h share among themselves.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FFGAN_KERNELS_MODEL_PRIV_H
#define FFGAN_KERNELS_MODEL_PRIV_H

#include "model.h"

#define FG_MODEL_MAX_HEADER (16 << 20)
#define FG_MODEL_MAX_TENSORS 4096
#define FG_MODEL_MAX_DATA (1 << 30)

/* Little-endian F32, F16, BF16 or F64, any alignment -> float. */
void fg_model_decode(float *dst, const void *src, const char *dtype, size_t n);
/* Does any graph use the parameter? */
int fg_model_uses(const FgModel *m, const char *name);
/* Task, stages and latent from the metadata into *m; file stands in messages.
 * 0, -EBADMSG, -ENOTSUP, -ENOMEM. */
int fg_model_read_task(FgModel *m, const char *file, FgError *err);
/* Do the graphs take and give what the task, colour and latent say? The
 * parameters are complete. 0 or a negative errno without a file name. */
int fg_model_check_task(const FgModel *m, FgError *err);
/* ffgan.stages, malloc'ed, or NULL. */
char *fg_model_stages_json(const FgModel *m);
/* Index of the first NaN or infinity, or -1. */
int64_t fg_nonfinite(const float *p, size_t n);
/* model_write.c: a whole file as fg_model_write writes one. */
int fg_put_file(const char *path, const void *data, size_t size, FgError *err);

#endif
