/* ffgan: Y'CbCr matrices, code ranges and the scene-linear shaper.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC optimize("O3")
#endif
#include "colour.h"

#include "clones.h"

#include <errno.h>
#include <math.h>
#include <stddef.h>

/* H.273 table 4, which cites the Recommendations themselves. */
static const struct {
    enum AVColorSpace space;
    double kr, kb;
} matrices[] = {
    {AVCOL_SPC_BT709, 0.2126, 0.0722},      /* Rec. ITU-R BT.709-6, 3.2 */
    {AVCOL_SPC_FCC, 0.30, 0.11},            /* 47 CFR 73.682 (a)(20) */
    {AVCOL_SPC_BT470BG, 0.299, 0.114},      /* Rec. ITU-R BT.601-7, 2.5.1 */
    {AVCOL_SPC_SMPTE170M, 0.299, 0.114},    /* the same numbers */
    {AVCOL_SPC_SMPTE240M, 0.212, 0.087},    /* SMPTE ST 240 */
    {AVCOL_SPC_BT2020_NCL, 0.2627, 0.0593}, /* Rec. ITU-R BT.2020-2, table 4 */
};

int fg_matrix_init(FgMatrix *m, enum AVColorSpace space)
{
    for (size_t i = 0; i < sizeof(matrices) / sizeof(*matrices); i++) {
        if (matrices[i].space != space)
            continue;
        const double kr = matrices[i].kr, kb = matrices[i].kb;
        const double kg = 1 - kr - kb, cr = 2 * (1 - kr), cb = 2 * (1 - kb);

        *m = (FgMatrix){(float)kr,
                        (float)kg,
                        (float)kb,
                        (float)cr,
                        (float)cb,
                        (float)(kr * cr / kg),
                        (float)(kb * cb / kg),
                        (float)(1 / cr),
                        (float)(1 / cb)};
        return 0;
    }
    return -ENOTSUP;
}

const char *fg_matrix_names(void)
{
    return "bt709, bt470bg, smpte170m, smpte240m, fcc, bt2020nc";
}

enum AVColorSpace fg_guess_space(int w, int h)
{
    return h >= 720 || w >= 1280 ? AVCOL_SPC_BT709 : AVCOL_SPC_SMPTE170M;
}

FgCode fg_code(int depth, int limited, int chroma)
{
    const double unit = ldexp(1, depth - 8), all = ldexp(1, depth) - 1;
    const double scale = limited ? unit * (chroma ? 224 : 219) : all;
    const double offset = chroma ? 128 * unit : limited ? 16 * unit : 0;

    return (FgCode){(float)offset, (float)(1 / scale), (float)scale,
                    (float)all};
}

FgCode fg_code_float(void)
{
    return (FgCode){0, 1, 1, 0};
}

void fg_shaper_encode(float *dst, const float *src, int n)
{
    const float k = (float)(1 / (12 * M_LN2));

    for (int i = 0; i < n; i++)
        dst[i] = copysignf(log1pf(64 * fminf(fabsf(src[i]), 0x1p114f)) * k,
                           src[i]);
}

void fg_shaper_decode(float *dst, const float *src, int n)
{
    const float k = (float)(12 * M_LN2);

    for (int i = 0; i < n; i++) {
        const float y = fminf(fabsf(src[i]), 10);

        dst[i] = copysignf(expm1f(y * k) * (1 / 64.f), src[i]);
    }
}

FG_CLONES
void fg_row_yuv_to_rgb(float *rgb, const float *y, const float *c, int n,
                       const FgMatrix *m)
{
    const float cr = m->cr, cb = m->cb, gr = m->gr, gb = m->gb;

    for (int i = 0; i < n; i++) {
        const float pb = c[2 * i], pr = c[2 * i + 1], v = y[i];

        rgb[3 * i] = v + cr * pr;
        rgb[3 * i + 1] = v - (gb * pb + gr * pr);
        rgb[3 * i + 2] = v + cb * pb;
    }
}

FG_CLONES
void fg_row_rgb_to_yuv(float *y, float *c, const float *rgb, int n,
                       const FgMatrix *m)
{
    const float kr = m->kr, kg = m->kg, kb = m->kb;
    const float icr = m->icr, icb = m->icb;

    for (int i = 0; i < n; i++) {
        const float r = rgb[3 * i], g = rgb[3 * i + 1], b = rgb[3 * i + 2];
        const float v = kr * r + kg * g + kb * b;

        y[i] = v;
        c[2 * i] = (b - v) * icb;
        c[2 * i + 1] = (r - v) * icr;
    }
}
