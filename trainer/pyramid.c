/* A plate at every size of the pyramid, and what lies between the sizes.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "trainer/imresize.h"
#include "trainer/plate.h"

void fg_pyramid_sizes(FgPyramid *p, int w, int h, int least, int most,
                      int stages)
{
    const int large = w > h ? w : h, small = w > h ? h : w;
    const double top = most < large ? (double)most / large : 1;
    const double low = small > least ? (double)least / small : top;
    const double first = low < top ? low : top;

    p->nb_stages = stages;
    for (int k = 0; k < stages; k++) {
        const double part = stages > 1 ? (double)k / (stages - 1) : 1;
        const double by = first * pow(top / first, part);

        p->size[k][0] = (int)lround(w * by) > 1 ? (int)lround(w * by) : 2;
        p->size[k][1] = (int)lround(h * by) > 1 ? (int)lround(h * by) : 2;
    }
}

/* Picture a, and alpha's first channel, as one dense float picture. */
static void join(float *out, const FgPicture *a, const FgPicture *alpha)
{
    const size_t n = (size_t)a->w * (size_t)a->h;
    const int c = alpha ? 4 : 3;

    for (size_t i = 0; i < n; i++) {
        for (int k = 0; k < 3; k++)
            out[c * i + k] = a->rgb[3 * i + k] / 127.5f - 1;
        if (alpha)
            out[c * i + 3] = alpha->rgb[3 * i] / 127.5f - 1;
    }
}

static int make_frame(FgPyramid *p, int frame, const FgPicture *a,
                      const FgPicture *alpha, float *whole)
{
    int ret = 0;

    join(whole, a, alpha);
    for (int k = 0; k < p->nb_stages && !ret; k++) {
        float *to = fg_f32(&p->real[k], frame, 0, 0);
        const size_t n = (size_t)p->size[k][0] * (size_t)p->size[k][1] *
                         (size_t)p->c;

        ret = fg_imresize_f32(to, p->size[k][0], p->size[k][1], whole, a->w,
                              a->h, p->c);
        for (size_t i = 0; i < n && !ret; i++)
            to[i] = to[i] < -1 ? -1 : to[i] > 1 ? 1 : to[i];
    }
    return ret;
}

int fg_pyramid_make(FgPyramid *p, const FgPicture *const *rgb,
                    const FgPicture *const *alpha)
{
    float *whole;
    int ret = 0;

    for (int k = 0; k < p->nb_stages && !ret; k++)
        ret = fg_tensor_alloc(
            &p->real[k],
            (FgShape){p->nb_frames, p->c, p->size[k][1], p->size[k][0]},
            FG_F32);
    whole = malloc(sizeof(*whole) * 4 * (size_t)rgb[0]->w * rgb[0]->h);
    if (!whole)
        ret = -ENOMEM;
    for (int i = 0; i < p->nb_frames && !ret; i++)
        ret = make_frame(p, i, rgb[i], alpha ? alpha[i] : NULL, whole);
    free(whole);
    return ret;
}

void fg_pyramid_free(FgPyramid *p)
{
    if (!p)
        return;
    for (int k = 0; k < FG_MAX_STAGES; k++)
        fg_tensor_free(&p->real[k]);
    *p = (FgPyramid){0};
}

/* One axis: output i lies between inputs a and b, at share f of b. */
typedef struct Between {
    int a, b;
    float f;
} Between;

static Between between(int i, int out, int in)
{
    const double at = (i + 0.5) * in / out - 0.5;
    const double low = floor(at);
    const int a = (int)low;
    Between q = {a < 0 ? 0 : a, a + 1 > in - 1 ? in - 1 : a + 1,
                 (float)(at - low)};

    if (q.b < 0)
        q.b = 0;
    return q;
}

void fg_bilinear(FgTensor *dst, const FgTensor *src)
{
    const FgShape s = src->shape, d = dst->shape;

    for (int y = 0; y < d.h; y++) {
        const Between v = between(y, d.h, s.h);

        for (int x = 0; x < d.w; x++) {
            const Between u = between(x, d.w, s.w);
            const float *a = fg_f32(src, 0, v.a, u.a);
            const float *b = fg_f32(src, 0, v.a, u.b);
            const float *e = fg_f32(src, 0, v.b, u.a);
            const float *f = fg_f32(src, 0, v.b, u.b);
            float *out = fg_f32(dst, 0, y, x);

            for (int k = 0; k < s.c; k++) {
                const float top = a[k] + u.f * (b[k] - a[k]);
                const float low = e[k] + u.f * (f[k] - e[k]);

                out[k] = top + v.f * (low - top);
            }
        }
    }
}

void fg_bilinear_back(FgTensor *dsrc, const FgTensor *ddst)
{
    const FgShape s = dsrc->shape, d = ddst->shape;

    fg_tensor_zero(dsrc);
    for (int y = 0; y < d.h; y++) {
        const Between v = between(y, d.h, s.h);

        for (int x = 0; x < d.w; x++) {
            const Between u = between(x, d.w, s.w);
            const float *g = fg_f32(ddst, 0, y, x);
            float *a = fg_f32(dsrc, 0, v.a, u.a);
            float *b = fg_f32(dsrc, 0, v.a, u.b);
            float *e = fg_f32(dsrc, 0, v.b, u.a);
            float *f = fg_f32(dsrc, 0, v.b, u.b);

            for (int k = 0; k < s.c; k++) {
                a[k] += (1 - v.f) * (1 - u.f) * g[k];
                b[k] += (1 - v.f) * u.f * g[k];
                e[k] += v.f * (1 - u.f) * g[k];
                f[k] += v.f * u.f * g[k];
            }
        }
    }
}
