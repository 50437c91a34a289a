/* Effect plates that are made, not filmed: no licence, and a true alpha.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FFGAN_TRAINER_PROCEDURAL_H
#define FFGAN_TRAINER_PROCEDURAL_H

#include <stdint.h>

/* "fire", "smoke", "clouds", "weave": what fg_procedural_find knows,
 * NULL-ended.
 */
extern const char *const fg_procedural_names[];
int fg_procedural_find(const char *name); /* index, or -1 */
/* Colour (straight, sRGB-coded 0..1) and alpha of plate kind into px
 * [h][w][4]; seed chooses the plate, time (seconds) the moment. The same
 * arguments give the same plate on one machine. */
void fg_procedural(int kind, uint32_t seed, double time, int w, int h,
                   float *px);

#endif
