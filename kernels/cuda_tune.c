/* ffgan: plans on a GPU: how each convolution is done best, by measurement.
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * It runs in the plan's own memory before that holds anything. What is measured
 * is one layer at a time, so that equal layers of any network share it. */
#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"
#include "cuda/hd.h"
#include "cuda_choice.h"
#include "cuda_fp8.h"
#include "graph_priv.h"

enum { ENGINES = 8, MOST = ENGINES + 5, ROUNDS = 3, CHECK_ROWS = 16 };
enum { FILL = 1 << 20 }; /* bytes of random numbers */

/* Slower than this share of the choice by reckoning, or it stays: noise. */
static const float gain = 0.97F;

typedef struct Candidate {
    char name[FG_CHOICE_NAME];
    int kernel;     /* of ours */
    FgCudaDnn *dnn; /* or an engine, owned */
    float us;
} Candidate;

typedef struct Known { /* of this plan */
    char key[FG_CHOICE_KEY];
    FgChoice c;
} Known;

typedef struct Tune {
    FgPlan *p;
    FgCudaPlan *c;
    FgError *err;
    char where[320]; /* of keys: device, driver, versions */
    uint16_t *fill;  /* FILL bytes */
    uint8_t *fill8;  /* the same for what is kept in 8 bits */
    int whole;       /* a picture is one window: cuDNN may be used */
    int failed;      /* cuDNN did, not for what was asked: it may work later */
    size_t space;    /* bytes at c->dnn_space */
    Known *known;
    int nb_known;
} Tune;

/* ---- what may do a layer ---- */

int fg_cuda_dnn_args(const FgPlan *p, const FgCudaStep *t, FgKernelArgs *a)
{
    if (t->kernel != FG_KERNEL_conv && !fg_cuda_mma_outputs(t))
        return 0;
    *a = fg_cuda_args(p, t);
    if (a->in[0].element == FG_ELEMENT_E4M3 ||
        a->out.element == FG_ELEMENT_E4M3)
        return 0;
    return (!a->pad || !a->pad_mode) && !t->nb_out;
}

static int own_candidates(const Tune *u, const FgCudaStep *t, Candidate *c)
{
    const FgCudaPlan *p = u->c;
    const int now = fg_cuda_mma_outputs(t);
    const int oc = t->nb_out ? t->nb_out : t->a.blocks * now;
    const int fp8 = t->in[0] >= u->p->g.nb_nodes;
    const char *const how = t->kernel >= FG_KERNEL_e4m3_w16_k1 && now && fp8
                                ? "wgmma n%d"
                                : "mma n%d";
    int nb = 1;
    c[0].kernel = t->kernel;
    snprintf(c[0].name, sizeof(c[0].name), now ? how : "simt", now);
    for (int n = 16; now && n <= 64 && n < oc + 16; n += 16)
        if (n != now) {
            c[nb].kernel = fg_cuda_kernel_like(u->p, t, n);
            snprintf(c[nb++].name, sizeof(c[0].name), how, n);
        }
    if (now && !fp8 && oc > 48 && t->a.kernel == 3 &&
        p->element == FG_ELEMENT_F16 &&
        p->api->has(p->dev, FG_KERNEL_f16_w64_k3)) {
        c[nb].kernel = FG_KERNEL_f16_w64_k3;
        snprintf(c[nb++].name, sizeof(c[0].name), "wgmma n64");
    }
    return nb;
}

static int dnn_candidates(Tune *u, const FgCudaStep *t, Candidate *c)
{
    FgCudaDnn *found[ENGINES];
    FgKernelArgs a;
    if (!u->whole || !fg_cuda_dnn_args(u->p, t, &a))
        return 0;
    FgError why = {{0}};
    const int nb = u->c->api->dnn_find(u->c->dev, &a, ENGINES, found, &why);
    u->failed |= nb < 0;
    if (nb <= 0)
        fg_cuda_dnn_refused(u->p, &why);
    for (int i = 0; i < nb; i++) {
        c[i].dnn = found[i];
        snprintf(c[i].name, sizeof(c[i].name), "cuDNN %s",
                 u->c->api->dnn_name(found[i]));
    }
    return nb > 0 ? nb : 0;
}

static void drop(Tune *u, Candidate *c, int nb)
{
    for (int i = 0; i < nb; i++)
        u->c->api->dnn_drop(u->c->dev, &c[i].dnn);
}

/* ---- keys ---- */

static void set_where(Tune *u)
{
    FgCudaInfo i;
    FgError unused;
    const FgCudaDevice *d = &u->c->about;
    memset(&i, 0, sizeof(i));
    u->c->api->probe(&i, &unused);
    snprintf(u->where, sizeof(u->where),
             "%s %s, sm_%d%d%s x%d, driver %d, cuDNN %d, plug-in %s.%d",
             u->c->api->kind, d->name, d->major, d->minor,
             u->c->api->has(u->c->dev, FG_KERNEL_f16_w64_k3) ? "a" : "",
             d->units, i.driver, i.cudnn, FFGAN_VERSION, FG_CUDA_ABI);
}

static void set_key(const Tune *u, const FgCudaStep *t, char *key)
{
    const FgKernelArgs a = fg_cuda_args(u->p, t);
    snprintf(key, FG_CHOICE_KEY,
             "%s: element %d to %d, %dx%d, %d/%d to %d/%d, side %d, stride %d, "
             "pad %d.%d, groups %d, bias %d, act %d %a, add %d/%d, whole %d",
             u->where, a.in[0].element, a.out.element, a.in[0].w, a.in[0].h,
             a.in[0].c, a.in[0].pitch, a.out.c, a.out.pitch, a.kernel, a.stride,
             a.pad, a.pad_mode, a.groups, a.p[1] != 0, a.act, (double)a.alpha,
             a.add.at ? 1 + a.add_first : 0, a.add.pitch, u->whole);
}

/* ---- measuring ---- */

static size_t bytes_of(const FgKView *v)
{
    return (size_t)v->h * (size_t)v->w * (size_t)v->pitch *
           (v->element == FG_ELEMENT_F32    ? 4
            : v->element == FG_ELEMENT_E4M3 ? 1
                                            : 2);
}

/* Random numbers below 1, not zeros: these are faster. */
static void make_fill(Tune *u)
{
    uint32_t r[4];
    const int f32 = u->c->element == FG_ELEMENT_F32;
    float *const f = (float *)(void *)u->fill;
    for (uint32_t i = 0; i < FILL / 4; i++) {
        const uint32_t counter[4] = {i, 0, 0, 0}, key[2] = {1, 2};
        fg_philox(counter, key, r);
        const float v[2] = {(float)(r[0] / 4294967296.0) - 0.5F,
                            (float)(r[1] / 4294967296.0) - 0.5F};
        if (f32)
            f[i] = v[0];
        for (int k = 0; !f32 && k < 2; k++)
            u->fill[2 * i + (uint32_t)k] = fg_put16(u->c->element, v[k]);
    }
}

static int fill(Tune *u, const FgKView *v)
{
    const void *const from = v->element == FG_ELEMENT_E4M3
                                 ? (const void *)u->fill8
                                 : u->fill;
    const size_t bytes = v->at ? bytes_of(v) : 0;
    int rc = 0;
    for (size_t i = 0; i < bytes && rc >= 0; i += FILL)
        rc = u->c->api->upload(u->c->dev, NULL, v->at + i, from,
                               bytes - i < FILL ? bytes - i : FILL, u->err);
    return rc;
}

/* One run of a candidate, whose parameters are in a. */
static int once(Tune *u, const FgCudaStep *t, const Candidate *c,
                const FgKernelArgs *a)
{
    FgCudaPlan *cp = u->c;
    return c->dnn ? cp->api->dnn_run(cp->dev, NULL, c->dnn, a, cp->dnn_space,
                                     u->err)
                  : cp->api->launch(cp->dev, NULL, t->kernel, a, u->err);
}

static int timed(Tune *u, const FgCudaStep *t, const Candidate *c,
                 const FgKernelArgs *a, int times, float *us)
{
    float ms = 0;
    int rc = u->c->api->clock(u->c->dev, NULL, u->err);
    for (int i = 0; i < times && rc >= 0; i++)
        rc = once(u, t, c, a);
    const int end = u->c->api->clock(u->c->dev, &ms, u->err);
    *us = ms * 1000 / (float)times;
    return rc < 0 ? rc : end;
}

/* The least of a few rounds of about two milliseconds. */
static int measure(Tune *u, const FgCudaStep *t, Candidate *c,
                   const FgKernelArgs *a)
{
    float us;
    int rc = timed(u, t, c, a, 2, &us); /* loads what must be loaded */
    if (rc >= 0)
        rc = timed(u, t, c, a, 1, &us);
    const int times = us > 400 ? 5 : us < 40 ? 50 : (int)(2000 / us);
    c->us = us;
    for (int i = 0; i < ROUNDS && rc >= 0; i++) {
        rc = timed(u, t, c, a, times, &us);
        if (us < c->us)
            c->us = us;
    }
    return rc;
}

/* ---- is it right? ---- */

static float number(int element, const void *p, size_t i)
{
    return element == FG_ELEMENT_F32 ? ((const float *)p)[i]
           : element == FG_ELEMENT_E4M3
               ? fg_e4m3_to_float(((const uint8_t *)p)[i])
               : fg_get16(element, ((const uint16_t *)p)[i]);
}

/* Sums in another order and the bias rounded: a few units of the largest. */
static int close_enough(const void *want, const void *got, const FgKView *v,
                        size_t rows)
{
    const double unit = v->element == FG_ELEMENT_F16    ? 1.0 / 2048
                        : v->element == FG_ELEMENT_BF16 ? 1.0 / 256
                        : v->element == FG_ELEMENT_E4M3 ? 1.0 / 24
                                                        : 1.0 / (1 << 20);
    double top = 0, most = 0;
    for (size_t i = 0; i < rows * (size_t)v->w * (size_t)v->pitch; i++) {
        if (i % (size_t)v->pitch >= (size_t)v->c)
            continue;
        const double a = (double)number(v->element, want, i);
        const double d = fabs(a - (double)number(v->element, got, i));
        top = fmax(top, fabs(a));
        if (!(d <= most))
            most = d;
    }
    return most <= 4 * unit * fmax(top, 0.01);
}

/* Rows at the top and at the bottom of a's output, side by side. */
static int rows_of(Tune *u, const FgKernelArgs *a, void *to, size_t *rows)
{
    const size_t row = bytes_of(&a->out) / (size_t)a->out.h;
    const int n = a->out.h < CHECK_ROWS ? a->out.h : CHECK_ROWS;
    const size_t part = row * (size_t)n;
    int rc = u->c->api->download(u->c->dev, NULL, to, a->out.at, part, u->err);
    if (rc >= 0)
        rc = u->c->api->download(u->c->dev, NULL, (char *)to + part,
                                 a->out.at + bytes_of(&a->out) - part, part,
                                 u->err);
    *rows = 2 * (size_t)n;
    return rc < 0 ? rc : u->c->api->sync(u->c->dev, NULL, u->err);
}

/* Those rows as a candidate makes them; to has room for 2 * CHECK_ROWS. */
static int made(Tune *u, const FgCudaStep *t, const Candidate *c,
                const FgKernelArgs *a, void *to, size_t *rows)
{
    int rc = fill(u, &a->out);
    if (rc >= 0)
        rc = once(u, t, c, a);
    return rc < 0 ? rc : rows_of(u, a, to, rows);
}

static size_t check_bytes(const FgKernelArgs *a)
{
    return 2 * CHECK_ROWS * (bytes_of(&a->out) / (size_t)a->out.h);
}

/* Whether an engine makes what our kernel makes: 1, 0, or an error. */
static int agrees(Tune *u, const FgCudaStep *t, const Candidate *c,
                  const FgKernelArgs *own, const FgKernelArgs *dnn)
{
    static const Candidate ours = {.us = 0};
    const size_t bytes = check_bytes(own);
    char *buf = malloc(2 * bytes);
    size_t rows = 0;
    int rc = buf ? made(u, t, &ours, own, buf, &rows) : -ENOMEM;
    if (rc >= 0)
        rc = made(u, t, c, dnn, buf + bytes, &rows);
    if (rc >= 0)
        rc = close_enough(buf, buf + bytes, &own->out, rows);
    free(buf);
    return rc;
}

/* ---- choosing ---- */

static int need_space(Tune *u, size_t bytes)
{
    if (bytes <= u->space)
        return 0;
    fg_cuda_unkeep(u->p, &u->c->dnn_space);
    u->space = 0;
    const int rc = fg_cuda_keep(u->p, NULL, bytes, &u->c->dnn_space, u->err);
    if (rc >= 0)
        u->space = bytes;
    return rc;
}

static void unpack(Tune *u, uint64_t at[3])
{
    for (int i = 0; i < 3; i++)
        fg_cuda_unkeep(u->p, &at[i]);
}

/* Ours: t is packed so while it is measured. */
static int measure_own(Tune *u, FgCudaStep *t, Candidate *c)
{
    int rc = c->kernel != t->kernel
                 ? fg_cuda_pack_mma(u->p, t, c->kernel, u->err)
                 : 0;
    const FgKernelArgs a = fg_cuda_args(u->p, t);
    return rc < 0 ? rc : measure(u, t, c, &a);
}

/* Hopper's, behind another of ours, as which t is packed: it is measured if it
 * makes the same. */
static int measure_hopper(Tune *u, FgCudaStep *t, Candidate *c)
{
    FgKernelArgs a = fg_cuda_args(u->p, t);
    const size_t bytes = check_bytes(&a);
    char *buf = malloc(2 * bytes);
    size_t rows = 0;
    int rc = buf ? made(u, t, c, &a, buf, &rows) : -ENOMEM;
    if (rc >= 0)
        rc = fg_cuda_pack_mma(u->p, t, c->kernel, u->err);
    a = fg_cuda_args(u->p, t);
    if (rc >= 0)
        rc = made(u, t, c, &a, buf + bytes, &rows);
    const int same = rc >= 0 && close_enough(buf, buf + bytes, &a.out, rows);
    free(buf);
    if (rc >= 0 && same)
        return measure(u, t, c, &a);
    c->us = INFINITY;
    if (rc >= 0) {
        FgError why;
        fg_error(&why, 0,
                 "CUDA: %s makes other values than our other kernels "
                 "and is not used",
                 c->name);
        fg_cuda_dnn_refused(u->p, &why);
    }
    return rc;
}

/* One engine. What is wrong, fails or does not fit takes for ever: whether the
 * GPU itself fails is seen when ours are measured. */
static void measure_engine(Tune *u, FgCudaStep *t, Candidate *c,
                           const FgKernelArgs *own, const FgKernelArgs *a)
{
    FgError *const all = u->err;
    FgError why = {{0}};
    u->err = &why;
    int rc = need_space(u, u->c->api->dnn_workspace(c->dnn));
    if (rc >= 0)
        rc = agrees(u, t, c, own, a);
    if (rc == 0)
        fg_error(&why, 0,
                 "cuDNN: engine %s makes other values than our kernel "
                 "and is not used",
                 u->c->api->dnn_name(c->dnn));
    if (rc > 0)
        rc = measure(u, t, c, a) < 0 ? -EIO : 1;
    u->failed |= rc < 0;
    if (rc <= 0) {
        c->us = INFINITY;
        fg_cuda_dnn_refused(u->p, &why);
    }
    u->err = all;
}

static void measure_dnn(Tune *u, FgCudaStep *t, Candidate *c, int nb)
{
    const FgKernelArgs own = fg_cuda_args(u->p, t);
    FgKernelArgs a = own;
    FgError why = {{0}};
    uint64_t at[3] = {0, 0, 0};
    const int rc = nb ? fg_cuda_pack_dnn(u->p, t, at, &why) : 0;
    memcpy(a.p, at, sizeof(at));
    u->failed |= rc < 0;
    if (rc < 0)
        fg_cuda_dnn_refused(u->p, &why);
    for (int i = 0; i < nb; i++) {
        c[i].us = INFINITY;
        if (rc >= 0)
            measure_engine(u, t, &c[i], &own, &a);
    }
    unpack(u, at);
}

static int measure_all(Tune *u, FgCudaStep *t, FgChoice *best)
{
    Candidate c[MOST] = {{.us = 0}};
    const FgKernelArgs a = fg_cuda_args(u->p, t);
    const int own = own_candidates(u, t, c);
    const int nb = own + dnn_candidates(u, t, c + own);
    int rc = 0;
    if (nb > 1)
        rc = fill(u, &a.in[0]);
    if (rc >= 0 && nb > 1)
        rc = fill(u, &a.add);
    if (rc >= 0 && nb > 1)
        measure_dnn(u, t, c + own, nb - own);
    for (int i = 0; i < own && nb > 1 && rc >= 0; i++)
        rc = c[i].kernel == FG_KERNEL_f16_w64_k3 ? measure_hopper(u, t, &c[i])
                                                 : measure_own(u, t, &c[i]);
    if (rc >= 0 && own > 1)
        rc = measure_own(u, t, &c[0]); /* and packed as it was */
    int win = 0;
    for (int i = 1; i < nb; i++)
        if (c[i].us < c[win].us * (win ? 1 : gain))
            win = i;
    *best = (FgChoice){.us = c[win].us, .model_us = c[0].us, .nb = nb};
    memcpy(best->name, c[win].name, sizeof(best->name));
    drop(u, c, nb);
    return rc < 0 ? rc : 0;
}

/* ---- doing as chosen ---- */

static int use_dnn(Tune *u, FgCudaStep *t, const char *name)
{
    Candidate c[ENGINES] = {{.us = 0}};
    const int nb = dnn_candidates(u, t, c);
    int rc = -ENOENT;
    for (int i = 0; i < nb && rc == -ENOENT; i++)
        if (!strcmp(c[i].name, name)) {
            rc = need_space(u, u->c->api->dnn_workspace(c[i].dnn));
            if (rc >= 0)
                rc = fg_cuda_pack_dnn(u->p, t, t->dnn_p, u->err);
            if (rc >= 0) {
                t->dnn = c[i].dnn;
                c[i].dnn = NULL;
            }
        }
    drop(u, c, nb);
    return rc;
}

/* -ENOENT: there is no such choice here. */
static int use(Tune *u, FgCudaStep *t, const char *name)
{
    Candidate c[MOST] = {{.us = 0}};
    const int own = own_candidates(u, t, c);
    if (!strncmp(name, "cuDNN ", 6))
        return use_dnn(u, t, name);
    for (int i = 0; i < own; i++)
        if (!strcmp(c[i].name, name))
            return i ? fg_cuda_pack_mma(u->p, t, c[i].kernel, u->err) : 0;
    return -ENOENT;
}

static Known *find_known(Tune *u, const char *key)
{
    for (int i = 0; i < u->nb_known; i++)
        if (!strcmp(u->known[i].key, key))
            return &u->known[i];
    return NULL;
}

static void learn(Tune *u, const char *key, const FgChoice *c)
{
    Known *k = find_known(u, key);
    if (!k) {
        k = &u->known[u->nb_known++];
        snprintf(k->key, sizeof(k->key), "%s", key);
    }
    k->c = *c;
}

static int tune_step(Tune *u, FgCudaStep *t)
{
    char key[FG_CHOICE_KEY];
    FgChoice c;
    set_key(u, t, key);
    const Known *k = find_known(u, key);
    int rc = -ENOENT, kept = 0;
    if (k)
        c = k->c;
    else
        kept = fg_choice_read(key, &c);
    if (k || kept)
        rc = use(u, t, c.name);
    if (rc == -ENOENT) {
        u->failed = 0;
        rc = measure_all(u, t, &c);
        if (rc >= 0 && !u->failed)
            fg_choice_write(key, &c, kept);
        if (rc >= 0)
            rc = use(u, t, c.name);
    }
    if (rc < 0)
        return rc;
    learn(u, key, &c);
    if (c.nb > 1)
        snprintf(t->choice, sizeof(t->choice),
                 "%s: %.1f us, the fastest of %d (%.1f us by reckoning)",
                 c.name, (double)c.us, c.nb, (double)c.model_us);
    return 0;
}

static int tune_all(Tune *u)
{
    FgCudaPlan *c = u->c;
    FgTile t;
    int rc = fg_cuda_tile(u->p, u->p->max_w, u->p->max_h, 0, &t, u->err);
    u->whole = fg_plan_tile(u->p, u->p->max_w, u->p->max_h, INT_MAX, &t) == 1;
    set_where(u);
    make_fill(u);
    for (int i = 0; i < c->nb_steps && rc >= 0; i++) {
        FgCudaStep *s = &c->steps[i];
        if (s->kernel != FG_KERNEL_conv && !fg_cuda_mma_outputs(s))
            continue;
        rc = tune_step(u, s);
        if (rc == -ENOMEM || rc == -ENOENT) /* as it was */
            rc = 0;
    }
    c->dnn_w = u->whole ? u->p->shapes[0].w : 0;
    c->dnn_h = u->p->shapes[0].h;
    c->bytes += u->space;
    return rc;
}

int fg_cuda_tune(FgPlan *p, FgError *err)
{
    FgCudaPlan *c = p->cuda;
    const char *how = getenv("FFGAN_CUDA_MEASURE");
    FgError unused;
    float ms;
    if ((how && !strcmp(how, "0")) ||
        c->api->clock(c->dev, NULL, &unused) == -ENOTSUP)
        return 0;
    int rc = c->api->clock(c->dev, &ms, err);
    Tune u = {.p = p, .c = c, .err = err};
    u.fill = malloc(FILL);
    u.fill8 = malloc(FILL);
    u.known = calloc((size_t)c->nb_steps + 1, sizeof(*u.known));
    if (u.fill8)
        fg_cuda_fp8_random(u.fill8, FILL);
    if (!u.fill || !u.fill8 || !u.known)
        rc = fg_error(err, -ENOMEM, "plan: out of memory");
    if (rc >= 0)
        rc = tune_all(&u);
    free(u.fill);
    free(u.fill8);
    free(u.known);
    return rc;
}
