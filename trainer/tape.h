/* Forward and backward of one graph for one input shape.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FFGAN_TRAINER_TAPE_H
#define FFGAN_TRAINER_TAPE_H

#include "kernels/graph.h"
#include "kernels/pool.h"

/* Keeps every node's output (and, if gradients are wanted, its gradient) in
 * memory that is allocated once. The graph and the parameters are borrowed:
 * both must outlive the tape and parameters must not be added or moved. */
typedef struct FgTape {
    const FgGraph *graph;
    FgParams *params, *grads; /* grads NULL: forward only */
    FgExecutor *ex;
    int fast;       /* FgFast of every call: FG_FAST_F32 after create */
    FgTensor *val;  /* [nb_nodes] outputs */
    FgTensor *grad; /* [nb_nodes] d loss / d output, or NULL */
    char *needs;    /* [nb_nodes] a gradient is of use here */
    char *shared;   /* [nb_nodes] what is a view of another node's memory */
    char *tapped;   /* [nb_nodes] see FgTapeOptions */
    char *seeded;   /* [nb_nodes] its gradient has a part from outside */
    int64_t step;   /* dropout's masks: the caller sets it before forward */
    uint64_t seed;
    void *scratch;
    struct FgTapeGpu *gpu; /* values on the executor's device: gpu.h says
                              what of them the host sees; NULL: on the host */
} FgTape;

typedef struct FgTapeOptions {
    int want_input;  /* the gradient of the input is wanted as well (a generator
                        behind a critic) */
    const int *taps; /* nodes whose value and gradient keep their own memory,
                        for losses on them (fg_tape_seed) */
    int nb_taps;
} FgTapeOptions;

/* in: shape of node 0. grads has the names and shapes of params, or is NULL.
 * want_input: the gradient of the input is wanted as well (a generator behind a
 * critic). 0, -ENOMEM, -EINVAL (+err). On failure *t is zeroed. */
int fg_tape_create(FgTape *t, const FgGraph *g, FgParams *params,
                   FgParams *grads, FgShape in, int want_input, FgExecutor *ex,
                   FgError *err);
/* The same with options; o may be NULL. */
int fg_tape_create_with(FgTape *t, const FgGraph *g, FgParams *params,
                        FgParams *grads, FgShape in, const FgTapeOptions *o,
                        FgExecutor *ex, FgError *err);
void fg_tape_free(FgTape *t); /* accepts NULL, zeroed */

FgTensor *fg_tape_input(FgTape *t);       /* fill before forward */
FgTensor *fg_tape_output(FgTape *t);      /* valid after forward */
FgTensor *fg_tape_output_grad(FgTape *t); /* fill before backward */
FgTensor *fg_tape_input_grad(FgTape *t);  /* NULL unless want_input */

/* training: batch norms use and update batch statistics. */
int fg_tape_forward(FgTape *t, int training);
/* Adds to grads (the caller zeroes them). */
int fg_tape_backward(FgTape *t, int training);
/* The gradients of values alone: no parameter's. For a generator's step through
 * a critic, and for penalties. */
int fg_tape_backward_data(FgTape *t, int training);
/* The gradient tensor of a tapped node: what the caller writes there before
 * backward is added to what arrives from the node's users. One backward long.
 */
FgTensor *fg_tape_seed(FgTape *t, int node);

/* On a device: what of the tape the host neither gives nor reads from now on
 * (the gradients: of its output, of its input), so that passes do not copy it,
 * and the host's memory of it means nothing. Without a device: nothing. */
enum {
    FG_KEEP_INPUT = 1,
    FG_KEEP_OUTPUT = 2,
    FG_KEEP_GRADIENT = 4,
    FG_KEEP_SLOPE = 8,
    FG_KEEP_TAPS = 16
};
void fg_tape_keep(FgTape *t, int what); /* replaces what was said before */

/* The call of node i as a forward pass makes it; params: room for FG_MAX_PARAM
 * tensors, which the call points to. */
struct FgOpCall;
void fg_tape_call(FgTape *t, struct FgOpCall *c, int i, FgTensor *params,
                  int training);

/* A generator before a critic: its output into the critic's input; the critic's
 * input gradient into its output's. Shapes are equal. Where the tape that gets
 * it keeps it (fg_tape_keep), it goes from one to the other on the device, to
 * the bit of the way through the host. */
void fg_tape_feed(FgTape *critic, FgTape *generator);
void fg_tape_feed_back(FgTape *generator, FgTape *critic);

#endif
