/* A tape whose values lie on a GPU; for tape.c.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FFGAN_TRAINER_TAPE_GPU_H
#define FFGAN_TRAINER_TAPE_GPU_H

#include "kernels/op.h"
#include "trainer/gpu.h"
#include "trainer/tape.h"

/* Which pass: its ops depend on nothing else but the tape. */
typedef struct FgTapePass {
    int back, training, want_params;
    const char *seen; /* back: [nb_nodes] nodes that have a gradient at first */
} FgTapePass;

/* t has its nodes, and its executor a device. 0 or a negative errno, err. */
int fg_tape_gpu_create(FgTape *t, FgError *err);
void fg_tape_gpu_free(FgTape *t); /* accepts tapes of the host */
/* Around the ops of a pass. begin: what the host gives; end: what it gets. */
int fg_tape_gpu_begin(FgTape *t, int back);
int fg_tape_gpu_end(FgTape *t, int back);
/* The input, output and the output's gradient are made and read on the device
 * from now on: passes do not copy them. */
void fg_tape_gpu_keep(FgTape *t);
/* What the gradient made there was multiplied by. */
void fg_tape_gpu_scale(FgTape *t, float scale);
enum { FG_VIEW_INPUT, FG_VIEW_OUTPUT, FG_VIEW_GRADIENT };
FgKView fg_tape_gpu_view(const FgTape *t, int what);
/* All ops of a pass, each by `make`, launches of before run again as they were
 * recorded. key: what else than the tape says which ops there are. 0 or a
 * negative errno. */
int fg_tape_gpu_pass(FgTape *t, const FgTapePass *p,
                     int (*make)(FgTape *t, const FgTapePass *p));
/* Node i's op as the host's call has it. */
int fg_tape_gpu_op(FgTape *t, const FgOpCall *c, int i, int back);

#endif
