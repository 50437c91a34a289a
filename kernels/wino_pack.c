/* Winograd: weights into planes.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "wino.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define PLANES 36
/* 32767 * 65536 < 2^31: no sum of products overflows. */
#define MAX_SUM 65536.0
#define MAX_U 32767.0

int fg_wino_fits(const FgAttr *a)
{
    return a->kernel == 3 && a->stride <= 1 && a->groups <= 1 && a->pad >= 0 &&
           a->pad <= 2;
}

/* u = G g G' of one 3x3 kernel. */
static void transform(const double g[9], double u[PLANES])
{
    const double a = sqrt(0.5), b = sqrt(2.0);
    /* Rows of +-sqrt2 times 2: see wino.h. */
    const double na = 2 * a * a * (a * a - b * b);
    const double nb = 2 * b * b * (b * b - a * a) * 0.5;
    const double G[6][3] = {
        {1, 0, 0},
        {1 / na, a / na, a * a / na},
        {1 / na, -a / na, a * a / na},
        {1 / nb, b / nb, b * b / nb},
        {1 / nb, -b / nb, b * b / nb},
        {0, 0, 1},
    };
    double t[6][3];

    for (int i = 0; i < 6; i++)
        for (int x = 0; x < 3; x++)
            t[i][x] = G[i][0] * g[x] + G[i][1] * g[3 + x] + G[i][2] * g[6 + x];
    for (int i = 0; i < 6; i++)
        for (int j = 0; j < 6; j++)
            u[6 * i + j] = t[i][0] * G[j][0] + t[i][1] * G[j][1] +
                           t[i][2] * G[j][2];
}

/* The kernel from input i to output o of this product. */
static void kernel_of(const FgWino *w, const float *weight, int o, int i,
                      int flip, double g[9])
{
    const float *const k = weight +
                           9 * (flip ? (size_t)i * (size_t)w->oc + (size_t)o
                                     : (size_t)o * (size_t)w->ic + (size_t)i);

    for (int t = 0; t < 9; t++)
        g[t] = k[flip ? 8 - t : t];
}

/* all[i][plane] of output o. */
static void planes_of(const FgWino *w, const float *weight, int o, int flip,
                      double *all)
{
    for (int i = 0; i < w->ic; i++) {
        double g[9];

        kernel_of(w, weight, o, i, flip, g);
        transform(g, all + (size_t)i * PLANES);
    }
}

/* The largest factor that lets neither a weight nor a sum overflow. */
static double factor_of(const double *all, int ic)
{
    double top = 0, most = 0;

    for (int p = 0; p < PLANES; p++) {
        double sum = 0;

        for (int i = 0; i < ic; i++) {
            sum += fabs(all[i * PLANES + p]);
            top = fmax(top, fabs(all[i * PLANES + p]));
        }
        most = fmax(most, sum);
    }
    /* Rounding may add a half to each. */
    return most > 1e-30 ? fmin((MAX_SUM - ic) / most, MAX_U / top) : 0;
}

static void put_i16(const FgWino *w, int16_t *u, float *scale,
                    const double *all, int o)
{
    const double f = factor_of(all, w->ic);
    const size_t pairs = (size_t)(w->ic + 1) / 2;

    scale[o] = f > 0 ? (float)(1 / f) : 0;
    for (int i = 0; i < w->ic; i++)
        for (size_t p = 0; p < PLANES; p++)
            u[((p * pairs + (size_t)i / 2) * (size_t)w->ocp + (size_t)o) * 2 +
              (size_t)(i & 1)] = (int16_t)lrint(all[i * PLANES + (int)p] * f);
}

static void put_f32(const FgWino *w, float *u, const double *all, int o)
{
    for (int i = 0; i < w->ic; i++)
        for (size_t p = 0; p < PLANES; p++)
            u[(p * (size_t)w->ic + (size_t)i) * (size_t)w->ocp + (size_t)o] =
                (float)all[i * PLANES + (int)p];
}

static size_t u_bytes(const FgWino *w)
{
    const size_t n = w->kind == FG_WINO_I16 ? (size_t)(w->ic + 1) / 2
                                            : (size_t)w->ic;

    return (PLANES * n * (size_t)w->ocp * 4 + 63) & ~(size_t)63;
}

static size_t packed_bytes(const FgWino *w)
{
    return u_bytes(w) + 8 * (size_t)w->ocp;
}

size_t fg_wino_bytes(const FgWino *w)
{
    return w->u ? packed_bytes(w) : 0;
}

size_t fg_wino_memory(const FgWino *w)
{
    return (packed_bytes(w) + sizeof(double) * PLANES * (size_t)w->ic + 63) &
           ~(size_t)63;
}

int fg_wino_geometry(FgWino *w, FgWinoKind kind, const FgAttr *attr,
                     int channels_in, int flip)
{
    *w = (FgWino){0};
    if (!fg_wino_fits(attr) || channels_in < 1 || attr->channels < 1 ||
        channels_in > 1 << 14 || attr->channels > 1 << 14 ||
        (flip && attr->pad_mode))
        return -EINVAL;
    w->kind = kind;
    w->ic = flip ? attr->channels : channels_in;
    w->oc = flip ? channels_in : attr->channels;
    w->icp = (w->ic + 7) & ~7;
    w->ocp = (w->oc + 7) & ~7;
    w->pad = flip ? 2 - attr->pad : attr->pad;
    w->pad_mode = attr->pad_mode;
    return 0;
}

void fg_wino_put_begin(FgWino *w, void *mem, const float *bias)
{
    float *const scale = (float *)((char *)mem + u_bytes(w));

    memset(mem, 0, packed_bytes(w));
    for (int o = 0; bias && o < w->oc; o++)
        scale[w->ocp + o] = bias[o];
    w->u = mem;
    w->scale = scale;
    w->bias = scale + w->ocp;
}

void fg_wino_put_output(const FgWino *w, const float *weight, int flip, int o,
                        void *scratch)
{
    double *const all = scratch;

    planes_of(w, weight, o, flip, all);
    if (w->kind == FG_WINO_I16)
        put_i16(w, (int16_t *)(uintptr_t)w->u, (float *)(uintptr_t)w->scale,
                all, o);
    else
        put_f32(w, (float *)(uintptr_t)w->u, all, o);
}

void fg_wino_put(FgWino *w, void *mem, const float *weight, const float *bias,
                 int flip)
{
    fg_wino_put_begin(w, mem, bias);
    for (int o = 0; o < w->oc; o++)
        fg_wino_put_output(w, weight, flip, o, (char *)mem + packed_bytes(w));
}

int fg_wino_prep(FgWino *w, FgWinoKind kind, const FgAttr *attr,
                 int channels_in, const float *weight, const float *bias,
                 int flip)
{
    int ret = fg_wino_geometry(w, kind, attr, channels_in, flip);
    const size_t n = ret ? 0 : 9 * (size_t)w->ic * (size_t)w->oc;

    for (size_t i = 0; i < n && !ret; i++)
        ret = isfinite(weight[i]) ? 0 : -EINVAL;
    if (!ret) {
        w->owned = aligned_alloc(64, fg_wino_memory(w));
        ret = w->owned ? 0 : -ENOMEM;
    }
    if (ret)
        fg_wino_free(w);
    else
        fg_wino_put(w, w->owned, weight, bias, flip);
    return ret;
}

void fg_wino_free(FgWino *w)
{
    if (!w)
        return;
    free(w->owned);
    *w = (FgWino){0};
}
