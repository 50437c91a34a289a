/* ffgan: cuDNN, opened at run time, for convolutions.
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * libcudnn.so.9 is not needed: without it, or built without its headers
 * (FG_CUDNN not defined), all is done by our own kernels. Its backend API is
 * used: a convolution, the operand added to it, its bias and its activation are
 * one graph with 32-bit sums, for which it names engines. */
#ifndef FFGAN_KERNELS_CUDA_CUDNN_H
#define FFGAN_KERNELS_CUDA_CUDNN_H

#include <stddef.h>

#include "args.h"
#include "kernels/error.h"

enum { FG_DNN_NAME = 128, FG_DNN_OLDEST = 90100 };

typedef struct FgDnn FgDnn;           /* the library */
typedef struct FgCudaDnn FgDnnPlan;   /* an engine made ready for one layer */
typedef struct FgDnnPlace FgDnnPlace; /* the device it is for */

/* The library, opened once and kept; any thread. NULL with one sentence in err:
 * not there, too old, or the plug-in knows nothing of it. *version, unless
 * NULL, is what it is (10000 * major + 100 * minor + patch), 0 = none. */
const FgDnn *fg_dnn(int *version, FgError *err);

/* The device of the current context, or what the text (JSON, as written by
 * fg_dnn_describe) says of one that is not here: nothing runs there, but graphs
 * are built and engines named. 0, -ENODEV, -ENOTSUP (cuDNN before 9.8). */
int fg_dnn_place(const FgDnn *d, const char *text, FgDnnPlace **place,
                 FgError *err);
void fg_dnn_leave(FgDnnPlace **place); /* accepts NULL; its plans go first */
/* What cuDNN knows of the current context's device; 0, -ENODEV, -ENOTSUP. */
int fg_dnn_describe(const FgDnn *d, char *text, size_t size, FgError *err);

/* The most engines that fg_dnn_find makes ready. */
enum { FG_DNN_MOST = 12 };
/* Up to nb engines that do what fg_k_conv does with these arguments, best guess
 * first: how many, 0 where there is none (err says so). Sums are of 32 bits; no
 * engine whose order of sums changes from run to run, that multiplies with
 * fewer bits than the values have, or that transforms them. Of a only sizes,
 * act, alpha, add_first and whether there are add.at, p[1] are read. Those that
 * cuDNN must compile first (activations but ReLU, a sum after the activation)
 * are two at most. Negative: -ENOMEM, -ENOTSUP (it takes no such graph). */
int fg_dnn_find(FgDnnPlace *place, const FgKernelArgs *a, int nb,
                FgDnnPlan **found, FgError *err);
void fg_dnn_drop(FgDnnPlan **plan); /* accepts NULL */
/* What it is, the same in each process: "e41 2=4 13=0". */
const char *fg_dnn_name(const FgDnnPlan *plan);
size_t fg_dnn_workspace(const FgDnnPlan *plan);
/* Enqueued on stream, a CUstream; memory of that many bytes at workspace. p[0]:
 * filters [oc][side][side][ic of a group], p[1]: bias [oc], p[2]: slopes [oc],
 * all of the element that in has. 0, -ENOMEM, -ENODEV. */
int fg_dnn_run(FgDnnPlan *plan, void *stream, const FgKernelArgs *a,
               uint64_t workspace, FgError *err);

#endif
