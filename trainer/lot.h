/* Values that a loss looks at or gives, where they lie: on the host, or in a
 * device's memory. SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A tape's values are on the host unless the tape keeps them on its device
 * (fg_tape_keep). Losses (loss_tape.h) and what is below do there what they do
 * on the host, to the bit but for the order of sums. */
#ifndef FFGAN_TRAINER_LOT_H
#define FFGAN_TRAINER_LOT_H

#include "kernels/tensor.h"
#include "trainer/gpu.h"
#include "trainer/tape.h"

typedef struct FgLot {
    FgTensor host;  /* dense f32; its shape counts in any case */
    FgGpu *d;       /* NULL: on the host */
    FgKView there;  /* of one image, the others behind it */
    float by;       /* values there times this are meant */
    uint64_t stage; /* f32 memory there for as many, or 0 */
} FgLot;

FgLot fg_lot_host(const FgTensor *t); /* a view; t is the caller's */
/* Views of a tape: its input (FG_KEEP_INPUT), its output (FG_KEEP_OUTPUT), its
 * output's gradient (FG_KEEP_GRADIENT), to be written anew before each backward
 * pass, its input's gradient (FG_KEEP_SLOPE), good until the next one. */
FgLot fg_lot_input(FgTape *t);
FgLot fg_lot_output(FgTape *t);
FgLot fg_lot_grad(FgTape *t);
FgLot fg_lot_slope(FgTape *t);

/* Memory of its own, zeroed on the host, and where the executor has a device
 * and `there` is asked for on that as well: then the host's means nothing but
 * to fg_lot_put. ex may be NULL. 0 or a negative errno with err; free in any
 * case. */
int fg_lot_create(FgLot *l, FgShape s, FgExecutor *ex, int there, FgError *err);
void fg_lot_free(FgLot *l); /* accepts zeroed; not views */

/* n images of l from image n0 on. */
FgLot fg_lot_images(const FgLot *l, int n0, int n);

/* The host's values go to where the lot is. 0 or what the device failed with;
 * so of all that follows. */
int fg_lot_put(const FgLot *l);
/* to = from; to += k from; shapes are equal. What is there comes from there, or
 * of copy from the host. to of fg_lot_add is f32. */
int fg_lot_copy(const FgLot *to, const FgLot *from);
int fg_lot_add(const FgLot *to, const FgLot *from, double k);
/* All become v; l is f32. */
int fg_lot_fill(const FgLot *l, double v);
/* How many. */
size_t fg_lot_count(const FgLot *l);

#endif
