/* Convolutions on 8-bit integers: codes and packed weights.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "q8.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define COLS 16
#define LINE 16 /* quads */
#define MOST (INT32_MAX / (255 * 127))

FgQ8Code fg_q8_code(float lo, float hi)
{
    lo = lo < 0 ? lo : 0;
    hi = hi > 0 ? hi : 0;
    float range = hi - lo;

    if (!(range > 1e-30f) || !isfinite(range)) /* whatever comes is 0 */
        range = 1e-30f;
    const float inv = 255 / range, zero = rintf(-lo * inv);

    return (FgQ8Code){.inv = inv,
                      .zero = zero < 0     ? 0
                              : zero > 255 ? 255
                                           : (int)zero};
}

int fg_q8_fits(const FgAttr *a, int ic)
{
    return a->groups <= 1 && a->kernel >= 1 && a->kernel <= 15 && a->pad >= 0 &&
           a->pad < a->kernel && a->stride >= 0 && a->stride <= 4 && ic >= 1 &&
           ic <= 4096 && a->channels >= 1 && a->channels <= 4096 &&
           (int64_t)a->kernel * a->kernel * ic <= MOST;
}

static size_t whole(size_t n)
{
    return (n + 63) & ~(size_t)63;
}

static size_t weight_bytes(const FgQ8 *q)
{
    return (size_t)q->ocp * (size_t)q->k * (size_t)(q->lines * LINE * 4);
}

size_t fg_q8_bytes(const FgQ8 *q)
{
    return q->owned ? weight_bytes(q) + 4 * whole(4 * (size_t)q->ocp) : 0;
}

static float largest(const float *w, size_t n)
{
    float m = 0;

    for (size_t i = 0; i < n; i++)
        m = fabsf(w[i]) > m ? fabsf(w[i]) : m;
    return m;
}

/* One output's weights; returns their sum. */
static int32_t put_output(const FgQ8 *q, int8_t *dst, const float *w, int o,
                          float inv)
{
    const size_t row = (size_t)q->lines * LINE * COLS * 4;
    int32_t sum = 0;

    dst += (size_t)(o / COLS) * (size_t)q->k * row + o % COLS * 4;
    for (int ky = 0; ky < q->k; ky++)
        for (int kx = 0; kx < q->k; kx++)
            for (int i = 0; i < q->ic; i++) {
                const int at = kx * q->icp + i;
                const float v = w[(i * q->k + ky) * q->k + kx];
                const int c = (int)rintf(v * inv);

                dst[(size_t)ky * row + (size_t)(at / 4) * COLS * 4 +
                    (size_t)(at % 4)] = (int8_t)c;
                sum += c;
            }
    return sum;
}

static void put(FgQ8 *q, const float *weight, const float *bias)
{
    const size_t per = (size_t)q->ic * (size_t)(q->k * q->k);
    const size_t n = whole(4 * (size_t)q->ocp);
    char *const mem = q->owned;
    int32_t *const fix = (int32_t *)(void *)(mem + weight_bytes(q));
    int32_t *const sum = (int32_t *)(void *)((char *)fix + n);
    float *const scale = (float *)(void *)((char *)sum + n);
    float *const b = (float *)(void *)((char *)scale + n);

    memset(mem, 0, fg_q8_bytes(q));
    for (int o = 0; o < q->oc; o++) {
        const float *const w = weight + (size_t)o * per;
        float most = largest(w, per);

        most = most > 1e-30f ? most : 1e-30f;
        sum[o] = put_output(q, (int8_t *)mem, w, o, 127 / most);
        fix[o] = -q->in.zero * sum[o];
        scale[o] = most / 127 / q->in.inv;
        b[o] = bias ? bias[o] : 0;
    }
    q->w = (int8_t *)mem;
    q->fix = fix;
    q->weight_sum = sum;
    q->scale = scale;
    q->bias = b;
}

int fg_q8_prep(FgQ8 *q, const FgAttr *attr, int channels_in,
               const float *weight, const float *bias, FgQ8Code in)
{
    *q = (FgQ8){0};
    if (!fg_q8_fits(attr, channels_in))
        return -EINVAL;
    *q = (FgQ8){.ic = channels_in,
                .oc = attr->channels,
                .icp = (channels_in + 3) & ~3,
                .ocp = (attr->channels + COLS - 1) & ~(COLS - 1),
                .k = attr->kernel,
                .stride = attr->stride > 1 ? attr->stride : 1,
                .pad = attr->pad,
                .pad_mode = attr->pad_mode,
                .in = in};
    q->quads = q->k * q->icp / 4;
    q->lines = (q->quads + LINE - 1) / LINE;
    q->owned = aligned_alloc(64,
                             weight_bytes(q) + 4 * whole(4 * (size_t)q->ocp));
    if (!q->owned) {
        *q = (FgQ8){0};
        return -ENOMEM;
    }
    put(q, weight, bias);
    return 0;
}

void fg_q8_free(FgQ8 *q)
{
    if (!q)
        return;
    free(q->owned);
    *q = (FgQ8){0};
}
