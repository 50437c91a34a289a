/* Random crops: where, which way round, and the copy into tensors.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "kernels/op.h"
#include "trainer/data.h"
#include "trainer/metric.h"

#define TRIES 8     /* flat crops passed over in a row */
#define FLAT_VAR 16 /* 8-bit luma variance below which a crop is flat */

typedef struct Fill {
    const FgCrops *c;
    int64_t step;
    FgTensor *in, *target;
    int batch;
} Fill;

static int pick(const FgData *d, uint32_t a, uint32_t b)
{
    const uint64_t total = d->area[d->nb - 1];
    const uint64_t at = (uint64_t)((((unsigned __int128)a << 32 | b) * total) >>
                                   64);
    int lo = 0, hi = d->nb - 1;

    while (lo < hi) {
        const int mid = (lo + hi) / 2;

        if (d->area[mid] > at)
            hi = mid;
        else
            lo = mid + 1;
    }
    return lo;
}

static int below(uint32_t r, int n)
{
    return (int)(((uint64_t)r * (uint64_t)n) >> 32);
}

static int is_flat(const FgPicture *p, const FgPlace *at, int patch)
{
    double sum = 0, sum2 = 0;
    const double n = (double)patch * patch;

    for (int y = 0; y < patch; y++)
        for (int x = 0; x < patch; x++) {
            const double v =
                255 *
                fg_luma(p->rgb + ((size_t)(at->y + y) * p->w + at->x + x) * 3);

            sum += v;
            sum2 += v * v;
        }
    return sum2 / n - (sum / n) * (sum / n) < FLAT_VAR;
}

/* FgPlace i of a keyed order of n things: a Feistel network on the next power
 * of four, walked until it lands inside. */
static int permute(const FgCrops *c, uint64_t epoch, int i, int n)
{
    const uint32_t key[2] = {(uint32_t)c->seed, (uint32_t)(c->seed >> 32)};
    uint32_t half = 1, mask, v = (uint32_t)i;

    while (1ull << (2 * half) < (uint64_t)n)
        half++;
    mask = (1u << half) - 1;
    do {
        uint32_t l = v >> half, r = v & mask;

        for (uint32_t round = 0; round < 6; round++) {
            const uint32_t at[4] = {r, (uint32_t)epoch, (uint32_t)(epoch >> 32),
                                    0xC0000000u | round};
            uint32_t out[4];

            fg_philox(at, key, out);
            out[0] = l ^ (out[0] & mask);
            l = r;
            r = out[0];
        }
        v = l << half | r;
    } while (v >= (uint32_t)n);
    return (int)v;
}

static int in_turn(const FgCrops *c, int64_t step, int sample, int batch)
{
    const uint64_t n = (uint64_t)c->data->nb;
    const uint64_t at = (uint64_t)step * (uint64_t)batch + (uint64_t)sample;

    return permute(c, at / n, (int)(at % n), (int)n);
}

FgPlace fg_crops_place(const FgCrops *c, int64_t step, int sample, int batch)
{
    const uint32_t key[2] = {(uint32_t)c->seed, (uint32_t)(c->seed >> 32)};
    const uint32_t lo = (uint32_t)step, hi = (uint32_t)(step >> 32);
    FgPlace at = {0};

    for (uint32_t k = 0; k < TRIES; k++) {
        const uint32_t c1[4] = {lo, hi, (uint32_t)sample, 2 * k};
        const uint32_t c2[4] = {lo, hi, (uint32_t)sample, 2 * k + 1};
        const FgPicture *p;
        uint32_t r[4], q[4];

        fg_philox(c1, key, r);
        fg_philox(c2, key, q);
        at.picture = c->epochs ? in_turn(c, step, sample, batch)
                               : pick(c->data, r[0], r[1]);
        p = &c->data->pair[at.picture].lr;
        at.x = below(r[2], p->w - c->patch + 1);
        at.y = below(r[3], p->h - c->patch + 1);
        at.turn = c->augment ? (int)(q[0] & 7) : 0;
        if (c->flat <= 0 || q[1] * 0x1p-32 >= c->flat ||
            !is_flat(p, &at, c->patch))
            break;
    }
    return at;
}

static int inside(int v, int n)
{
    return v < 0 ? 0 : v >= n ? n - 1 : v;
}

void fg_crops_cut(float *out, const FgPicture *p, int x0, int y0, int side,
                  int turn)
{
    for (int y = 0; y < side; y++)
        for (int x = 0; x < side; x++, out += 3) {
            int u = turn & 4 ? y : x, v = turn & 4 ? x : y;
            const uint8_t *s;

            u = inside(x0 + (turn & 1 ? side - 1 - u : u), p->w);
            v = inside(y0 + (turn & 2 ? side - 1 - v : v), p->h);
            s = p->rgb + ((size_t)v * p->w + u) * 3;
            for (int i = 0; i < 3; i++)
                out[i] = s[i] / 255.0f;
        }
}

/* side x side pixels from (x0, y0), turned, into image n of t. */
static void copy(FgTensor *t, int n, const FgPicture *p, int x0, int y0,
                 int side, int turn, int luma)
{
    for (int y = 0; y < side; y++) {
        float *d = fg_f32(t, n, y, 0);

        for (int x = 0; x < side; x++, d += t->pitch) {
            int u = turn & 4 ? y : x, v = turn & 4 ? x : y;
            const uint8_t *s;

            u = turn & 1 ? side - 1 - u : u;
            v = turn & 2 ? side - 1 - v : v;
            s = p->rgb + ((size_t)(y0 + v) * p->w + x0 + u) * 3;
            if (luma) {
                d[0] = fg_luma(s);
                continue;
            }
            for (int i = 0; i < 3; i++)
                d[i] = s[i] / 255.0f;
        }
    }
}

static void centre(FgTensor *t, int n)
{
    float *d = fg_f32(t, n, 0, 0);

    for (int i = 0; i < t->shape.h * t->shape.w * t->shape.c; i++)
        d[i] = 2 * d[i] - 1;
}

static void fill_one(void *arg, int i, int worker)
{
    const Fill *f = arg;
    const FgCrops *c = f->c;
    const int s = c->data->scale;
    const FgPlace at = fg_crops_place(c, f->step, i, f->batch);
    const FgPair *pair = &c->data->pair[at.picture];

    (void)worker;
    if (f->in)
        copy(f->in, i, &pair->lr, at.x, at.y, c->patch, at.turn, c->luma);
    if (f->target)
        copy(f->target, i, &pair->hr, at.x * s, at.y * s, c->patch * s, at.turn,
             c->luma);
    if (f->in && c->centred)
        centre(f->in, i);
    if (f->target && c->centred)
        centre(f->target, i);
}

void fg_crops_fill(const FgCrops *c, int64_t step, FgTensor *in,
                   FgTensor *target, FgExecutor *ex)
{
    Fill f = {c, step, in, target, in ? in->shape.n : target->shape.n};

    fg_run(ex, fill_one, &f, f.batch);
}

void fg_picture_to_tensor(const FgPicture *p, int luma, FgTensor *t)
{
    for (int y = 0; y < p->h; y++) {
        const uint8_t *s = p->rgb + (size_t)y * p->w * 3;
        float *d = fg_f32(t, 0, y, 0);

        for (int x = 0; x < p->w; x++, s += 3, d += t->pitch) {
            if (luma) {
                d[0] = fg_luma(s);
                continue;
            }
            for (int i = 0; i < 3; i++)
                d[i] = s[i] / 255.0f;
        }
    }
}
