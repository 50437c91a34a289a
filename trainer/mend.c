/* A frame between two frames, and what it owes to the network.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "trainer/mend.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int fg_mend_alloc(FgMend *m, int w, int h)
{
    const size_t n = (size_t)w * (size_t)h;

    *m = (FgMend){.w = w, .h = h};
    m->luma = malloc(n * sizeof(float));
    m->share = malloc(n * sizeof(float));
    m->fade = malloc(n * sizeof(float));
    m->error = malloc(n * sizeof(float));
    m->y = malloc(n * sizeof(float));
    m->slope = malloc(n * sizeof(float));
    m->doubt = malloc(n * sizeof(float));
    m->scratch = malloc(3 * ((size_t)w + 4) * sizeof(float));
    if (m->luma && m->share && m->fade && m->error && m->y && m->slope &&
        m->doubt && m->scratch)
        return 0;
    fg_mend_free(m);
    return -ENOMEM;
}

void fg_mend_free(FgMend *m)
{
    free(m->luma);
    free(m->share);
    free(m->fade);
    free(m->error);
    free(m->y);
    free(m->slope);
    free(m->doubt);
    free(m->scratch);
    *m = (FgMend){0};
}

void fg_mend_run(FgMend *m, const float *in, const float *out, int w, int h)
{
    const int n = w * h;

    fg_interp_fuse(m->luma, m->share, m->fade, in, out, n);
    fg_interp_doubt(m->error, in, m->share, n);
    for (int y = 0; y < h; y++)
        fg_interp_settle(m->y + (ptrdiff_t)y * w, m->luma, m->error, w, h, y,
                         m->scratch);
    for (int i = 0; out && i < n; i++)
        m->y[i] += out[FG_INTERP_OUT * i + 1];
}

double fg_mend_mse(const FgMend *m, const float *want)
{
    double sum = 0;

    for (int i = 0; i < m->w * m->h; i++)
        sum += (double)(m->y[i] - want[i]) * (m->y[i] - want[i]);
    return sum / m->w / m->h;
}

/* ---- back ---- */

static int clamp(int v, int top)
{
    return v < 0 ? 0 : v < top ? v : top;
}

static float mean_of(const float *p, int w, int h, int x, int y, int reach,
                     int squared)
{
    const int side = 2 * reach + 1;
    float sum = 0;

    for (int j = -reach; j <= reach; j++)
        for (int i = -reach; i <= reach; i++) {
            const float v = p[clamp(y + j, h - 1) * w + clamp(x + i, w - 1)];

            sum += squared ? v * v : v;
        }
    return sum / (float)(side * side);
}

/* m + k (l - m), k = 1 - e / v: by l through m and v (3 x 3), and by e (5 x 5).
 */
static void settled_back(FgMend *m, int x, int y, float g)
{
    const int w = m->w, h = m->h;
    const float l = m->luma[y * w + x];
    const float mean = mean_of(m->luma, w, h, x, y, 1, 0);
    const float v = mean_of(m->luma, w, h, x, y, 1, 1) - mean * mean;
    const float e = mean_of(m->error, w, h, x, y, 2, 0);
    const int some = v > e;
    const float keep = some ? (v - e) / v : 0;
    const float by_mean = g * (1 - keep) / 9;
    const float by_v = some ? g * (l - mean) * e / (v * v) * (2 / 9.0f) : 0;
    const float by_e = some ? -g * (l - mean) / v / 25 : 0;

    m->slope[y * w + x] += g * keep;
    for (int j = -2; j <= 2; j++)
        for (int i = -2; i <= 2; i++) {
            const int at = clamp(y + j, h - 1) * w + clamp(x + i, w - 1);

            m->doubt[at] += by_e;
            if (abs(i) < 2 && abs(j) < 2)
                m->slope[at] += by_mean + by_v * (m->luma[at] - mean);
        }
}

static int is_sure(const FgMend *m, int x, int y)
{
    for (int j = -2; j <= 2; j++)
        for (int i = -2; i <= 2; i++)
            if (m->error[clamp(y + j, m->h - 1) * m->w +
                         clamp(x + i, m->w - 1)] > 0)
                return 0;
    return 1;
}

/* Whether clip(v, 0, 1) lets through a loss that rises by g with it. */
static int moves(float v, float g)
{
    return (v > 0 || g < 0) && (v < 1 || g > 0);
}

static void pixel_back(const FgMend *m, int i, const float *in,
                       const float *out, float g, float *d)
{
    const float step = in[1] - in[0], a = m->share[i], s = m->fade[i];
    const float plain = in[4] + in[6] * (in[5] - in[4]);
    const float by_a = m->slope[i] * (1 - s) * step +
                       m->doubt[i] * (0.5f - a) * step * step;
    const float by_s = m->slope[i] * (plain - (in[0] + a * step));

    d[0] = moves(in[2] + out[0], by_a) ? by_a : 0;
    d[1] = g;
    d[2] = moves(out[2], by_s) ? by_s : 0;
}

void fg_mend_back(FgMend *m, const float *in, const float *out, const float *g,
                  float *dout)
{
    const int w = m->w, h = m->h;

    memset(m->slope, 0, sizeof(float) * (size_t)w * (size_t)h);
    memset(m->doubt, 0, sizeof(float) * (size_t)w * (size_t)h);
    for (int y = 0; y < h; y++)
        for (int x = 0; x < w; x++)
            if (is_sure(m, x, y))
                m->slope[y * w + x] += g[y * w + x];
            else
                settled_back(m, x, y, g[y * w + x]);
    for (int i = 0; i < w * h; i++)
        pixel_back(m, i, in + FG_INTERP_IN * i, out + FG_INTERP_OUT * i, g[i],
                   dout + FG_INTERP_OUT * i);
}
