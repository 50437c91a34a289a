/* Spectral normalisation on a GPU; for spectral.c.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FFGAN_TRAINER_SPECTRAL_GPU_H
#define FFGAN_TRAINER_SPECTRAL_GPU_H

#include "trainer/spectral.h"

/* As fg_spectral_apply and fg_spectral_back, where s->w has a mirror: weights
 * and gradients stay on the device, the vectors come down to the run's state
 * after an iteration. Sums have another order than the host's. Failures stick
 * to the device. */
void fg_spectral_gpu_apply(FgSpectral *s, int iterate);
void fg_spectral_gpu_back(FgSpectral *s);
void fg_spectral_gpu_free(FgSpectral *s); /* accepts one that never was there */

#endif
