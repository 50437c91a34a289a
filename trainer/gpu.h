/* Training on a GPU: which parameters lie in its memory, and whose copy counts.
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The seam is the tape (tape.h): where the executor has a device, tapes keep
 * their values there and run their ops there, so that no family knows of it.
 * Between calls of a tape the host has: its input before forward, its output
 * and tapped values after; the output's gradient and seeds before backward, the
 * input's gradient after. All else of a tape lies on the device alone.
 *
 * Parameters, gradients and optimiser memory (FgParams) that tapes use have a
 * mirror on the device. Either copy may be stale; whoever reads or writes the
 * host's says so by fg_params_host first. The host's data of a stale copy are
 * NaNs where the plug-in is the tests' emulated one, and copies that claim to
 * be equal are compared there: code that does not say so is found.
 *
 * A failure of the device sticks: the next tape call returns it. */
#ifndef FFGAN_TRAINER_GPU_H
#define FFGAN_TRAINER_GPU_H

#include "kernels/cuda_train.h"
#include "kernels/pool.h"

typedef struct FgMirror FgMirror;

enum { FG_GPU_PARTS = 1024 }; /* doubles of FgGpu.parts */

typedef struct FgGpu {
    FgCudaTrain gpu;
    FgExecutor *ex;
    FgMirror *mirrors; /* all that are open */
    int emulated;      /* the tests' plug-in */
    int element;       /* FG_ELEMENT_* of values between ops */
    int rc;            /* first failure, negative errno, or 0 */
    FgError err;       /* its words */
    uint64_t up, down; /* bytes copied so far */
    int64_t waits;     /* times that the host waited */
    uint64_t serial;   /* mirrors made so far */
    uint64_t parts;    /* a loss's sums of blocks, until they are fetched */
} FgGpu;

/* name: "cuda" or "cuda:N"; NULL: the CPU, *d is NULL. Gives ex the device;
 * errors as fg_cuda_train_open's. precision: "fp32", "bf16", "fp16": what is
 * kept between ops, and what convolutions multiply; sums, parameters, gradients
 * of parameters and optimisers are fp32 in any case. */
int fg_gpu_open(FgGpu **d, const char *name, const char *precision,
                FgExecutor *ex, FgError *err);
void fg_gpu_close(FgGpu **d); /* accepts NULL; all mirrors are gone */
/* Remembers the first failure; returns rc. */
int fg_gpu_fail(FgGpu *d, int rc, const FgError *err);

/* Launches that come again (cuda_train.h): `make` makes them, twice where a
 * recording fails. 0 or d->rc. */
int fg_gpu_pass(FgGpu *d, FgCudaPass *p, uint64_t key,
                int (*make)(FgGpu *d, void *arg), void *arg);
/* One of them; failures stick. */
int fg_gpu_launch(FgGpu *d, int kernel, const FgKernelArgs *k);
/* A key out of parts; start with 0. */
uint64_t fg_gpu_key(uint64_t key, const void *part, size_t bytes);

/* Copies, counted. Those from the device wait for it. */
int fg_gpu_put(FgGpu *d, uint64_t to, const void *from, size_t bytes);
int fg_gpu_get(FgGpu *d, void *to, uint64_t from, size_t bytes);

/* ---- mirrors ---- */

/* ps' mirror, made where it has none; one reference more. NULL: d->rc says why.
 * ps must not move or grow while it has one. */
FgMirror *fg_mirror_take(FgGpu *d, FgParams *ps);
/* One reference less; with the last the host's copy is made current and the
 * mirror goes. Accepts ps without a mirror. */
void fg_mirror_leave(FgParams *ps);
/* Makes the device's copies current; 0 or d->rc. */
int fg_mirror_push(FgMirror *m);
uint64_t fg_mirror_at(const FgMirror *m, int i); /* of ps->p[i] */
/* Another number for each mirror: its addresses are those of before. */
uint64_t fg_mirror_serial(const FgMirror *m);
/* The device has written parameter i: the host's copy is stale. */
void fg_mirror_wrote(FgMirror *m, int i);
/* The device has what the host has just been given: zeros. */
void fg_mirror_zero(FgMirror *m);
FgGpu *fg_mirror_gpu(const FgMirror *m);

/* Makes the host's copy current; with write, the device's is stale from now on.
 * Nothing where ps has no mirror. */
void fg_params_host(const FgParams *ps, int write);

#endif
