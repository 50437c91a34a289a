/* ffgan: motion between two frames: levels and the search.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cpu.h"
#include "flow_maths.h"
#include "flow_priv.h"

const FgFlowRows *fg_flow_rows(void)
{
#if defined(__x86_64__)
    const FgCpu level = fg_cpu_level();
    if (level >= FG_CPU_AVX512)
        return &fg_flow_rows_avx512;
    if (level >= FG_CPU_AVX2)
        return &fg_flow_rows_avx2;
#endif
    return &fg_flow_rows_c;
}

static int min(int a, int b)
{
    return a < b ? a : b;
}

static int max(int a, int b)
{
    return a > b ? a : b;
}

/* ---- life ---- */

static int alloc_field(FgField *d, size_t n)
{
    d->u = calloc(n, sizeof(float));
    d->v = calloc(n, sizeof(float));
    return d->u && d->v ? 0 : -ENOMEM;
}

static int init_level(FgLevel *l, int w, int h, int searched)
{
    int rc = 0;
    l->w = w;
    l->h = h;
    l->nx = fg_flow_patches(w);
    l->ny = fg_flow_patches(h);
    for (int k = 0; k < 2 && rc >= 0; k++) {
        rc = fg_plane_alloc(&l->y[k], w, h);
        if (rc < 0 || !searched)
            continue;
        rc = fg_plane_alloc(&l->gx[k], w, h);
        rc = rc < 0 ? rc : fg_plane_alloc(&l->gy[k], w, h);
        rc = rc < 0 ? rc
                    : alloc_field(&l->patch[k], (size_t)l->nx * (size_t)l->ny);
        rc = rc < 0 ? rc : alloc_field(&l->dense[k], (size_t)w * (size_t)h);
    }
    return rc;
}

static int init_maps(FgFlow *f)
{
    const FgLevel *l = &f->level[f->fine];
    const size_t n = (size_t)l->w * (size_t)l->h;
    FgFlowMaps *m = &f->m;
    int ok = 1;
    m->w = l->w;
    m->h = l->h;
    m->unit = (float)(1 << f->fine);
    for (int k = 0; k < 2; k++) {
        m->du[k] = l->dense[k].u;
        m->dv[k] = l->dense[k].v;
        ok &= !!(m->misfit[k] = calloc(n, sizeof(float)));
        ok &= !!(m->landed[k] = calloc(n, sizeof(uint64_t)));
    }
    ok &= !!(m->u = calloc(n, sizeof(float)));
    ok &= !!(m->v = calloc(n, sizeof(float)));
    ok &= !!(m->plain = calloc(n, sizeof(float)));
    ok &= !!(m->share = calloc(n, sizeof(float)));
    ok &= !!(f->sums = calloc((size_t)l->h, 3 * sizeof(double)));
    f->scratch_row = ((size_t)f->w + 64) / 16 * 16 * 6;
    f->scratch = aligned_alloc(64, f->scratch_row * sizeof(float) *
                                       (size_t)fg_threads(f->ex));
    return ok && f->scratch ? 0 : -ENOMEM;
}

/* Motion is looked for at most in about 640 lines: beyond, patches see less of
 * the picture and cost more than they find. */
int fg_flow_levels(int w, int h, int *fine)
{
    int nb = 0;
    *fine = 0;
    while (nb < FG_FLOW_LEVELS && w >= FG_FLOW_LEAST && h >= FG_FLOW_LEAST) {
        nb++;
        if (h > 640)
            *fine = nb;
        w = (w + 1) / 2;
        h = (h + 1) / 2;
    }
    *fine = min(*fine, nb - 1);
    return nb;
}

static int create(FgFlow *f)
{
    int w = f->w, h = f->h, rc = 0;
    f->nb = fg_flow_levels(w, h, &f->fine);
    for (int i = 0; i < f->nb && rc >= 0; i++) {
        rc = init_level(&f->level[i], w, h, i >= f->fine);
        w = (w + 1) / 2;
        h = (h + 1) / 2;
    }
    return rc < 0 ? rc : init_maps(f);
}

int fg_flow_create(FgFlow **pf, int w, int h, FgExecutor *ex, FgError *err)
{
    FgFlow *f = *pf = NULL;
    if (w < FG_FLOW_LEAST || h < FG_FLOW_LEAST || w > 16384 || h > 16384)
        return fg_error(err, -EINVAL,
                        "motion between frames of %dx%d, allowed 16x16 to "
                        "16384x16384",
                        w, h);
    f = calloc(1, sizeof(*f));
    if (!f)
        return fg_error(err, -ENOMEM, "out of memory");
    f->w = w;
    f->h = h;
    f->ex = ex;
    f->rows = fg_flow_rows();
    const int rc = create(f);
    if (rc < 0) {
        fg_flow_free(&f);
        return fg_error(err, rc, "no memory for motion of %dx%d", w, h);
    }
    *pf = f;
    return 0;
}

static void free_level(FgLevel *l)
{
    for (int k = 0; k < 2; k++) {
        fg_plane_free(&l->y[k]);
        fg_plane_free(&l->gx[k]);
        fg_plane_free(&l->gy[k]);
        free(l->patch[k].u);
        free(l->patch[k].v);
        free(l->dense[k].u);
        free(l->dense[k].v);
    }
}

void fg_flow_free(FgFlow **pf)
{
    FgFlow *f = pf ? *pf : NULL;
    if (!f)
        return;
    for (int i = 0; i < f->nb; i++)
        free_level(&f->level[i]);
    for (int k = 0; k < 2; k++) {
        free(f->m.misfit[k]);
        free(f->m.landed[k]);
    }
    free(f->m.u);
    free(f->m.v);
    free(f->m.plain);
    free(f->m.share);
    free(f->sums);
    free(f->scratch);
    free(f);
    *pf = NULL;
}

const FgPlane *fg_flow_luma(const FgFlow *f, int k)
{
    return &f->level[0].y[k];
}

/* ---- a new frame ---- */

typedef struct Push {
    FgFlow *f;
    const float *luma;
    ptrdiff_t row;
} Push;

static void push_job(void *arg, int y, int worker)
{
    const Push *p = arg;
    FgPlane *d = &p->f->level[0].y[1];
    (void)worker;
    memcpy(d->data + y * d->row, p->luma + y * p->row,
           sizeof(float) * (size_t)d->w);
}

static void edges(FgPlane *p)
{
    for (int y = 0; y < p->h; y++)
        fg_plane_edges(p, y);
}

static void halve_job(void *arg, int y, int worker)
{
    const FgFlow *f = arg;
    const FgPlane *s = &f->level[f->at - 1].y[1];
    const FgPlane *d = &f->level[f->at].y[1];
    const float *a = s->data + 2 * y * s->row, *b = a + s->row;
    float *to = d->data + y * d->row;
    (void)worker;
    for (int x = 0; x < d->w; x++)
        to[x] = 0.25f * ((a[2 * x] + a[2 * x + 1]) + (b[2 * x] + b[2 * x + 1]));
}

static void gradient_job(void *arg, int y, int worker)
{
    const FgFlow *f = arg;
    const FgLevel *l = &f->level[f->at];
    const ptrdiff_t at = y * l->y[1].row;
    (void)worker;
    f->rows->gradient(l->gx[1].data + at, l->gy[1].data + at, l->y[1].data + at,
                      l->y[1].row, l->w);
}

static void swap(FgPlane *p)
{
    const FgPlane t = p[0];
    p[0] = p[1];
    p[1] = t;
}

void fg_flow_push(FgFlow *f, const float *luma, ptrdiff_t row)
{
    Push p = {f, luma, row};
    for (int i = 0; i < f->nb; i++) {
        FgLevel *l = &f->level[i];
        swap(l->y);
        swap(l->gx);
        swap(l->gy);
        f->at = i;
        if (!i)
            fg_run(f->ex, push_job, &p, l->h);
        else
            fg_run(f->ex, halve_job, f, l->h);
        edges(&l->y[1]);
        if (i >= f->fine)
            fg_run(f->ex, gradient_job, f, l->h);
    }
}

/* ---- patches ---- */

static void add_start(FgPatch *p, float u, float v)
{
    for (int i = 0; i < p->nb_starts; i++)
        if (p->start[i][0] == u && p->start[i][1] == v)
            return;
    p->start[p->nb_starts][0] = u;
    p->start[p->nb_starts++][1] = v;
}

/* The coarser level's motion at sample (x, y) of this one. */
static void add_coarse(FgPatch *p, const FgFlow *f, int x, int y)
{
    const FgLevel *c = &f->level[f->at + 1];
    const int u = max(0, min(x / 2, c->w - 1)),
              v = max(0, min(y / 2, c->h - 1));
    const int at = v * c->w + u;
    add_start(p, 2 * c->dense[f->way].u[at], 2 * c->dense[f->way].v[at]);
}

static void starts(FgPatch *p, const FgFlow *f)
{
    const int x = p->x + FG_PATCH / 2, y = p->y + FG_PATCH / 2;
    p->nb_starts = 0;
    if (f->at + 1 < f->nb) {
        add_coarse(p, f, x, y);
        add_coarse(p, f, x - FG_PATCH, y);
        add_coarse(p, f, x + FG_PATCH, y);
        add_coarse(p, f, x, y - FG_PATCH);
        add_coarse(p, f, x, y + FG_PATCH);
    }
    add_start(p, 0, 0);
}

static void patch_job(void *arg, int j, int worker)
{
    const FgFlow *f = arg;
    const FgLevel *l = &f->level[f->at];
    const int k = f->way;
    (void)worker;
    for (int i = 0; i < l->nx; i++) {
        FgPatch p = {.row = l->y[k].row,
                     .to = &l->y[!k],
                     .steps = FG_FLOW_STEPS,
                     .x = fg_flow_patch(i, l->w),
                     .y = fg_flow_patch(j, l->h)};
        const ptrdiff_t at = p.y * p.row + p.x;
        p.t = l->y[k].data + at;
        p.gx = l->gx[k].data + at;
        p.gy = l->gy[k].data + at;
        starts(&p, f);
        f->rows->search(&p);
        l->patch[k].u[j * l->nx + i] = p.u;
        l->patch[k].v[j * l->nx + i] = p.v;
    }
}

static void spread_row(const FgFlow *f, const FgLevel *l, int j, int y,
                       float *w, float *u, float *v)
{
    const int k = f->way;
    for (int i = 0; i < l->nx; i++) {
        const int x = fg_flow_patch(i, l->w), at = j * l->nx + i;
        const FgSpread s = {l->y[k].data + y * l->y[k].row + x,
                            &l->y[!k],
                            x,
                            y,
                            l->patch[k].u[at],
                            l->patch[k].v[at],
                            w + x,
                            u + x,
                            v + x};
        f->rows->spread(&s);
    }
}

static void dense_job(void *arg, int y, int worker)
{
    const FgFlow *f = arg;
    const FgLevel *l = &f->level[f->at];
    const size_t n = (size_t)l->w;
    float *const w = fg_flow_scratch(f, worker);
    float *const u = l->dense[f->way].u + (size_t)y * n;
    float *const v = l->dense[f->way].v + (size_t)y * n;
    memset(w, 0, n * sizeof(*w));
    memset(u, 0, n * sizeof(*u));
    memset(v, 0, n * sizeof(*v));
    /* Patch rows that cover y: top <= y < top + 8; the last one's
     * place is pulled in. */
    for (int j = fg_flow_first_patch(y); j < l->ny; j++) {
        const int top = fg_flow_patch(j, l->h);
        if (top > y)
            break;
        if (top + FG_PATCH > y)
            spread_row(f, l, j, y, w, u, v);
    }
    for (size_t x = 0; x < n; x++) {
        u[x] /= w[x];
        v[x] /= w[x];
    }
}

void fg_flow_find(FgFlow *f)
{
    for (f->at = f->nb - 1; f->at >= f->fine; f->at--)
        for (f->way = 0; f->way < 2; f->way++) {
            fg_run(f->ex, patch_job, f, f->level[f->at].ny);
            fg_run(f->ex, dense_job, f, f->level[f->at].h);
        }
    fg_flow_measure(f);
}
