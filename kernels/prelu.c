/* ffgan: x where positive, else a learned slope per channel.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "dsp.h"
#include "opkit.h"

#ifndef FG_REAL_DOUBLE
int fg_prelu_shape(const FgNode *n, const FgShape *in, FgShape *out,
                   FgError *err)
{
    (void)n, (void)err;
    *out = in[0];
    return 0;
}

int fg_prelu_param_dims(const FgNode *n, const FgShape *in, int k, int dims[4])
{
    (void)n, (void)k;
    dims[0] = in[0].c;
    return 1;
}

size_t fg_prelu_scratch(const FgNode *n, const FgShape *in, const FgShape *out,
                        FgDtype dtype, int threads)
{
    (void)n, (void)out, (void)dtype, (void)threads;
    return fg_row_sum_size(in[0].n, in[0].c);
}
#endif

static void prelu_pixels(fg_real *y, const fg_real *x, const fg_real *slope,
                         int pixels, int c)
{
#ifndef FG_REAL_DOUBLE
    fg_dsp()->prelu_f32(y, x, slope, pixels, c);
#else
    for (int i = 0; i < pixels; i++, x += c, y += c)
        for (int k = 0; k < c; k++)
            y[k] = x[k] > 0 ? x[k] : x[k] * slope[k];
#endif
}

static void prelu_job(void *arg, int i, int worker)
{
    const FgOpCall *const c = arg;
    const FgShape s = c->in[0]->shape;
    const int one = fg_dense_row(c->in[0]) && fg_dense_row(c->out);
    const int n = i / s.h, y = i % s.h;
    (void)worker;
    for (int x = 0; x < (one ? 1 : s.w); x++)
        prelu_pixels(fg_at(c->out, n, y, x), fg_at(c->in[0], n, y, x),
                     c->param[0]->data, one ? s.w : 1, s.c);
}

int FG_REAL_NAME(fg_prelu_forward)(const FgOpCall *c)
{
    fg_rows(c, prelu_job, c->in[0]->shape);
    return 0;
}

static void prelu_din_job(void *arg, int i, int worker)
{
    const FgOpCall *const c = arg;
    const FgShape s = c->in[0]->shape;
    const fg_real *const slope = c->param[0]->data;
    const int n = i / s.h, y = i % s.h;
    (void)worker;
    for (int x = 0; x < s.w; x++) {
        const fg_real *const in = fg_at(c->in[0], n, y, x);
        const fg_real *const dy = fg_at(c->dout, n, y, x);
        fg_real *const dx = fg_at(c->din[0], n, y, x);
        for (int k = 0; k < s.c; k++)
            dx[k] = (c->din_add[0] ? dx[k] : 0) +
                    (in[k] > 0 ? dy[k] : dy[k] * slope[k]);
    }
}

static void prelu_sum_row(const void *arg, int n, int y, double *acc)
{
    const FgOpCall *const c = arg;
    const FgShape s = c->in[0]->shape;
    for (int x = 0; x < s.w; x++) {
        const fg_real *const in = fg_at(c->in[0], n, y, x);
        const fg_real *const dy = fg_at(c->dout, n, y, x);
        for (int k = 0; k < s.c; k++)
            acc[k] += in[k] > 0 ? 0 : (double)dy[k] * in[k];
    }
}

#ifndef FG_REAL_DOUBLE
enum { MOST_FUSED = 1024 }; /* channels of both gradients in one pass */

/* din may be dout: each pixel is read before it is written. */
static void prelu_both_row(const void *arg, int n, int y, double *acc)
{
    const FgOpCall *const c = arg;
    const FgShape s = c->in[0]->shape;
    float sum[MOST_FUSED];
    const FgPreluGrad q = {.dx = fg_at(c->din[0], n, y, 0),
                           .sum = sum,
                           .dy = fg_at(c->dout, n, y, 0),
                           .x = fg_at(c->in[0], n, y, 0),
                           .slope = c->param[0]->data,
                           .dx_pitch = c->din[0]->pitch,
                           .dy_pitch = c->dout->pitch,
                           .x_pitch = c->in[0]->pitch,
                           .pixels = s.w,
                           .c = s.c,
                           .add = c->din_add[0]};
    fg_dsp()->prelu_grad(&q);
    for (int k = 0; k < s.c; k++)
        acc[k] += (double)sum[k];
}

static int both(const FgOpCall *c)
{
    return c->dparam[0] && c->din[0] && c->in[0]->shape.c <= MOST_FUSED;
}
#endif

int FG_REAL_NAME(fg_prelu_backward)(const FgOpCall *c)
{
    const FgShape s = c->in[0]->shape;
    FgRowSum sum = {prelu_sum_row, c, s.n, s.h, s.c, c->scratch};
    int din = c->din[0] != NULL;
#ifndef FG_REAL_DOUBLE
    if (both(c)) {
        sum.row = prelu_both_row;
        din = 0;
    }
#endif
    /* the slopes first: din may be dout */
    if (c->dparam[0]) {
        fg_row_sum(c->ex, &sum, 1);
        fg_add_sums(c->dparam[0], sum.sum, s.c);
    }
    if (din)
        fg_rows(c, prelu_din_job, s);
    return 0;
}
