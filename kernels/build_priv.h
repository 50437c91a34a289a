/* ffgan: what the builders of networks share.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FFGAN_KERNELS_BUILD_PRIV_H
#define FFGAN_KERNELS_BUILD_PRIV_H

#include "graph.h"

/* A builder in progress: the first failure sticks, so that the families read
 * as a plain list of layers. Each function returns its node's index. */
typedef struct FgBuilder {
    FgGraph *g;
    const FgBuild *b;
    const FgCells *cells; /* NULL in other families */
    int rc;
} FgBuilder;

int fg_build_node(FgBuilder *s, const char *op, const char *name, int in0,
                  int in1, FgAttr attr);
int fg_build_conv(FgBuilder *s, const char *name, int in, int channels,
                  int kernel, int bias);
/* NAMESUFFIX = a + b */
int fg_build_sum(FgBuilder *s, const char *name, const char *suffix, int a,
                 int b);
/* One 3x3 layer. Its training form adds a 1x1 conv, the input itself where
 * nothing else carries it past the layer (skip = 1), and in form 2 a widening
 * 1x1 without bias before a padded 3x3, which is exactly one 3x3. */
int fg_build_layer(FgBuilder *s, const char *name, int in, int ic, int oc,
                   int skip);
int fg_build_activation(FgBuilder *s, const char *name, int in);
/* "tail" to in*up*up channels, shuffled, plus the base of the graph's input. */
void fg_build_tail(FgBuilder *s, int in, int x, int up);

/* Ranges and words of what every network has, and of a body. */
int fg_build_check(const FgBuild *b, FgError *err);
int fg_build_check_body(const FgBuild *b, FgError *err);
/* Frees g and says so when s->rc is a failure; returns s->rc. */
int fg_build_end(FgBuilder *s, const char *family, FgError *err);
/* -EINVAL + err unless value is one of "a|b|c". */
int fg_build_word(const char *what, const char *value, const char *allowed,
                  FgError *err);

#endif
