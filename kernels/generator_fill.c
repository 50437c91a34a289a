/* ffgan: what a generator's stages are fed.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <math.h>
#include <string.h>

#include "generator_priv.h"
#include "plan_priv.h"

#define TURN 6.28318530717958647692

typedef struct Fill {
    FgGenerator *g;
    FgStage *s;
    FgTensor in, before; /* without padding; before: the stage below's output */
    int k, alone;
    int wrap_x, wrap_y;
} Fill;

static int mod(int a, int n)
{
    const int r = a % n;
    return r < 0 ? r + n : r;
}

/* ---- noise ---- */

static void add_normals(const Fill *f, int y, int c0, int nb, int layer,
                        float gain)
{
    const FgMoment *m = f->g->at;
    float *const row = fg_f32(&f->in, 0, y, 0);
    for (int t = 0; t < m->nb; t++)
        for (int c = 0; c < nb; c++)
            fg_latent_row(row + c0 + c, f->in.pitch, &m->term[t], layer, c, 0,
                          y, f->s->w, m->truncation * gain);
}

static void clear_channels(const Fill *f, int y, int c0, int nb)
{
    for (int x = 0; x < f->s->w; x++)
        memset(fg_f32(&f->in, 0, y, x) + c0, 0, sizeof(float) * (size_t)nb);
}

/* ---- dcgan and texture ---- */

/* Waves whose lengths fit, where the picture's edges have to. */
static void fit_waves(FgGenerator *g, const FgStage *s)
{
    for (int i = 0; i < g->latent.periodic; i++) {
        float *k = g->wave + 2 * i;
        if (g->o.seamless & FG_SEAMLESS_X)
            k[0] = (float)(floor(k[0] * s->w / TURN + 0.5) * TURN / s->w);
        if (g->o.seamless & FG_SEAMLESS_Y)
            k[1] = (float)(floor(k[1] * s->h / TURN + 0.5) * TURN / s->h);
    }
}

static int find_waves(FgGenerator *g, FgError *err)
{
    const FgLatent *l = &g->latent;
    const FgTensor in = fg_tensor_wrap(g->global, (FgShape){1, l->global, 1, 1},
                                       FG_F32);
    FgTensor out = fg_tensor_wrap(g->wave, (FgShape){1, 2 * l->periodic, 1, 1},
                                  FG_F32);
    const FgMoment *m = g->at;
    memset(g->global, 0, sizeof(float) * (size_t)l->global);
    for (int t = 0; t < m->nb; t++)
        for (int c = 0; c < l->global; c++)
            fg_latent_row(g->global + c, 1, &m->term[t], 1, c, 0, 0, 1,
                          m->truncation);
    const int rc = fg_plan_run(g->waves, &in, &out);
    fit_waves(g, &g->stage[0]);
    return rc < 0 ? fg_error(err, rc, "the wave numbers are not finite") : 0;
}

static void global_row(const Fill *f, int y, int c0)
{
    const FgMoment *m = f->g->at;
    for (int c = 0; c < f->g->latent.global; c++) {
        float v = 0;
        for (int t = 0; t < m->nb; t++)
            fg_latent_row(&v, 1, &m->term[t], 1, c, 0, 0, 1, m->truncation);
        for (int x = 0; x < f->s->w; x++)
            fg_f32(&f->in, 0, y, x)[c0 + c] = v;
    }
}

/* Each term has its phase; weights make the sum what it is for one. */
static void periodic_row(const Fill *f, int y, int c0)
{
    const FgMoment *m = f->g->at;
    for (int i = 0; i < f->g->latent.periodic; i++) {
        const float *k = f->g->wave + 2 * i;
        for (int x = 0; x < f->s->w; x++) {
            double sum = 0, s, c;
            for (int t = 0; t < m->nb; t++) {
                const double at = (double)k[0] * x + (double)k[1] * y +
                                  fg_latent_angle(&m->term[t], 2, i);
                fg_sincos(at, &s, &c);
                sum += (double)m->term[t].weight * s;
            }
            fg_f32(&f->in, 0, y, x)[c0 + i] = (float)sum;
        }
    }
}

static void cells_job(void *arg, int y, int worker)
{
    const Fill *f = arg;
    const FgLatent *l = &f->g->latent;
    const int local = l->kind == FG_LATENT_TEXTURE ? l->local : l->channels;
    (void)worker;
    clear_channels(f, y, 0, local);
    add_normals(f, y, 0, local, 0, 1);
    if (l->kind != FG_LATENT_TEXTURE)
        return;
    global_row(f, y, local);
    periodic_row(f, y, local + l->global);
}

/* ---- plates ---- */

static void taps(int at, int dst, int src, int wrap, int *i, int *j,
                 float *part)
{
    const double p = (at + 0.5) * src / dst - 0.5;
    const int k = (int)floor(p);
    *part = (float)(p - k);
    *i = wrap ? mod(k, src) : k < 0 ? 0 : k < src ? k : src - 1;
    *j = wrap ? mod(k + 1, src) : k + 1 < 0 ? 0 : k + 1 < src ? k + 1 : src - 1;
}

static void resize_row(const Fill *f, int y, int channels)
{
    const FgShape b = f->before.shape;
    int y0, y1, x0, x1;
    float fx, fy;
    taps(y, f->s->h, b.h, f->wrap_y, &y0, &y1, &fy);
    for (int x = 0; x < f->s->w; x++) {
        taps(x, f->s->w, b.w, f->wrap_x, &x0, &x1, &fx);
        const float *p = fg_f32(&f->before, 0, y0, x0);
        const float *q = fg_f32(&f->before, 0, y0, x1);
        const float *r = fg_f32(&f->before, 0, y1, x0);
        const float *s = fg_f32(&f->before, 0, y1, x1);
        float *d = fg_f32(&f->in, 0, y, x);
        for (int c = 0; c < channels; c++) {
            const float top = p[c] + fx * (q[c] - p[c]);
            const float low = r[c] + fx * (s[c] - r[c]);
            d[c] = top + fy * (low - top);
        }
    }
}

static void plate_job(void *arg, int y, int worker)
{
    const Fill *f = arg;
    const int up = f->k ? f->before.shape.c : 0, all = f->in.shape.c;
    const float gain = f->g->latent.noise[f->k];
    (void)worker;
    const int made = f->alone ? 0 : up;
    if (made)
        resize_row(f, y, up);
    if (all > made)
        clear_channels(f, y, made, all - made);
    add_normals(f, y, all > up ? up : 0, all > up ? all - up : up, f->k, gain);
}

/* ---- all ---- */

static void wrap_job(void *arg, int y, int worker)
{
    const Fill *f = arg;
    const FgStage *s = f->s;
    const FgTensor *t = &s->in;
    const int from = s->pad_y + mod(y - s->pad_y, s->h);
    const size_t bytes = sizeof(float) * (size_t)t->shape.c;
    (void)worker;
    for (int x = 0; x < t->shape.w; x++) {
        const int u = s->pad_x + mod(x - s->pad_x, s->w);
        if (u != x || from != y)
            memcpy(fg_f32(t, 0, y, x), fg_f32(t, 0, from, u), bytes);
    }
}

int fg_generator_fill(FgGenerator *g, int k, int alone, FgError *err)
{
    FgStage *s = &g->stage[k];
    const FgStage *b = k ? &g->stage[k - 1] : NULL;
    Fill f = {.g = g,
              .s = s,
              .k = k,
              .alone = alone,
              .in = fg_stage_inside(s, &s->in, 1)};
    const int plate = g->latent.kind == FG_LATENT_PLATE;
    f.wrap_x = !!(g->o.seamless & FG_SEAMLESS_X);
    f.wrap_y = !!(g->o.seamless & FG_SEAMLESS_Y);
    if (b)
        f.before = fg_stage_inside(b, &b->out, 1);
    if (g->waves) {
        const int rc = find_waves(g, err);
        if (rc < 0)
            return rc;
    }
    fg_run(g->o.ex, plate ? plate_job : cells_job, &f, s->h);
    if (s->pad_x || s->pad_y)
        fg_run(g->o.ex, wrap_job, &f, s->in.shape.h);
    return 0;
}
