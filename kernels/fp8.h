/* ffgan: what convolutions of 8-bit floating point (e4m3.h) compute.
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 *   x = code / f     inputs, f a power of two, of a range found beforehand
 *   w = code / g     weights, g a power of two for each output
 *   y = (sum of codes' products) / (f g) + bias
 *
 * then, in fp32, add, activation, add. Inputs outside their range are good up
 * to twice that, and saturate beyond, so does an infinity (NaN stays). Products
 * and sums are a GPU's: on Hopper sums keep about 14 bits. */
#ifndef FFGAN_KERNELS_FP8_H
#define FFGAN_KERNELS_FP8_H

#include <stddef.h>

#include "graph.h"

/* 1 where the node's convolution of ic channels can be done this way: 1x1 or
 * 3x3, one group, stride 1, of the same size, channels in whole units of 16. */
int fg_fp8_fits(const FgAttr *attr, int channels_in);
/* f for values of lo <= x <= hi. */
float fg_fp8_input(float lo, float hi);
/* g for the n weights of one output. */
float fg_fp8_weight(const float *w, size_t n);
/* Values as their codes have them, for that f or g; in place. */
void fg_fp8_round(float *v, size_t n, float factor);

#endif
