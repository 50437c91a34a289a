/* Spectral normalisation on a GPU. SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "trainer/gpu.h"
#include "trainer/spectral_gpu.h"

struct FgSpectralGpu {
    FgGpu *d;
    int taken;         /* mirrors of the plain weights and of w */
    uint64_t vectors;  /* u and v of each chosen weight, one after another */
    uint64_t numbers;  /* [w.nb][FG_NB_SPECTRAL] double */
    uint64_t parts;    /* doubles of one sum */
    float *there;      /* what the vectors are there */
    float *here;       /* the same of the run's state, which may be another */
    size_t nb, *first; /* floats of all; [w.nb] where u of each begins */
    FgCudaPass apply[2], back;
};

/* A weight as a matrix. */
typedef struct Matrix {
    size_t n;
    int rows, cols;
    uint64_t at, w, grad, u, v, numbers;
} Matrix;

static Matrix matrix(const FgSpectral *s, int i)
{
    const struct FgSpectralGpu *g = s->gpu;
    const FgParam *p = &s->w.p[i];
    const size_t n = fg_param_count(p);
    const int rows = p->dims[0], cols = (int)(n / (size_t)rows);
    const uint64_t u = g->vectors + sizeof(float) * (uint64_t)g->first[i];

    return (Matrix){.n = n,
                    .rows = rows,
                    .cols = cols,
                    .at = fg_mirror_at(s->net->set[FG_SET_PARAM].mirror, i),
                    .w = fg_mirror_at(s->w.mirror, i),
                    .grad = fg_mirror_at(s->net->grads.mirror, i),
                    .u = u,
                    .v = u + sizeof(float) * (uint64_t)rows,
                    .numbers = g->numbers +
                               sizeof(double) * FG_NB_SPECTRAL * (uint64_t)i};
}

/* ---- life ---- */

static size_t count_vectors(FgSpectral *s)
{
    size_t nb = 0;

    for (int i = 0; i < s->w.nb; i++) {
        const size_t rows = (size_t)s->w.p[i].dims[0];

        s->gpu->first[i] = nb;
        if (s->chosen[i])
            nb += rows + fg_param_count(&s->w.p[i]) / rows;
    }
    return nb;
}

static int alloc(FgGpu *d, size_t bytes, uint64_t *at)
{
    FgError err = {""};

    return fg_gpu_fail(d, d->gpu.api->alloc(d->gpu.dev, bytes, at, &err), &err);
}

static int make_memory(FgSpectral *s)
{
    struct FgSpectralGpu *g = s->gpu;
    size_t rows = FG_SQUARES;
    int ret;

    g->first = calloc((size_t)s->w.nb + 1, sizeof(*g->first));
    if (!g->first)
        return -ENOMEM;
    g->nb = count_vectors(s);
    g->there = calloc(g->nb + 1, sizeof(*g->there));
    g->here = calloc(g->nb + 1, sizeof(*g->here));
    if (!g->there || !g->here)
        return -ENOMEM;
    for (int i = 0; i < s->w.nb; i++)
        if ((size_t)s->w.p[i].dims[0] > rows)
            rows = (size_t)s->w.p[i].dims[0];
    ret = alloc(g->d, sizeof(float) * (g->nb + 1), &g->vectors);
    if (!ret)
        ret = alloc(g->d,
                    sizeof(double) * FG_NB_SPECTRAL * ((size_t)s->w.nb + 1),
                    &g->numbers);
    return ret ? ret : alloc(g->d, sizeof(double) * rows, &g->parts);
}

/* 0 or what the device failed with. */
static int open_there(FgSpectral *s)
{
    FgGpu *d = fg_mirror_gpu(s->w.mirror);
    struct FgSpectralGpu *g = s->gpu;
    int ret;

    if (g || d->rc)
        return d->rc;
    g = s->gpu = calloc(1, sizeof(*g));
    if (!g)
        return fg_gpu_fail(d, -ENOMEM, &(FgError){"not enough memory"});
    g->d = d;
    ret = make_memory(s);
    if (ret == -ENOMEM)
        fg_gpu_fail(d, ret, &(FgError){"not enough memory for spectral norms"});
    if (ret || !fg_mirror_take(d, &s->net->set[FG_SET_PARAM]))
        return d->rc;
    if (!fg_mirror_take(d, &s->w)) {
        fg_mirror_leave(&s->net->set[FG_SET_PARAM]);
        return d->rc;
    }
    g->taken = 1;
    return 0;
}

void fg_spectral_gpu_free(FgSpectral *s)
{
    struct FgSpectralGpu *g = s->gpu;

    s->gpu = NULL;
    if (!g)
        return;
    if (g->taken) {
        fg_mirror_leave(&s->net->set[FG_SET_PARAM]);
        fg_mirror_leave(&s->w);
    }
    for (int i = 0; i < 2; i++)
        fg_cuda_pass_forget(&g->d->gpu, &g->apply[i]);
    fg_cuda_pass_forget(&g->d->gpu, &g->back);
    g->d->gpu.api->release(g->d->gpu.dev, g->vectors);
    g->d->gpu.api->release(g->d->gpu.dev, g->numbers);
    g->d->gpu.api->release(g->d->gpu.dev, g->parts);
    free(g->there);
    free(g->here);
    free(g->first);
    free(g);
}

/* ---- the vectors, which are the run's state ---- */

/* Between s->gpu->here and the state. */
static void swap_state(FgSpectral *s, int to_state)
{
    for (int i = 0; i < s->w.nb; i++) {
        float *at = s->gpu->here + s->gpu->first[i];

        for (const char *c = "uv"; *c && s->chosen[i]; c++) {
            FgParam *p = fg_spectral_vector(s, &s->w.p[i], *c);
            const size_t n = fg_param_count(p);

            memcpy(to_state ? p->data : at, to_state ? at : p->data,
                   n * sizeof(float));
            at += n;
        }
    }
}

/* A run that goes on, or back, has others than the device. */
static int put_vectors(FgSpectral *s)
{
    struct FgSpectralGpu *g = s->gpu;
    const size_t bytes = g->nb * sizeof(float);

    swap_state(s, 0);
    if (!memcmp(g->here, g->there, bytes))
        return 0;
    memcpy(g->there, g->here, bytes);
    return fg_gpu_put(g->d, g->vectors, g->there, bytes);
}

static int get_vectors(FgSpectral *s)
{
    struct FgSpectralGpu *g = s->gpu;
    const size_t bytes = g->nb * sizeof(float);

    if (fg_gpu_get(g->d, g->there, g->vectors, bytes))
        return g->d->rc;
    memcpy(g->here, g->there, bytes);
    swap_state(s, 1);
    return 0;
}

/* ---- w ---- */

static FgKernelArgs line(uint64_t at, size_t n)
{
    FgKernelArgs k = {.t = {.images = 1}};

    k.in[0] = k.out = fg_cuda_line(at, n);
    return k;
}

static FgKernelArgs of(const Matrix *m, uint64_t out, int n)
{
    FgKernelArgs k = line(out, (size_t)n);

    k.in[0] = (FgKView){m->at, m->cols, m->rows, 1, m->cols, FG_ELEMENT_F32};
    return k;
}

static uint64_t number(const Matrix *m, int which)
{
    return m->numbers + sizeof(double) * (uint64_t)which;
}

static int normalise(FgGpu *d, const Matrix *m, uint64_t v, int n)
{
    FgKernelArgs k = line(v, (size_t)n);
    int ret;

    k.t.results = 1;
    k.p[0] = number(m, FG_SPECTRAL_NORM);
    ret = fg_gpu_launch(d, FG_KERNEL_t_squares, &k);
    k.p[0] = m->numbers;
    return ret ? ret : fg_gpu_launch(d, FG_KERNEL_t_unit, &k);
}

static int iterate(FgGpu *d, const Matrix *m)
{
    FgKernelArgs v = of(m, m->v, m->cols), u = of(m, m->u, m->rows);
    int ret;

    v.p[0] = m->u;
    u.p[0] = m->v;
    u.t.results = m->rows;
    ret = fg_gpu_launch(d, FG_KERNEL_t_columns, &v);
    if (!ret)
        ret = normalise(d, m, m->v, m->cols);
    if (!ret)
        ret = fg_gpu_launch(d, FG_KERNEL_t_rows, &u);
    return ret ? ret : normalise(d, m, m->u, m->rows);
}

/* nb doubles of s->gpu->parts in one. */
static int total(const FgSpectral *s, uint64_t to, int nb)
{
    FgKernelArgs k = line(s->gpu->parts, (size_t)nb);

    k.t.results = 1;
    k.p[0] = to;
    return fg_gpu_launch(s->gpu->d, FG_KERNEL_t_total, &k);
}

static int divide(const FgSpectral *s, const Matrix *m)
{
    FgGpu *d = s->gpu->d;
    FgKernelArgs b = of(m, m->u, m->rows), k = line(m->w, m->n);
    int ret;

    b.p[0] = m->v;
    b.p[1] = m->u;
    b.p[2] = s->gpu->parts;
    b.t.results = m->rows;
    ret = fg_gpu_launch(d, FG_KERNEL_t_rows, &b);
    if (!ret)
        ret = total(s, number(m, FG_SPECTRAL_SIGMA), m->rows);
    k.in[0].at = m->at;
    k.p[0] = m->numbers;
    return ret ? ret : fg_gpu_launch(d, FG_KERNEL_t_divide, &k);
}

typedef struct Work {
    FgSpectral *s;
    int iterate;
} Work;

static int make_apply(FgGpu *d, void *arg)
{
    const Work *w = arg;
    FgError err = {""};
    int ret = 0;

    for (int i = 0; i < w->s->w.nb && !ret; i++) {
        const Matrix m = matrix(w->s, i);
        const FgKView to = fg_cuda_line(m.w, m.n);
        const FgKView from = fg_cuda_line(m.at, m.n);

        if (!w->s->chosen[i]) {
            ret = fg_gpu_fail(d, fg_cuda_cast(&d->gpu, &to, &from, 1, 1, &err),
                              &err);
            continue;
        }
        ret = w->iterate ? iterate(d, &m) : 0;
        if (!ret)
            ret = divide(w->s, &m);
    }
    return ret;
}

static uint64_t key_of(const FgSpectral *s)
{
    const uint64_t serial[3] = {
        fg_mirror_serial(s->net->set[FG_SET_PARAM].mirror),
        fg_mirror_serial(s->w.mirror), fg_mirror_serial(s->net->grads.mirror)};

    return fg_gpu_key(2, serial, sizeof(serial));
}

void fg_spectral_gpu_apply(FgSpectral *s, int iterate)
{
    Work w = {s, iterate};

    if (open_there(s) || fg_mirror_push(s->net->set[FG_SET_PARAM].mirror) ||
        put_vectors(s) ||
        fg_gpu_pass(s->gpu->d, &s->gpu->apply[iterate], key_of(s), make_apply,
                    &w))
        return;
    for (int i = 0; i < s->w.nb; i++)
        fg_mirror_wrote(s->w.mirror, i);
    if (iterate)
        get_vectors(s);
}

/* ---- the way back ---- */

static int make_back(FgGpu *d, void *arg)
{
    const FgSpectral *s = arg;
    int ret = 0;

    for (int i = 0; i < s->w.nb && !ret; i++) {
        const Matrix m = matrix(s, i);
        FgKernelArgs k = line(m.grad, m.n), b = of(&m, m.grad, (int)m.n);

        if (!s->chosen[i])
            continue;
        k.in[1] = fg_cuda_line(m.w, m.n);
        k.p[0] = s->gpu->parts;
        k.t.results = FG_SQUARES;
        b.p[0] = m.numbers;
        b.p[1] = m.u;
        b.p[2] = m.v;
        ret = fg_gpu_launch(d, FG_KERNEL_t_dot, &k);
        if (!ret)
            ret = total(s, number(&m, FG_SPECTRAL_DOT), FG_SQUARES);
        if (!ret)
            ret = fg_gpu_launch(d, FG_KERNEL_t_undivide, &b);
    }
    return ret;
}

void fg_spectral_gpu_back(FgSpectral *s)
{
    FgMirror *const grads = s->net->grads.mirror;

    if (s->gpu->d->rc || fg_mirror_push(grads) || fg_mirror_push(s->w.mirror) ||
        fg_gpu_pass(s->gpu->d, &s->gpu->back, key_of(s), make_back, s))
        return;
    for (int i = 0; i < s->w.nb; i++)
        if (s->chosen[i])
            fg_mirror_wrote(grads, i);
}
