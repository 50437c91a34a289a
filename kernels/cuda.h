/* ffgan: NVIDIA GPUs, seen from the host. Plain C, no CUDA headers.
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The GPU's part is a plug-in, ffgan-cuda.so, opened when a plan asks for a
 * GPU: the program itself needs no CUDA to start. It is looked for at
 * $FFGAN_CUDA (a file; nothing else is tried then), beside the program, in
 * ../lib and in ../lib/ffgan from there. A plug-in of another version is
 * refused. Each thing that is missing is one clear sentence.
 *
 * Ordinary plans: fg_plan_create with device "cuda" (the first GPU) or
 * "cuda:N", then fg_plan_run on tensors in host memory. "auto" is the CPU.
 *
 * Plans on frames in device memory: fg_plan_create with cuda_context set to the
 * frames' CUcontext, then fg_cuda_frame_run. Contexts are pushed and popped
 * inside; the primary context is never touched. */
#ifndef FFGAN_KERNELS_CUDA_H
#define FFGAN_KERNELS_CUDA_H

#include "plan.h"

#define FG_CUDA_MAX_DEVICES 16

typedef struct FgCudaDevice {
    char name[128];
    int major, minor; /* compute capability */
    int units;        /* multiprocessors */
    size_t memory;    /* bytes */
    size_t cache;     /* of the second level, bytes; 0 = unknown */
} FgCudaDevice;

typedef struct FgCudaInfo {
    char plugin[1024];  /* the file, "" = none found */
    char kind[16];      /* "cuda"; "emulated": the tests' plug-in, no GPU */
    char version[32];   /* of the plug-in */
    int driver;         /* CUDA version of the driver, 1000 * major + 10 *
                           minor; 0 = none */
    int cudnn;          /* cuDNN's version, 0 = not found: not needed */
    char no_cudnn[160]; /* why it is not used, "" = it is */
    int nb_devices;
    FgCudaDevice device[FG_CUDA_MAX_DEVICES];
} FgCudaInfo;

/* What is there. 0 if at least one GPU can be used; else -ENOENT (no plug-in),
 * -ENOTSUP (a plug-in of another version, an old driver), -ENODEV (no driver,
 * no GPU) with err, and info filled as far as it is known. */
int fg_cuda_probe(FgCudaInfo *info, FgError *err);
/* The ordinal in "cuda" or "cuda:N"; -EINVAL for other words. */
int fg_cuda_ordinal(const char *device);

/* Where frames in device memory are. */
typedef struct FgCudaPlace {
    int ordinal;
    void *context, *stream; /* CUcontext, CUstream: NULL = its default one */
} FgCudaPlace;

/* Rows of a picture between pinned memory and a device's. */
typedef struct FgCudaRows {
    void *host;
    uint64_t device;
    size_t host_pitch, device_pitch; /* bytes */
    size_t bytes, rows;              /* bytes of a row */
    int down;                        /* from the device; else to it */
} FgCudaRows;

typedef struct FgCudaMark FgCudaMark; /* a point in a stream's work */

/* Copies of whole frames, enqueued on the place's stream, and pinned memory for
 * them. One thread at a time but for fg_cuda_copy_release. Errors are
 * fg_cuda_frame_run's. */
typedef struct FgCudaCopy FgCudaCopy;
int fg_cuda_copy_open(FgCudaCopy **c, const FgCudaPlace *at, FgError *err);
void fg_cuda_copy_close(FgCudaCopy **c); /* accepts NULL */
int fg_cuda_copy_alloc(FgCudaCopy *c, size_t bytes, void **at, FgError *err);
void fg_cuda_copy_release(FgCudaCopy *c, void *at); /* accepts NULL */
int fg_cuda_copy_rows(FgCudaCopy *c, const FgCudaRows *rows, FgError *err);
/* How far the work is: *mark is made if it is NULL; waits for that; frees it.
 */
int fg_cuda_copy_mark(FgCudaCopy *c, FgCudaMark **mark, FgError *err);
int fg_cuda_copy_wait(FgCudaCopy *c, FgCudaMark *mark, FgError *err);
void fg_cuda_copy_unmark(FgCudaCopy *c, FgCudaMark **mark);
/* Copies and marks are on a stream of their own from now on, beside the
 * place's: what of either waits for the other is said by these. */
int fg_cuda_copy_beside(FgCudaCopy *c, FgError *err);
/* As fg_cuda_copy_mark, of the place's stream. */
int fg_cuda_copy_mark_place(FgCudaCopy *c, FgCudaMark **mark, FgError *err);
/* Later copies, later work on the place's stream, wait for a mark (NULL: for
 * nothing). */
int fg_cuda_copy_behind(FgCudaCopy *c, FgCudaMark *mark, FgError *err);
int fg_cuda_copy_before(FgCudaCopy *c, FgCudaMark *mark, FgError *err);

/* A frame's memory: what is in each plane. Depth is 8 (one byte per sample) or
 * 9..16 (two bytes, little endian). */
typedef enum FgCudaLayout {
    FG_CUDA_YUV, /* Y, Cb, Cr planes */
    FG_CUDA_NV,  /* Y, CbCr interleaved: NV12, P010, P016 */
    FG_CUDA_RGB  /* one plane of 4 samples, order[] says which */
} FgCudaLayout;

typedef struct FgCudaFrame {
    FgCudaLayout layout;
    int w, h;         /* luma */
    int log2w, log2h; /* chroma subsampling */
    int depth, shift; /* shift: unused low bits of a sample (P010: 6) */
    int order[4];     /* RGB: where R, G, B and the filler, or alpha, lie (RGB0,
                         RGBA: 0123) */
    uint64_t plane[4]; /* device pointers */
    size_t pitch[4];   /* bytes, a multiple of a sample's size */
    int alpha; /* there is some: of all codes, YUV's in plane 3, NV has none */
} FgCudaFrame;

/* As in filters/colour.h: E'Y = kr R' + (1-kr-kb) G' + kb B'. */
typedef struct FgCudaColour {
    float kr, kb;
    int limited;              /* 16..235, else all codes; RGB is always full */
    float chroma_x, chroma_y; /* where chroma sample 0 lies, in luma samples */
    float blend;              /* share of a plain bicubic enlargement, 0..1 */
} FgCudaColour;

/* One frame through a plan of cuda_context: samples to values, the network,
 * values to samples, as filters/upscale.h says for whole output sizes: out is
 * in's size times the plan's scale, with the same layout, depth and
 * subsampling (in and out may differ in plane addresses only beyond that).
 * Alpha is enlarged as plain bicubic, whatever the blend.
 * Everything is enqueued on stream (a CUstream of the plan's context, NULL =
 * its default stream); nothing waits, so the frames must stay until the stream
 * has passed. One call at a time per plan, and calls of one plan on different
 * streams wait for one another on the device. Values that are not finite are
 * written as 0 and counted: fg_cuda_frame_bad. Returns 0; -EINVAL for a frame
 * that does not fit (err says what); -ENOTSUP for a plan of the CPU; -ENOMEM;
 * -ENODEV for a failure of the driver, after which the context must be taken
 * for lost. */
int fg_cuda_frame_run(FgPlan *plan, void *stream, const FgCudaFrame *in,
                      const FgCudaFrame *out, const FgCudaColour *colour,
                      FgError *err);
/* Waits for the plan's work, and says how many samples of all frames so far
 * were not finite; negative on failure. For the end of a run. */
int64_t fg_cuda_frame_bad(FgPlan *plan, FgError *err);

#endif
