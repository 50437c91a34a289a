/* ffgan: the kernels that the plug-in carries, loaded into a context.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FFGAN_KERNELS_CUDA_IMAGES_H
#define FFGAN_KERNELS_CUDA_IMAGES_H

#include "args.h"
#include "driver.h"
#include "kernels/cuda.h"

/* Those for all GPUs; FG_KERNELS_HOPPER, for sm_90a; FG_KERNELS_FP8. */
enum { FG_IMAGE_ALL, FG_IMAGE_HOPPER, FG_IMAGE_FP8, FG_NB_IMAGES };

typedef struct FgImages {
    CUmodule module[FG_NB_IMAGES]; /* NULL: not there, or it did not load */
    CUfunction kernel[FG_NB_KERNELS];
} FgImages;

/* "fg_cuda_conv" */
const char *fg_kernel_symbol(int kernel);

/* The context is current. Images but the first are not needed: what does not
 * load is not there, and other kernels do it. 0, -ENOTSUP (none for this GPU),
 * -ENOMEM, -ENODEV; *im is zeroed before and to be unloaded after either. */
int fg_images_load(FgImages *im, const FgDriver *cu, const FgCudaDevice *about,
                   FgError *err);
void fg_images_unload(FgImages *im, const FgDriver *cu);

#endif
