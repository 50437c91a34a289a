/* Picture scaling as MATLAB's imresize does it (bicubic, antialiased).
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FFGAN_TRAINER_IMRESIZE_H
#define FFGAN_TRAINER_IMRESIZE_H

#include <stddef.h>
#include <stdint.h>

/* src [h][w][c] -> dst [oh][ow][c], dense, c <= 4. Keys' kernel with a = -0.5,
 * stretched when shrinking, edges mirrored, rows first. 0 or -ENOMEM. */
int fg_imresize_f32(float *dst, int ow, int oh, const float *src, int w, int h,
                    int c);
/* Rounded to nearest and clipped to 0..255. */
void fg_round8(uint8_t *dst, const float *src, size_t n);
/* fg_imresize_f32 on 8 bits, rounded once at the end. */
int fg_imresize(uint8_t *dst, int ow, int oh, const uint8_t *src, int w, int h,
                int c);

#endif
