/* ffgan: rows on their way into the picture, once for every instruction set.
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Plain C for the compiler to vectorise with the flags of whoever includes it;
 * no fused operations, so that the bits are the same. */
#ifndef FFGAN_KERNELS_EMIT_H
#define FFGAN_KERNELS_EMIT_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "dsp.h"

/* dst[i] = sum of w[k] src[k][i], in blocks that the compiler vectorises. */
static void blend_row(float *restrict dst, const float *const src[4],
                      const float *w, int nb, int n)
{
    const float *restrict a = src[0], *restrict b = src[1];
    const float *restrict d = src[2], *restrict e = src[3];
    int i = 0;
    if (nb == 1) {
        memcpy(dst, a, sizeof(*dst) * (size_t)n);
    } else if (nb == 2) {
        for (; i < n; i++)
            dst[i] = a[i] * w[0] + b[i] * w[1];
    } else {
        const float wa = w[0], wb = w[1], wd = w[2], we = w[3];
        for (; i + 16 <= n; i += 16)
            for (int j = i; j < i + 16; j++)
                dst[j] = ((a[j] * wa + b[j] * wb) + d[j] * wd) + e[j] * we;
        for (; i < n; i++)
            dst[i] = ((a[i] * wa + b[i] * wb) + d[i] * wd) + e[i] * we;
    }
}

static inline __attribute__((always_inline)) void
join(const FgJoin *j, const int r, const int c, const int packed)
{
    const float *v = j->v + (packed ? j->sub * r * c : j->sub * r);
    float *out = j->out;
    for (int x = 0; x < j->n; x++, v += j->pitch, out += r * c)
        for (int d = 0; d < r; d++)
            for (int k = 0; k < c; k++) {
                const float a = v[packed ? d * c + k : k * r * r + d];
                out[d * c + k] =
                    j->phase
                        ? a + j->phase[((size_t)d * (size_t)j->n + (size_t)x) *
                                           (size_t)c +
                                       (size_t)k]
                        : a;
            }
}

static void join_row(const FgJoin *j)
{
    const int r = j->factor, c = j->channels;
    if (!j->packed)
        join(j, r, c, 0);
    else if (r == 2 && c == 3)
        join(j, 2, 3, 1);
    else if (r == 2 && c == 1)
        join(j, 2, 1, 1);
    else if (r == 4 && c == 3)
        join(j, 4, 3, 1);
    else
        join(j, r, c, 1);
}

/* Exponents of NaN and infinity are the largest, so the largest magnitude's
 * bits tell; integers, so that the order of the rows cannot matter. */
static uint32_t largest_row(const float *v, size_t n)
{
    uint32_t m[8] = {0};
    size_t i = 0;
    for (; i + 8 <= n; i += 8)
        for (int k = 0; k < 8; k++) {
            uint32_t u;
            memcpy(&u, v + i + k, sizeof(u));
            u &= 0x7fffffff;
            m[k] = u > m[k] ? u : m[k];
        }
    for (; i < n; i++) {
        uint32_t u;
        memcpy(&u, v + i, sizeof(u));
        u &= 0x7fffffff;
        m[0] = u > m[0] ? u : m[0];
    }
    for (int k = 1; k < 8; k++)
        m[0] = m[k] > m[0] ? m[k] : m[0];
    return m[0];
}

#endif
