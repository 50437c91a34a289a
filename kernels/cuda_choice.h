/* ffgan: which kernel does a layer: what was measured, kept on disk.
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * One small text file for each layer, below the folder of cache.h in cuda/. Its
 * key is all that the times depend on: device, driver, cuDNN, plug-in, layer.
 * Files appear whole; of processes that measure the same layer at the same time
 * the first one's choice is all's. One that is damaged or another key's is as
 * good as none. */
#ifndef FFGAN_KERNELS_CUDA_CHOICE_H
#define FFGAN_KERNELS_CUDA_CHOICE_H

enum { FG_CHOICE_KEY = 640, FG_CHOICE_NAME = 144 };

typedef struct FgChoice {
    char name[FG_CHOICE_NAME]; /* one line */
    float us, model_us; /* its time, and that of the choice by reckoning */
    int nb;             /* how many were measured */
} FgChoice;

/* 1, or 0 where nothing (whole) is kept for the key, one line. */
int fg_choice_read(const char *key, FgChoice *c);
/* Keeps c, and makes it what is kept. replace: what is there is of no use. A
 * folder that cannot be written is no error. */
void fg_choice_write(const char *key, FgChoice *c, int replace);

#endif
