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
                        "CUDA: precision fp8 is not for a network that moves "
                        "pixels, allowed auto, fp32, bf16, fast");
    if (fg_cuda_fp8_kernel(p, 16, 1) < 0)
        return fg_error(err, -ENOTSUP,
                        "CUDA: %s (compute capability %d.%d) has no fp8 here: "
                        "8.9, 9.0 and 12.x have it where the plug-in was built "
                        "with CUDA 12.4 or later and the driver takes its "
                        "kernels; precisions allowed auto, fp32, bf16, fast",
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
    if (!c->nb_fp8)
        return fg_error(err, -EBADMSG,
                        FG_FP8_KEY " names no convolution of this network that "
                                   "fp8 is for: ffgan model calibrate makes it "
                                   "anew");
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

/* Rows and columns from the first on, which are a block's, and of the end. */
enum { ROWS = FG_TILE_H, COLUMNS = FG_TILE_W, LAST = 2 };

typedef struct Check {
    FgPlan *p;
    const FgCudaStep *t;
    FgKernelArgs a;
    const uint8_t *fill;    /* FILL codes */
    const uint16_t *fill16; /* FILL numbers */
    double *w;              /* [output][tap][input], as the kernel has them */
    char *row;              /* of the output */
    FgError *err;
} Check;

void fg_cuda_fp8_random(uint8_t *to, size_t bytes)
{
    for (size_t i = 0; i < bytes; i += 4) {
        const uint32_t counter[4] = {(uint32_t)i, 1, 0, 0}, key[2] = {1, 2};
        uint32_t r[4];
        fg_philox(counter, key, r);
        for (size_t k = 0; k < 4 && i + k < bytes; k++) {
            const float v = (float)r[k] / 4294967296.0F - 0.5F;
            to[i + k] = fg_e4m3_from_float(v * ((i + k) % 61 ? 64 : 900));
        }
    }
}

static double number(const Check *k, int64_t at)
{
    return k->a.in[0].element == FG_ELEMENT_E4M3
               ? (double)fg_e4m3_to_float(k->fill[at % FILL])
               : (double)fg_f16_get(k->fill16[at % FILL]);
}

/* Weights by their codes and in the scale of the result, or in fp16. */
static int take_weights(Check *k)
{
    const FgPlan *p = k->p;
    const FgNode *n = &p->g.nodes[p->steps[k->t->step].node];
    const FgParam *q = fg_params_find(&p->ps, n->param[0]);
    const int taps = k->a.kernel * k->a.kernel, ic = k->a.in[0].c;
    const int in8 = k->t->in[0] >= p->g.nb_nodes;
    const float to8 = in8 ? p->cuda->to8[k->t->in[0] - p->g.nb_nodes] : 1;
    k->w = malloc(sizeof(*k->w) * fg_param_count(q));
    if (!k->w)
        return fg_error(k->err, -ENOMEM, "plan: out of memory");
    for (int o = 0; o < k->a.out.c; o++) {
        const float *from = q->data + (size_t)(o * ic * taps);
        const float g = fg_fp8_weight(from, (size_t)(ic * taps));
        for (int i = 0; i < ic * taps; i++) {
            float v = from[i];
            if (in8)
                fg_fp8_round(&v, 1, g);
            else
                v = fg_f16_get(fg_f16_put(v));
            k->w[(size_t)((o * taps + i % taps) * ic + i / taps)] = (double)v /
                                                                    (double)to8;
        }
    }
    return 0;
}

/* Output o at (y, x), and the sum of what is added. */
static double sum_of(const Check *k, int y, int x, int o, double *all)
{
    const FgKView *in = &k->a.in[0];
    const int side = k->a.kernel, taps = side * side;
    double sum = 0;
    *all = 0;
    for (int t = 0; t < taps; t++) {
        const int v = fg_border(y + t / side - side / 2, in->h, k->a.pad_mode);
        const int u = fg_border(x + t % side - side / 2, in->w, k->a.pad_mode);
        const double *w = k->w + (size_t)((o * taps + t) * in->c);
        for (int c = 0; v >= 0 && u >= 0 && c < in->c; c++) {
            const double one = number(k, fg_index(in, v, u, c)) * w[c];
            sum += one;
            *all += fabs(one);
        }
    }
    return sum;
}

/* Sums of a few bits less, saturation, and the result's rounding. */
static int right(const Check *k, const float *bias, int y, int x, int o)
{
    const FgKView *out = &k->a.out;
    const size_t i = (size_t)x * (size_t)out->pitch + (size_t)o;
    const int narrow = out->element == FG_ELEMENT_E4M3;
    const double unit = narrow ? 1 / (double)k->a.to8 : 1;
    const double top = narrow ? FG_E4M3_MAX * unit : 65504;
    uint16_t h;
    double all;
    double want = sum_of(k, y, x, o, &all) + (bias ? (double)bias[o] : 0);
    memcpy(&h, k->row + 2 * i * !narrow, 2);
    const double got = narrow
                           ? (double)fg_e4m3_to_float((uint8_t)k->row[i]) * unit
                           : (double)fg_f16_get(h);
    /* fp16's ends are infinite; the network's own range is another matter. */
    want = want > top ? top : want < -top ? -top : want;
    return (!narrow && fabs(want) == top) ||
           fabs(got - want) <= all / 512 +
                                   fabs(want) * (narrow ? 1.0 / 15 : 1e-3) +
                                   (narrow ? unit / 512 : 1e-6);
}

static int wrong(const Check *k)
{
    const FgPlan *p = k->p;
    return fg_error(k->err, -ENOTSUP,
                    "CUDA: %s: fp8 of node '%s' is wrong on this GPU, "
                    "precisions allowed auto, fp32, bf16, fast",
                    p->cuda->about.name,
                    p->g.nodes[p->steps[k->t->step].node].name);
}

/* narrow: codes, to the bit; k counts fours. */
static int codes_right(const Check *k, int y, int x)
{
    const FgKView *in = &k->a.in[0];
    for (int c = 0; c < 4 * k->a.out.c; c++) {
        const float v = c < in->c ? (float)number(k, fg_index(in, y, x, c)) : 0;
        const uint8_t got = (uint8_t)
                                k->row[(size_t)(4 * x * k->a.out.pitch + c)];
        if (got != fg_e4m3_from_float(v * k->a.to8))
            return 0;
    }
    return 1;
}

static int pixel_right(const Check *k, int y, int x)
{
    const FgPlan *p = k->p;
    const FgNode *n = &p->g.nodes[p->steps[k->t->step].node];
    const float *bias = n->nb_param > 1
                            ? fg_params_find(&p->ps, n->param[1])->data
                            : NULL;
    if (k->t->kernel == FG_KERNEL_narrow)
        return codes_right(k, y, x);
    for (int o = 0; o < k->a.out.c; o++)
        if (!right(k, bias, y, x, o))
            return 0;
    return 1;
}

static size_t row_bytes(const Check *k)
{
    const FgKView *o = &k->a.out;
    const size_t one = k->t->kernel == FG_KERNEL_narrow ? 4
                       : o->element == FG_ELEMENT_E4M3  ? 1
                                                        : 2;
    return (size_t)o->w * (size_t)o->pitch * one;
}

static int check_row(Check *k, int y)
{
    const struct FgCudaPlan *c = k->p->cuda;
    const int w = k->a.out.w;
    int rc = c->api->download(c->dev, NULL, k->row,
                              k->a.out.at + row_bytes(k) * (uint64_t)y,
                              row_bytes(k), k->err);
    if (rc >= 0)
        rc = c->api->sync(c->dev, NULL, k->err);
    for (int x = 0; x < w && rc >= 0; x++)
        if ((x < COLUMNS || x >= w - LAST) && !pixel_right(k, y, x))
            rc = wrong(k);
    return rc;
}

static int fill_input(const Check *k)
{
    const struct FgCudaPlan *c = k->p->cuda;
    const FgKView *in = &k->a.in[0];
    const int in8 = in->element == FG_ELEMENT_E4M3;
    const size_t part = in8 ? FILL : 2 * FILL;
    const size_t bytes = (size_t)in->h * (size_t)in->w * (size_t)in->pitch *
                         (in8 ? 1 : 2);
    int rc = 0;
    for (size_t i = 0; i < bytes && rc >= 0; i += part)
        rc = c->api->upload(c->dev, NULL, in->at + i,
                            in8 ? (const void *)k->fill : k->fill16,
                            bytes - i < part ? bytes - i : part, k->err);
    return rc;
}

/* The layer alone: no activation, nothing is added. */
static int check_step(Check *k)
{
    const struct FgCudaPlan *c = k->p->cuda;
    k->a = fg_cuda_args(k->p, k->t);
    k->a.act = FG_UNARY_COPY;
    k->a.add = (FgKView){.at = 0};
    const int h = k->a.out.h;
    int rc = k->t->kernel == FG_KERNEL_narrow ? 0 : take_weights(k);
    k->row = rc < 0 ? NULL : malloc(row_bytes(k));
    if (rc >= 0 && !k->row)
        rc = fg_error(k->err, -ENOMEM, "plan: out of memory");
    if (rc >= 0)
        rc = fill_input(k);
    if (rc >= 0)
        rc = c->api->launch(c->dev, NULL, k->t->kernel, &k->a, k->err);
    for (int y = 0; y < h && rc >= 0; y++)
        if (y < ROWS || y >= h - LAST)
            rc = check_row(k, y);
    free(k->w);
    free(k->row);
    return rc;
}

/* One layer of each kernel that reads or writes 8 bits: kernels that no GPU has
 * run must not be trusted, and a wrong sum would only look like a bad network.
 */
static int check_all(FgPlan *p, const uint8_t *fill, const uint16_t *fill16,
                     FgError *err)
{
    struct FgCudaPlan *c = p->cuda;
    char seen[FG_NB_KERNELS][2] = {{0}};
    FgTile tile;
    int rc = fg_cuda_tile(p, p->max_w, p->max_h, 0, &tile, err);
    for (int i = 0; i < c->nb_steps && rc >= 0; i++) {
        Check k = {.p = p,
                   .t = &c->steps[i],
                   .fill = fill,
                   .fill16 = fill16,
                   .err = err};
        const int out8 = k.t->out >= p->g.nb_nodes;
        if ((k.t->in[0] >= p->g.nb_nodes || out8) && !seen[k.t->kernel][out8]++)
            rc = check_step(&k);
    }
    return rc;
}

int fg_cuda_fp8_check(FgPlan *p, FgError *err)
{
    uint8_t *fill = malloc(FILL);
    uint16_t *fill16 = malloc(sizeof(*fill16) * FILL);
    int rc = -ENOMEM;
    if (fill && fill16) {
        fg_cuda_fp8_random(fill, FILL);
        for (int i = 0; i < FILL; i++)
            fill16[i] = fg_f16_put(fg_e4m3_to_float(fill[FILL - 1 - i]) / 64 +
                                   (float)(i % 29) / 4096);
        rc = check_all(p, fill, fill16, err);
    } else {
        fg_error(err, rc, "plan: out of memory");
    }
    free(fill);
    free(fill16);
    return rc;
}
