/* Triplets: real ones from the shots of clips. Made-up ones: motion.c.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "trainer/motion.h"
#include "trainer/triplets.h"

#define CUT 0.08 /* mean luma difference, of 1, of a cut */
#define TRIES 4  /* places looked at for the one that moves most */
#define GRID 8   /* pixels between those that are compared */

/* ---- clips as data ---- */

static int add_frame(FgData *d, const char *path, int64_t i, FgPicture *p,
                     FgError *err)
{
    const char *slash = strrchr(path, '/');
    char *name;
    int ret;

    if (asprintf(&name, "%s#%05lld", slash ? slash + 1 : path, (long long)i) <
        0) {
        fg_picture_free(p);
        return fg_error(err, -ENOMEM, "%s: not enough memory", path);
    }
    ret = fg_data_add_picture(d, name, p, err);
    free(name);
    return ret;
}

static int drop_repeats(FgData *d, int first);

int fg_clip_frames(FgData *d, const char *path, int64_t first, int64_t nb,
                   FgError *err)
{
    FgClip *clip;
    FgPicture p;
    int64_t i = 0;
    const int had = d->nb;
    int ret = fg_clip_open(&clip, path, err);

    d->scale = 1;
    for (; !ret && (!nb || i < first + nb); i++) {
        ret = fg_clip_next(clip, &p, err);
        if (ret <= 0)
            break;
        ret = 0;
        if (i < first)
            fg_picture_free(&p);
        else
            ret = add_frame(d, path, i, &p, err);
    }
    fg_clip_close(&clip);
    if (!ret && drop_repeats(d, had))
        ret = fg_error(err, -ENOMEM, "%s: not enough memory", path);
    return ret < 0 ? ret : d->nb - had;
}

int64_t fg_clip_count(const char *path, FgError *err)
{
    FgClip *clip;
    FgPicture p;
    int64_t nb = 0;
    int ret = fg_clip_open(&clip, path, err);

    while (!ret) {
        ret = fg_clip_next(clip, &p, err);
        if (ret <= 0)
            break;
        fg_picture_free(&p);
        nb++;
        ret = 0;
    }
    fg_clip_close(&clip);
    return ret < 0 ? ret : nb;
}

/* Mean luma difference over every GRIDth pixel of a window. */
static double difference(const FgPicture *a, const FgPicture *b, int x0, int y0,
                         int w, int h)
{
    double sum = 0;
    int nb = 0;

    for (int y = y0; y < y0 + h; y += GRID)
        for (int x = x0; x < x0 + w; x += GRID, nb++) {
            const size_t at = ((size_t)y * a->w + x) * 3;
            const uint8_t *p = a->rgb + at, *q = b->rgb + at;

            sum += abs(p[0] - q[0]) + 2 * abs(p[1] - q[1]) + abs(p[2] - q[2]);
        }
    return sum / (4 * 255.0 * nb);
}

static int same_clip(const FgPair *a, const FgPair *b)
{
    const char *end = strrchr(a->name, '#');

    return end && a->hr.w == b->hr.w && a->hr.h == b->hr.h &&
           !strncmp(a->name, b->name, (size_t)(end - a->name) + 1);
}

/* To the frame before; 0 where there is none. */
static double change(const FgData *d, int i)
{
    if (i < 1 || i >= d->nb || !same_clip(&d->pair[i - 1], &d->pair[i]))
        return 0;
    return difference(&d->pair[i - 1].hr, &d->pair[i].hr, 0, 0, d->pair[i].hr.w,
                      d->pair[i].hr.h);
}

void fg_clip_shots(const FgData *d, int *last)
{
    double before = 0, now = 0, next;

    for (int i = 0; i < d->nb; i++)
        last[i] = i;
    for (int i = 1, begin = 0; i <= d->nb; i++, before = now, now = next) {
        int end = i == d->nb || !same_clip(&d->pair[i - 1], &d->pair[i]);

        if (i == 1)
            now = change(d, 1);
        next = change(d, i + 1);
        end |= now > CUT && now > 2 * before && now > 2 * next;
        for (; end && begin < i; begin++)
            last[begin] = i - 1;
    }
}

/* Against what changes near by; cuts say nothing of it. */
static int is_repeat(const FgData *d, int i)
{
    double most = 0;

    if (i < 1 || !same_clip(&d->pair[i - 1], &d->pair[i]))
        return 0;
    for (int k = -2; k <= 2; k++) {
        const double c = k ? change(d, i + k) : 0;

        most = c > most && c <= CUT ? c : most;
    }
    return change(d, i) < 0.1 * most;
}

static int drop_repeats(FgData *d, int first)
{
    char *drop = calloc((size_t)d->nb + 1, 1);
    int nb = first;

    if (!drop)
        return -ENOMEM;
    for (int i = first; i < d->nb; i++)
        drop[i] = (char)is_repeat(d, i);
    for (int i = first; i < d->nb; i++) {
        FgPair p = d->pair[i];

        if (drop[i])
            fg_pair_free(&p);
        else
            d->pair[nb++] = p;
    }
    d->nb = nb;
    free(drop);
    return 0;
}

/* ---- a real triplet ---- */

typedef struct Crop {
    int x, y, turn; /* bit 0 mirrors x, 1 mirrors y, 2 swaps them */
} Crop;

static void copy(FgTensor *t, int n, int c0, const FgPicture *p, const Crop *at)
{
    const int side = t->shape.h;

    for (int y = 0; y < side; y++) {
        float *d = fg_f32(t, n, y, 0) + c0;

        for (int x = 0; x < side; x++, d += t->pitch) {
            int u = at->turn & 4 ? y : x, v = at->turn & 4 ? x : y;
            const uint8_t *s;

            u = at->turn & 1 ? side - 1 - u : u;
            v = at->turn & 2 ? side - 1 - v : v;
            s = p->rgb + ((size_t)(at->y + v) * p->w + at->x + u) * 3;
            for (int i = 0; i < 3; i++)
                d[i] = s[i] / 255.0f;
        }
    }
}

static void set_time(FgTensor *in, int n, double t)
{
    const int side = in->shape.h;

    for (int y = 0; y < side; y++)
        for (int x = 0; x < side; x++)
            fg_f32(in, n, y, x)[6] = (float)t;
}

/* Of a few places, the one where most happens. */
static Crop lively(const FgPicture *a, const FgPicture *b, int side,
                   FgRandom *r)
{
    Crop best = {0};
    double most = -1;

    for (int k = 0; k < TRIES; k++) {
        const Crop at = {fg_random_below(r, a->w - side + 1),
                         fg_random_below(r, a->h - side + 1), 0};
        const double d = difference(a, b, at.x, at.y, side, side);

        if (d > most) {
            most = d;
            best = at;
        }
    }
    best.turn = fg_random_below(r, 8);
    return best;
}

/* 0: this shot is too short for a triplet. */
static int real_triplet(const FgTriplets *q, FgTensor *in, FgTensor *target,
                        int n, FgRandom *r)
{
    const FgData *d = q->frames;
    const int i = fg_random_below(r, d->nb), room = q->last[i] - i;
    const int back = fg_random_below(r, 2);
    int step = 2 + (q->middle ? 2 : 1) * fg_random_below(r, 2), k;
    Crop at;

    if (room < 2)
        return 0;
    step = step > room ? 2 : step;
    k = step == 2 || q->middle ? step / 2 : 1 + fg_random_below(r, step - 1);
    at = lively(&d->pair[i].hr, &d->pair[i + step].hr, in->shape.h, r);
    copy(in, n, back ? 3 : 0, &d->pair[i].hr, &at);
    copy(in, n, back ? 0 : 3, &d->pair[i + step].hr, &at);
    copy(target, n, 0, &d->pair[i + k].hr, &at);
    set_time(in, n, back ? 1 - (double)k / step : (double)k / step);
    return 1;
}

/* ---- a batch ---- */

/* Both frames alike, the target not: what is best is their mean. Half of all
 * have none. */
static void add_noise(FgTensor *in, int n, double most, FgRandom *r)
{
    const FgShape s = in->shape;
    const double sigma = fg_random_in(r, -most, most);

    for (int y = 0; y < s.h && sigma > 0; y++)
        for (int x = 0; x < s.w; x++)
            for (int c = 0; c < 6; c++)
                fg_f32(in, n, y, x)[c] += (float)(sigma * fg_random_normal(r));
}

typedef struct Fill {
    const FgTriplets *q;
    int64_t step;
    FgTensor *in, *target, *flow;
    int *known;
} Fill;

static void fill_one(void *arg, int i, int worker)
{
    const Fill *f = arg;
    const FgTriplets *q = f->q;
    FgRandom r = fg_random(q->seed, f->step, (uint32_t)i, 1);
    const int wanted = q->frames && q->frames->nb &&
                       (!q->photos || !q->photos->nb ||
                        fg_random_unit(&r) < q->real);
    double t;

    (void)worker;
    f->known[i] = 0;
    for (int k = 0; wanted && k < 64; k++)
        if (real_triplet(q, f->in, f->target, i, &r))
            return;
    t = q->middle || fg_random_unit(&r) < 0.5 ? 0.5
                                              : fg_random_in(&r, 0.1, 0.9);
    fg_motion_triplet(q->photos, q->motion, t, f->in, f->target, f->flow, i,
                      &r);
    set_time(f->in, i, t);
    if (q->noise > 0)
        add_noise(f->in, i, q->noise, &r);
    f->known[i] = 1;
}

void fg_triplets_fill(const FgTriplets *q, int64_t step, FgTensor *in,
                      FgTensor *target, FgTensor *flow, int *known,
                      FgExecutor *ex)
{
    Fill f = {q, step, in, target, flow, known};

    fg_run(ex, fill_one, &f, in->shape.n);
}
