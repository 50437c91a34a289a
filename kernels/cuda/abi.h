/* ffgan: what the plug-in ffgan-cuda.so gives the program.
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The plug-in owns the driver and the kernels; what runs, where it lies and in
 * which order is decided in the program (kernels/cuda_plan.c), so that the CPU
 * tests cover it: the tests' plug-in has this interface, too, and runs the same
 * kernel sources on the CPU. It exports FG_CUDA_ENTRY. */
#ifndef FFGAN_KERNELS_CUDA_ABI_H
#define FFGAN_KERNELS_CUDA_ABI_H

#include "kernels/cuda.h"

/* Raised with each change of this file, of args.h or of FgCudaInfo. */
#define FG_CUDA_ABI 12
#define FG_CUDA_ENTRY "fg_cuda_api"

typedef struct FgCudaDev FgCudaDev;     /* an open device */
typedef struct FgCudaGraph FgCudaGraph; /* recorded launches */
typedef struct FgCudaDnn FgCudaDnn;     /* an engine of cuDNN */
struct FgKernelArgs;

/* Functions return 0 or a negative errno with err. -ENOMEM: out of device
 * memory, all else still works; -ENODEV: the driver failed. */
typedef struct FgCudaApi {
    int abi;
    const char *version; /* FFGAN_VERSION */
    const char *kind;    /* see FgCudaInfo */
    int (*probe)(FgCudaInfo *info, FgError *err);
    /* context: a CUcontext to work in, or NULL: a new one on that device. */
    int (*open)(FgCudaDev **dev, int ordinal, void *context, FgError *err);
    void (*close)(FgCudaDev **dev); /* accepts NULL */
    void (*describe)(const FgCudaDev *dev, FgCudaDevice *d);
    /* Device memory, 256-byte aligned, not cleared. */
    int (*alloc)(FgCudaDev *dev, size_t bytes, uint64_t *at, FgError *err);
    void (*release)(FgCudaDev *dev, uint64_t at); /* accepts 0 */
    /* Pinned host memory. */
    int (*alloc_host)(FgCudaDev *dev, size_t bytes, void **at, FgError *err);
    void (*release_host)(FgCudaDev *dev, void *at); /* accepts NULL */
    /* All below are enqueued on stream, NULL = the device's own. */
    int (*upload)(FgCudaDev *dev, void *stream, uint64_t to, const void *from,
                  size_t bytes, FgError *err);
    int (*download)(FgCudaDev *dev, void *stream, void *to, uint64_t from,
                    size_t bytes, FgError *err);
    int (*clear)(FgCudaDev *dev, void *stream, uint64_t at, size_t bytes,
                 FgError *err);
    /* Whether it has that kernel (FgKernel of args.h): those of
     * FG_KERNELS_HOPPER, FG_KERNELS_FP8 are not everywhere. */
    int (*has)(const FgCudaDev *dev, int kernel);
    int (*launch)(FgCudaDev *dev, void *stream, int kernel,
                  const struct FgKernelArgs *args, FgError *err);
    int (*sync)(FgCudaDev *dev, void *stream, FgError *err);
    /* Between record and recorded, launches on the device's own stream are
     * kept instead of run. */
    int (*record)(FgCudaDev *dev, FgError *err);
    int (*recorded)(FgCudaDev *dev, FgCudaGraph **graph, FgError *err);
    int (*replay)(FgCudaDev *dev, void *stream, FgCudaGraph *graph,
                  FgError *err);
    void (*forget)(FgCudaDev *dev, FgCudaGraph **graph); /* accepts NULL */
    /* What later work on stream `then` waits for: all so far on `first`. */
    int (*order)(FgCudaDev *dev, void *first, void *then, FgError *err);
    /* A stream beside the others, of which it waits for none; and its end,
     * which waits for its work. */
    int (*aside)(FgCudaDev *dev, void **stream, FgError *err);
    void (*unaside)(FgCudaDev *dev, void **stream); /* accepts NULL */
    /* Remembers how far the stream's work is: *mark is made if it is NULL, else
     * set anew. wait returns when that far is done (NULL: at once). */
    int (*mark)(FgCudaDev *dev, void *stream, FgCudaMark **mark, FgError *err);
    int (*wait)(FgCudaDev *dev, FgCudaMark *mark, FgError *err);
    void (*unmark)(FgCudaDev *dev, FgCudaMark **mark); /* accepts NULL */
    /* Later work on the stream waits for that far (NULL: for nothing). */
    int (*follow)(FgCudaDev *dev, void *stream, FgCudaMark *mark, FgError *err);
    /* Rows of a picture between pinned memory and the device's. */
    int (*copy_rows)(FgCudaDev *dev, void *stream, const FgCudaRows *rows,
                     FgError *err);
    /* Time on the device's own stream: from a call with ms NULL to the next,
     * which waits. -ENOTSUP: there is no clock. */
    int (*clock)(FgCudaDev *dev, float *ms, FgError *err);
    /* Up to nb engines of cuDNN for a convolution with these arguments (see
     * cudnn.h), best guess first; how many, 0 where there is no cuDNN or it has
     * none: err then says why. */
    int (*dnn_find)(FgCudaDev *dev, const struct FgKernelArgs *args, int nb,
                    FgCudaDnn **found, FgError *err);
    void (*dnn_drop)(FgCudaDev *dev, FgCudaDnn **dnn); /* accepts NULL */
    /* Its name, the same in each process, and the bytes that it works in. */
    const char *(*dnn_name)(const FgCudaDnn *dnn);
    size_t (*dnn_workspace)(const FgCudaDnn *dnn);
    /* As launch; while recording, too. */
    int (*dnn_run)(FgCudaDev *dev, void *stream, FgCudaDnn *dnn,
                   const struct FgKernelArgs *args, uint64_t workspace,
                   FgError *err);
    /* What cuDNN knows of the device, JSON; -ENOTSUP without a cuDNN. */
    int (*dnn_describe)(FgCudaDev *dev, char *text, size_t size, FgError *err);
} FgCudaApi;

/* The plug-in, opened once and kept; NULL with err and a negative errno in *rc
 * (-ENOENT, -ENOTSUP). Any thread. */
const FgCudaApi *fg_cuda_load(int *rc, FgError *err);
/* The file that was opened, "" = none. */
const char *fg_cuda_file(void);

#endif
