/* ffgan: how many neighbours in time the filters of a chain look at.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FFGAN_PIPELINE_TEMPORAL_H
#define FFGAN_PIPELINE_TEMPORAL_H

#include "kernels/error.h"

typedef struct FgSupport {
    int past, future; /* frames before and behind that a frame depends on */
    char unknown[64]; /* a filter that remembers all, or that nobody measured:
                         the chain cannot be cut; "" = none */
} FgSupport;

/* Sums up a chain in libavfilter's syntax. 0, or -EINVAL when it cannot be
 * parsed, -ENOMEM. */
int fg_chain_support(FgSupport *s, const char *chain, FgError *err);

#endif
