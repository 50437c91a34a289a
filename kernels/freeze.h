/* ffgan: instance norms that keep one picture's statistics.
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A generator with instance norms divides by statistics of each frame, so that
 * a shot pumps when something large comes into the picture. Frozen at the
 * shot's first frame they are constants: the same network, steady, and one that
 * can be tiled, since no op looks at the whole picture any more. */
#ifndef FFGAN_KERNELS_FREEZE_H
#define FFGAN_KERNELS_FREEZE_H

#include "model.h"
#include "pool.h"

/* *out: a copy of m in which every instance_norm is a batch_norm that holds the
 * mean and variance that its input has for this picture ([1,C,H,W] f32, what
 * the graph takes; sides that its strides divide). On this picture both give
 * the same, up to rounding. A model without instance norms is copied. 0, or
 * -EINVAL, -ENOMEM + err; *out NULL then. ex may be NULL. */
int fg_model_freeze(FgModel **out, const FgModel *m, const FgTensor *picture,
                    FgExecutor *ex, FgError *err);

#endif
