/* ffgan: what the files of graph.h share among themselves.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FFGAN_KERNELS_GRAPH_PRIV_H
#define FFGAN_KERNELS_GRAPH_PRIV_H

#include "graph.h"

/* 1 when s is [A-Za-z0-9_.-]{1,FG_NAME_LEN-1}. */
int fg_name_valid(const char *s, size_t len);
int fg_node_is(const FgNode *n, const char *op); /* by op name */
/* Parameters that the node has: those of its op, less an absent bias. */
int fg_node_params(const FgNode *n);
/* Sets nb_param and NODE.suffix names. 0, or -EINVAL when one is too long. */
int fg_node_name_params(FgNode *n);
/* Shapes of all nodes for some picture that the graph accepts, malloc'ed, or
 * NULL with err and errno (ENOMEM or EINVAL) set. */
FgShape *fg_graph_any_shapes(const FgGraph *g, FgError *err);

/* Along one axis, pixel p >= 0 of the node's output reads its inputs' pixels
 * *first..*last (which may lie outside, where the borders are). Ops that are
 * FG_OP_GLOBAL count as pointwise here. */
void fg_node_taps(const FgNode *n, int p, int *first, int *last);

#endif
