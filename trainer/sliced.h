/* How alike the textures of two pictures are, wherever in them they lie.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FFGAN_TRAINER_SLICED_H
#define FFGAN_TRAINER_SLICED_H

#include <stdint.h>

/* Sliced Wasserstein distance of the 7x7 squares of two luma planes [h][w], at
 * full and at half size, each less its own 5x5 mean: the squares are projected
 * on 32 fixed random unit directions, each projection's values sorted, and the
 * mean difference of equal ranks taken, times 7, in 8-bit code values. 0 for
 * equal pictures; blur shows as the same kind of distance as noise does, while
 * PSNR prefers blur. Squares begin at multiples of 3 pixels. -1 where w or h
 * is below 32, or without memory. */
double fg_sliced_distance(const uint8_t *a, const uint8_t *b, int w, int h);

#endif
