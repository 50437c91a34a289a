/* ffgan: plans on a GPU in fp8: which convolutions, which values.
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Value v of n nodes has its 8-bit form at n + v. Where only convolutions of 8
 * bits read it, the convolution that makes it makes that form alone; else the
 * step narrow makes it of the other. */
#include "cuda_fp8.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cuda/hd.h"
#include "fp8.h"
#include "graph_priv.h"

enum { FILL = 1 << 16 }; /* bytes of random codes */

int fg_cuda_fp8_open(FgPlan *p, FgError *err)
{
    const struct FgCudaPlan *c = p->cuda;
    const FgCudaDevice *d = &c->about;
    if (c->element == FG_ELEMENT_F32)
        return fg_error(err, -ENOTSUP,
                        "CUDA: a network that moves pixels is kept in fp32, "
                        "allowed precisions auto, fp32, fast");
    if (fg_cuda_fp8_kernel(p, 16, 1) < 0)
        return fg_error(err, -ENOTSUP,
                        "CUDA: %s (compute capability %d.%d) has no fp8 here, "
                        "which 8.9, 9.0 and 12.0 have where the plug-in was "
                        "built with CUDA 12.4 or later; allowed auto, fp32, "
                        "bf16, fast",
                        d->name, d->major, d->minor);
    return 0;
}

int fg_cuda_fp8_kernel(const FgPlan *p, int n, int k)
{
    const struct FgCudaPlan *c = p->cuda;
    const int at = (k == 3 ? 4 : 0) + n / 16 - 1;
    if (c->api->has(c->dev, FG_KERNEL_e4m3_w16_k1))
        return FG_KERNEL_e4m3_w16_k1 + at;
    if (c->api->has(c->dev, FG_KERNEL_e4m3_n16_k1))
        return FG_KERNEL_e4m3_n16_k1 + at;
    return -1;
}

/* ---- which ---- */

/* The range of what step s reads in 8 bits; NULL: it does not. */
static const FgRange *range_of(const FgPlan *p, const FgStep *s,
                               const FgShape *shapes)
{
    const FgNode *n = &p->g.nodes[s->node];
    if (!s->conv || s->in[0] == 0 || !fg_fp8_fits(&n->attr, shapes[s->in[0]].c))
        return NULL;
    return fg_ranges_find(&p->ranges, n->name);
}

/* It can make 8 bits: it is a convolution on tensor cores. */
static int can_make(const FgPlan *p, int v)
{
    for (int i = 0; i < p->nb_steps; i++) {
        const FgAttr *a = &p->g.nodes[p->steps[i].node].attr;
        if (p->steps[i].out == v)
            return p->steps[i].conv && fg_cuda_mma_fits(a);
    }
    return 0;
}

int fg_cuda_fp8_mark(FgPlan *p, const FgShape *shapes, FgError *err)
{
    struct FgCudaPlan *c = p->cuda;
    const int n = p->g.nb_nodes;
    char *const others = calloc((size_t)n, 1);
    c->to8 = calloc((size_t)n, sizeof(*c->to8));
    c->alone8 = calloc((size_t)n, 1);
    if (!others || !c->to8 || !c->alone8) {
        free(others);
        return fg_error(err, -ENOMEM, "plan: out of memory");
    }
    others[p->alias[n - 1]] = 1;
    if (p->has_tail && p->tail.shuffle >= 0)
        others[p->tail.shuffle] = 1;
    if (p->has_tail && p->tail.base >= 0)
        others[p->tail.base] = 1;
    for (int i = 0; i < p->nb_steps; i++) {
        const FgStep *s = &p->steps[i];
        const FgRange *r = range_of(p, s, shapes);
        for (int k = r ? 1 : 0; k < s->nb_in; k++)
            others[s->in[k]] = 1;
        if (!r)
            continue;
        /* Those that read the same have the same range in a card of ours. */
        const float f = fg_fp8_input(r->lo, r->hi);
        float *const to8 = &c->to8[s->in[0]];
        *to8 = *to8 > 0 && *to8 < f ? *to8 : f;
        c->nb_fp8++;
    }
    for (int v = 0; v < n; v++)
        c->alone8[v] = c->to8[v] > 0 && !others[v] && can_make(p, v);
    free(others);
    return 0;
}

int fg_cuda_fp8_reads(const FgPlan *p, const FgStep *s, const FgShape *shapes)
{
    return p->cuda->to8 && range_of(p, s, shapes) != NULL;
}

/* ---- weights ---- */

void fg_cuda_fp8_pack(uint8_t *dst, float *factor, const float *w, int oc,
                      int ic, int taps, int n, float to8, int wgmma)
{
    const int chunks = fg_ceil_div(ic, 32);
    for (int o = 0; o < oc; o++) {
        const float *from = w + (size_t)o * (size_t)ic * (size_t)taps;
        const float g = fg_fp8_weight(from, (size_t)ic * (size_t)taps);
        factor[o] = 1 / (g * to8);
        for (int i = 0; i < ic * taps; i++) {
            const int c = i / taps, t = i % taps;
            const size_t part = (size_t)(o / n * chunks + c / 32);
            const int at = wgmma
                               ? fg_wg_weight(o % n, c % 32, t, n, 16)
                               : fg_row32(t * n + o % n, c % 32 / 16) + c % 16;
            dst[part * (size_t)(taps * n * 32) + (size_t)at] =
                fg_e4m3_from_float(from[i] * g);
        }
    }
}

/* ---- is it right? ---- */

typedef struct Check {
    FgPlan *p;
    const FgCudaStep *t;
    FgKernelArgs a;
    uint8_t *fill; /* FILL codes */
    char *row;     /* of the output */
    FgError *err;
} Check;

static void make_fill(uint8_t *fill)
{
    for (uint32_t i = 0; i < FILL / 4; i++) {
        const uint32_t counter[4] = {i, 1, 0, 0}, key[2] = {1, 2};
        uint32_t r[4];
        fg_philox(counter, key, r);
        for (int k = 0; k < 4; k++)
            fill[4 * i + (uint32_t)k] = fg_e4m3_from_float(
                (float)r[k] / 4294967296.0F - 0.5F);
    }
}

void fg_cuda_fp8_random(uint8_t *to, size_t bytes)
{
    uint8_t fill[FILL];
    make_fill(fill);
    for (size_t i = 0; i < bytes; i += FILL)
        memcpy(to + i, fill, bytes - i < FILL ? bytes - i : FILL);
}

/* Output o at (y, x) as fp8.h has it, and the sum of what is added. */
static double sum_of(const Check *k, const float *w, int y, int x, int o,
                     double *all)
{
    const FgKView *in = &k->a.in[0];
    const int side = k->a.kernel, taps = side * side;
    const float *wo = w + (size_t)o * (size_t)in->c * (size_t)taps;
    const float g = fg_fp8_weight(wo, (size_t)in->c * (size_t)taps);
    double sum = 0;
    *all = 0;
    for (int t = 0; t < taps; t++) {
        const int v = fg_border(y + t / side - side / 2, in->h, k->a.pad_mode);
        const int u = fg_border(x + t % side - side / 2, in->w, k->a.pad_mode);
        for (int c = 0; v >= 0 && u >= 0 && c < in->c; c++) {
            const int64_t at = fg_index(in, v, u, c);
            float code = wo[c * taps + t];
            fg_fp8_round(&code, 1, g);
            const double one = (double)fg_e4m3_to_float(k->fill[at % FILL]) *
                               (double)code;
            sum += one;
            *all += fabs(one);
        }
    }
    const double f = (double)k->p->cuda->to8[k->t->in[0] - k->p->g.nb_nodes];
    *all /= f;
    return sum / f;
}

/* Sums of a few bits less, and the result's rounding. */
static int right(const Check *k, const float *w, const float *bias, int y,
                 int x, int o)
{
    const FgKView *out = &k->a.out;
    const size_t i = (size_t)x * (size_t)out->pitch + (size_t)o;
    const int narrow = out->element == FG_ELEMENT_E4M3;
    double all, got;
    const double want = sum_of(k, w, y, x, o, &all) +
                        (bias ? (double)bias[o] : 0);
    uint16_t h;
    memcpy(&h, k->row + 2 * i * !narrow, 2);
    got = narrow
              ? (double)fg_e4m3_to_float((uint8_t)k->row[i]) / (double)k->a.to8
              : (double)fg_f16_get(h);
    return fabs(got - want) <=
           all / 512 + fabs(want) * (narrow ? 1.0 / 15 : 1e-3) +
               (narrow ? 1.0 / 512 / (double)k->a.to8 : 1e-6);
}

static int check_row(Check *k, int y)
{
    const FgPlan *p = k->p;
    const struct FgCudaPlan *c = p->cuda;
    const FgNode *n = &p->g.nodes[p->steps[k->t->step].node];
    const float *w = fg_params_find(&p->ps, n->param[0])->data;
    const float *bias = n->nb_param > 1
                            ? fg_params_find(&p->ps, n->param[1])->data
                            : NULL;
    const FgKView *o = &k->a.out;
    const size_t bytes = (size_t)o->w * (size_t)o->pitch *
                         (o->element == FG_ELEMENT_E4M3 ? 1 : 2);
    int rc = c->api->download(c->dev, NULL, k->row, o->at + bytes * (uint64_t)y,
                              bytes, k->err);
    if (rc >= 0)
        rc = c->api->sync(c->dev, NULL, k->err);
    for (int x = 0; x < o->w && rc >= 0; x += o->w > 40 ? 13 : 3)
        for (int i = 0; i < o->c && rc >= 0; i++)
            if (!right(k, w, bias, y, x, i))
                rc = fg_error(k->err, -ENOTSUP,
                              "CUDA: %s: fp8 sums of node '%s' are wrong on "
                              "this GPU, allowed auto, fp32, bf16, fast",
                              c->about.name, n->name);
    return rc;
}

/* The layer alone: no activation, nothing is added. */
static int check_step(Check *k)
{
    const struct FgCudaPlan *c = k->p->cuda;
    k->a = fg_cuda_args(k->p, k->t);
    k->a.act = FG_UNARY_COPY;
    k->a.add = (FgKView){.at = 0};
    const size_t bytes = (size_t)k->a.in[0].h * (size_t)k->a.in[0].w *
                         (size_t)k->a.in[0].pitch;
    int rc = 0;
    k->row = malloc(4 * (size_t)k->a.out.w * (size_t)k->a.out.pitch);
    if (!k->row)
        return fg_error(k->err, -ENOMEM, "plan: out of memory");
    for (size_t i = 0; i < bytes && rc >= 0; i += FILL)
        rc = c->api->upload(c->dev, NULL, k->a.in[0].at + i, k->fill,
                            bytes - i < FILL ? bytes - i : FILL, k->err);
    if (rc >= 0)
        rc = c->api->launch(c->dev, NULL, k->t->kernel, &k->a, k->err);
    for (int i = 0; i < 3 && rc >= 0; i++)
        rc = check_row(k, i * (k->a.out.h - 1) / 2);
    free(k->row);
    return rc;
}

/* One layer of each kernel: kernels that no GPU has run must not be trusted,
 * and a wrong sum would only look like a bad network. */
int fg_cuda_fp8_check(FgPlan *p, FgError *err)
{
    struct FgCudaPlan *c = p->cuda;
    char seen[FG_NB_KERNELS] = {0};
    uint8_t *fill = malloc(FILL);
    FgTile tile;
    int rc = fill ? fg_cuda_tile(p, p->max_w, p->max_h, 0, &tile, err)
                  : fg_error(err, -ENOMEM, "plan: out of memory");
    if (fill)
        make_fill(fill);
    for (int i = 0; i < c->nb_steps && rc >= 0; i++) {
        Check k = {.p = p, .t = &c->steps[i], .fill = fill, .err = err};
        if (k.t->in[0] < p->g.nb_nodes || seen[k.t->kernel]++)
            continue;
        rc = check_step(&k);
    }
    free(fill);
    return rc;
}
