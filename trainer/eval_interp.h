/* ffgan eval of in-between frames. SPDX-License-Identifier: LGPL-2.1-or-later
 */
#ifndef FFGAN_TRAINER_EVAL_INTERP_H
#define FFGAN_TRAINER_EVAL_INTERP_H

#include "kernels/model.h"
#include "kernels/pool.h"

/* data: a clip, whose every second frame is left out and made again, or a
 * folder of pictures, each moved once by a made-up motion. Prints the means of
 * PSNR and SSIM of luma: the network's, those of its motion without a network,
 * those of the plain mean of the two frames. 0 or a negative errno + err. */
int fg_eval_interp(const FgModel *m, const char *data, int json, FgExecutor *ex,
                   FgError *err);

#endif
