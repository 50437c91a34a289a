/* Tile products in plain C: the reference.
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Arithmetic as in Intel's manual for TDPBF16PS and VCVTNEPS2BF16: denormals
 * of operands and results count as zeros. */
#include "mat.h"
#include "dsp.h"

#include <math.h>
#include <string.h>

#define LINE 32
#define COLS 16

static float flush(float v)
{
    uint32_t u;

    memcpy(&u, &v, sizeof(u));
    if (!(u & 0x7f800000))
        u &= 0x80000000;
    memcpy(&v, &u, sizeof(v));
    return v;
}

static float widen(uint16_t b)
{
    const uint32_t u = (uint32_t)b << 16;
    float f;

    memcpy(&f, &u, sizeof(f));
    return f;
}

static float from_bf16(uint16_t b)
{
    return flush(widen(b));
}

static uint16_t to_bf16(float f)
{
    uint32_t u;

    f = flush(f);
    memcpy(&u, &f, sizeof(u));
    if ((u & 0x7fffffff) > 0x7f800000)
        return (uint16_t)(u >> 16 | 0x40);
    return (uint16_t)((u + 0x7fff + (u >> 16 & 1)) >> 16);
}

/* One row of a times one tile of b, added to sum. */
static void product(float sum[COLS], const uint16_t *a, const uint16_t *b)
{
    for (int c = 0; c < COLS; c++) {
        float even = 0, odd = 0;

        for (int k = 0; k < LINE;
             k += 2, even = flush(even), odd = flush(odd)) {
            const uint16_t *const w = b + (k / 2 * COLS + c) * 2;

            even = fmaf(from_bf16(a[k]), from_bf16(w[0]), even);
            odd = fmaf(from_bf16(a[k + 1]), from_bf16(w[1]), odd);
        }
        sum[c] = flush(sum[c] + flush(even + odd));
    }
}

static float act(const FgMatJob *q, float v, int c)
{
    if (q->act == FG_CONV_RELU)
        return v < 0 ? 0 : v;
    if (q->act == FG_CONV_SILU)
        fg_dsp()->smooth(&v, &v, 1, FG_SILU);
    if (q->act == FG_CONV_LINEAR || q->act == FG_CONV_SILU || !(v < 0))
        return v;
    return v * (q->act == FG_CONV_PRELU ? q->slope[c] : q->alpha);
}

static void finish(const FgMatJob *q, int r, int unit, int c, float v)
{
    const size_t at = (size_t)unit * (size_t)q->m->columns + (size_t)c;
    const int f32 = q->m->f32;
    float add = 0;

    if (q->add[r])
        add = f32 ? ((const float *)q->add[r])[at]
                  : widen(((const uint16_t *)q->add[r])[at]);
    if (q->add[r] && q->add_first)
        v += add;
    v = act(q, v, c);
    if (q->add[r] && !q->add_first)
        v += add;
    if (f32)
        ((float *)q->out[r])[at] = v;
    else
        ((uint16_t *)q->out[r])[at] = to_bf16(v);
}

static void unit_pair(const FgMatJob *q, int r, int unit, int pair)
{
    const FgMat *const m = q->m;
    const char *w = m->w + (size_t)m->tile[pair] * 1024;
    const int n = unit == q->units - 1 ? q->last : m->columns;
    float sum[2][COLS] = {{0}};

    for (int i = 0; i < 2 && 2 * pair + i < m->tiles; i++)
        memcpy(sum[i], m->bias + (2 * pair + i) * COLS, sizeof(sum[i]));
    for (int s = pair ? m->end[3 * pair - 1] : 0; s < m->end[3 * pair + 2];
         s++) {
        const FgMatStep *const t = &m->steps[s];
        const char *const a = q->row[r * m->stride + t->ky] +
                              unit * q->unit_bytes + t->line * 64;

        for (int i = 0; i < 2; i++)
            if (t->tiles >> i & 1) {
                product(sum[i], (const uint16_t *)(const void *)a,
                        (const uint16_t *)(const void *)w);
                w += 1024;
            }
    }
    for (int i = 0; i < 2; i++)
        for (int c = 0; c < COLS && (2 * pair + i) * COLS + c < n; c++)
            finish(q, r, unit, (2 * pair + i) * COLS + c, sum[i][c]);
}

static void rows_c(const FgMatJob *q)
{
    for (int r = 0; r < q->rows; r++)
        for (int u = 0; u < q->units; u++)
            for (int p = 0; p < (q->m->tiles + 1) / 2; p++)
                unit_pair(q, r, u, p);
}

static void split_c(uint16_t *dst, const float *src, int pixels, int ic,
                    int pitch)
{
    for (int x = 0; x < pixels; x++, dst += pitch, src += ic) {
        memset(dst, 0, sizeof(*dst) * (size_t)pitch);
        for (int c = 0; c < ic; c++) {
            dst[c] = dst[2 * ic + c] = to_bf16(src[c]);
            dst[ic + c] = to_bf16(src[c] - widen(dst[c]));
        }
    }
}

const FgMatOps *fg_mat_ops_c(void)
{
    static const FgMatOps ops = {rows_c, split_c};

    return &ops;
}
