/* ffgan: what the calls of ops on a GPU share; for cuda_train*.c.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FFGAN_KERNELS_CUDA_TRAIN_PRIV_H
#define FFGAN_KERNELS_CUDA_TRAIN_PRIV_H

#include "cuda_train.h"

/* A launch's arguments: the node's attributes, the call's inputs and first two
 * parameters. Of a gradient: in[0] is that of the op's output, in[1] its input,
 * out the gradient of in[j]. */
FgKernelArgs fg_cuda_op_args(const FgCudaCall *c);
FgKernelArgs fg_cuda_back_args(const FgCudaCall *c, int j);
/* fg_cuda_launch with nb blocks as results. 0 or a negative errno. */
int fg_cuda_results(FgCudaTrain *d, int kernel, FgKernelArgs *k, int nb,
                    FgError *err);
/* d->work has that many bytes from now on. It waits for what uses it where it
 * has to grow; what was there is lost. */
int fg_cuda_room(FgCudaTrain *d, size_t bytes, FgError *err);
/* Sums per channel into parameter j's gradient; mode: FG_SUM_*. */
int fg_cuda_channels(FgCudaTrain *d, const FgCudaCall *c, int j, int mode,
                     FgError *err);

/* cuda_train_conv.c. conv2d and deconv2d: as products of tiles, of
 * groups where they have 8 channels or more, on tensor cores where values are
 * 16-bit. */
int fg_cuda_conv(FgCudaTrain *d, const FgCudaCall *c, FgError *err);
int fg_cuda_conv_back(FgCudaTrain *d, const FgCudaCall *c, FgError *err);
/* dense: the same where a batch fills a tile's rows. */
int fg_cuda_dense(FgCudaTrain *d, const FgCudaCall *c, FgError *err);
int fg_cuda_dense_back(FgCudaTrain *d, const FgCudaCall *c, FgError *err);

#endif
