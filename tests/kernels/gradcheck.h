/* Checks of one op: gradients, strides, threads, float against double.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FFGAN_TESTS_GRADCHECK_H
#define FFGAN_TESTS_GRADCHECK_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "kernels/op.h"

typedef struct GcCase {
    const char *op;
    FgAttr attr;
    int nb_in;
    FgShape in[FG_MAX_IN];
    int training;
    int linear;    /* in its inputs taken together: the adjoint is tested */
    double range;  /* inputs are in [-range, range]; 0 = 1 */
    double away;   /* ... and at least this far from 0 (kinks) */
    double tol32;  /* float against double, relative to 1 + |value|; 0 = 1e-5 */
    double tol_fd; /* finite differences; 0 = 1e-6 */
} GcCase;

/* A call with all its memory. Values depend on the place of an element and
 * `seed` alone, and are floats, so that both types hold the same. */
typedef struct GcRun {
    FgNode node;
    FgOpCall call;
    FgShape shape[FG_MAX_IN], out_shape;
    FgTensor in[FG_MAX_IN], out, dout, din[FG_MAX_IN];
    FgTensor param[FG_MAX_PARAM], dparam[FG_MAX_PARAM];
    FgDtype dtype;
    void *scratch;
    size_t scratch_size;
} GcRun;

/* strided: pixels and rows have gaps, filled with NaN. Asserts success. */
void gc_open(GcRun *r, const GcCase *c, FgDtype dtype, int strided,
             FgExecutor *ex);
void gc_close(GcRun *r);
void gc_forward(GcRun *r);
void gc_backward(GcRun *r);
/* An element of a float or double tensor; flat order n, y, x, c. */
double gc_get(const FgTensor *t, size_t i);
void gc_set(const FgTensor *t, size_t i, double v);
size_t gc_count(const FgTensor *t);

/* All of it: forward and backward of float and double; finite differences of
 * every element of every input and parameter (not running statistics); din
 * overwritten or added to; gaps left alone; same bits with gaps and with
 * threads; the adjoint where linear. */
void gc_check(const GcCase *c);
/* The shape function refuses this case and names the node. */
void gc_refused(const GcCase *c);
/* Runs float and double forward with the given inputs (flat order n, y, x, c;
 * params in order; NULL = the seeded ones) and compares. */
void gc_expect(const GcCase *c, const double *const in[],
               const double *const param[], const double *want, double tol);

#endif
