/* ffgan: Y'CbCr matrices, code ranges and the scene-linear shaper.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FFGAN_FILTERS_COLOUR_H
#define FFGAN_FILTERS_COLOUR_H

#include <libavutil/pixfmt.h>

/* E'Y = kr*R' + kg*G' + kb*B', E'Pb = (B' - E'Y) / cb, E'Pr = (R' - E'Y) / cr
 * (ITU-T H.273 section 8.3), and the inverse:
 * R' = Y + cr*Pr, B' = Y + cb*Pb, G' = Y - gb*Pb - gr*Pr. */
typedef struct FgMatrix {
    float kr, kg, kb;
    float cr, cb; /* 2*(1-kr), 2*(1-kb) */
    float gr, gb; /* kr*cr/kg, kb*cb/kg */
    float icr, icb;
} FgMatrix;

/* The matrix of a colour space: 0, or -ENOTSUP for one that is not a plain
 * Y'CbCr matrix here (YCgCo, constant luminance, ICtCp, XYZ, RGB). */
int fg_matrix_init(FgMatrix *m, enum AVColorSpace space);
/* The names of the spaces fg_matrix_init takes, for messages. */
const char *fg_matrix_names(void);
/* What an untagged picture of this size most likely has: BT.709 from 720
 * lines or 1280 columns on, else BT.601. */
enum AVColorSpace fg_guess_space(int w, int h);

/* How codes map to values: value = (code - offset) * to_value. */
typedef struct FgCode {
    float offset, to_value, to_code;
    float max; /* highest code; 0 = a float format: no rounding, no clipping */
} FgCode;

/* H.273 section 8.3 quantisation. chroma: values -0.5..0.5 around the middle;
 * limited: 16..235 (chroma 16..240) at 8 bits, else all codes. */
FgCode fg_code(int depth, int limited, int chroma);
FgCode fg_code_float(void);

/* Scene-linear light to what a network can read, sign kept, and back:
 *     y = sign(x) * log2(1 + 64*|x|) / 12
 * 0 -> 0, 0.18 -> 0.30, 1 -> 0.50, 64 -> 1. Values outside 0..64 leave 0..1
 * and are still exact: decode(encode(x)) differs from x by less than half a
 * step of a 16-bit float for every 16-bit float x. n values, in place or not.
 * |x| is limited to 2^114 and |y| to 10, so no finite value becomes infinite.
 */
void fg_shaper_encode(float *dst, const float *src, int n);
void fg_shaper_decode(float *dst, const float *src, int n);

/* Interleaved rows. rgb[3*i..], yuv planes: y[i], c[2*i] = Pb, c[2*i+1] = Pr.
 */
void fg_row_yuv_to_rgb(float *rgb, const float *y, const float *c, int n,
                       const FgMatrix *m);
void fg_row_rgb_to_yuv(float *y, float *c, const float *rgb, int n,
                       const FgMatrix *m);

#endif
