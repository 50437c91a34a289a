/* A graph in double precision, one op after another: what gradients of whole
 * losses are checked against. SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FFGAN_TESTS_GRAPH64_H
#define FFGAN_TESTS_GRAPH64_H

#include "kernels/op.h"

typedef struct Graph64 {
    const FgGraph *g;
    FgTensor *val; /* [nb_nodes] f64 outputs */
} Graph64;

/* A fixed number in -1/2..1/2 for each place. */
double g64_uniform(uint32_t i, uint32_t stream);
/* Runs g on input (f32 or f64, copied) with every trainable parameter moved by
 * eps times its own g64_uniform direction (streams from 1000 on, by its index
 * in ps). Asserts success. */
void g64_run(Graph64 *q, const FgGraph *g, const FgParams *ps,
             const FgTensor *input, double eps);
/* The gradient of the sum of the last node's values by the input, into *dx
 * (f64, made here), with the weights that g64_run had. */
void g64_back(const Graph64 *q, const FgParams *ps, double eps, FgTensor *dx);
void g64_free(Graph64 *q);
/* Sum over trainable parameters of gradient times direction. */
double g64_slope(const FgParams *grads, const FgParams *ps);
/* Element i in n, y, x, c order of an f32 or f64 tensor without gaps. */
double g64_at(const FgTensor *t, size_t i);
size_t g64_count(const FgTensor *t);

#endif
