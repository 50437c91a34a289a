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
/* fg_tape_keep, feed, feed_back: of the last two, 0 where the host has to do
 * it. */
void fg_tape_gpu_keep(FgTape *t, int what);
int fg_tape_gpu_feed(FgTape *critic, FgTape *generator);
int fg_tape_gpu_feed_back(FgTape *generator, FgTape *critic);
/* Feature matching: weight times the mean over nb <= FG_MATCHES tapped nodes of
 * the mean of |t's - like's|, its gradient at t's becoming what fg_tape_seed
 * would be given. The output's gradient is there already, if the host gives it,
 * and t is not changed before its backward pass. NaN where the device fails. */
enum { FG_MATCHES = 16 };
double fg_tape_gpu_match(FgTape *t, const FgTape *like, const int *node, int nb,
                         double weight);
/* to's input: as fg_penalty_mix, of the inputs of two tapes; e: its share for
 * each image. */
int fg_tape_gpu_mix(FgTape *to, const FgTape *a, const FgTape *b,
                    const float *e);
/* What the gradient made there was multiplied by. */
void fg_tape_gpu_scale(FgTape *t, float scale);
enum { FG_VIEW_INPUT, FG_VIEW_OUTPUT, FG_VIEW_GRADIENT, FG_VIEW_SLOPE };
enum { FG_LOSS_PARTS = 64 }; /* blocks of a loss */
FgKView fg_tape_gpu_view(const FgTape *t, int what);
uint64_t fg_tape_gpu_stage(const FgTape *t); /* f32 memory of any node, or 0 */
int fg_tape_gpu_keeps(const FgTape *t, int what); /* FG_KEEP_* */
/* f32 memory for the output's gradient, which the caller fills before the next
 * backward pass, which scales it as it does what the host gives; at = 0: the
 * device says why not. The tape keeps that gradient. */
FgKView fg_tape_gpu_given(FgTape *t);
/* All ops of a pass, each by `make`, launches of before run again as they were
 * recorded. key: what else than the tape says which ops there are. 0 or a
 * negative errno. */
int fg_tape_gpu_pass(FgTape *t, const FgTapePass *p,
                     int (*make)(FgTape *t, const FgTapePass *p));
/* Node i's op as the host's call has it. */
int fg_tape_gpu_op(FgTape *t, const FgOpCall *c, int i, int back);

/* ---- for penalty_gpu.c ---- */

/* Node i's value or gradient; its forward call; what gradients there carry; the
 * parameters' gradients. */
FgKView fg_tape_gpu_node(const FgTape *t, int i, int grad);
void fg_tape_gpu_call(FgTape *t, FgCudaCall *k, int i);
float fg_tape_gpu_carries(const FgTape *t);
FgMirror *fg_tape_gpu_grads(const FgTape *t);
/* f32 values there as the ops read them, times what is returned; 0: the device
 * says why not. Both may be one. */
float fg_tape_gpu_scaled(FgTape *t, const FgKView *from, const FgKView *to,
                         int images);
/* The node's gradient has a part that is there already, and gradients carry in
 * the next backward pass what they did in the last. */
void fg_tape_gpu_seeded(FgTape *t, int node);

#endif
