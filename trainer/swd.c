/* Sliced Wasserstein distance of the patches of two sets of pictures.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "trainer/dice.h"
#include "trainer/distance.h"

#define SIDE 7
#define DIM (SIDE * SIDE * 3)
#define LEAST 16

enum { PLACE = 200, SLICE };

typedef struct Level {
    float *v; /* [h][w][3] */
    int w, h;
} Level;

/* ---- pyramids: [1 4 6 4 1]/16, edges repeated ---- */

static int clamp(int v, int n)
{
    return v < 0 ? 0 : v >= n ? n - 1 : v;
}

static float blurred(const Level *l, int x, int y, int c)
{
    static const float k[5] = {1 / 16.f, 4 / 16.f, 6 / 16.f, 4 / 16.f,
                               1 / 16.f};
    float sum = 0;

    for (int j = 0; j < 5; j++)
        for (int i = 0; i < 5; i++)
            sum += k[i] * k[j] *
                   l->v[((size_t)clamp(y + j - 2, l->h) * (size_t)l->w +
                         (size_t)clamp(x + i - 2, l->w)) *
                            3 +
                        (size_t)c];
    return sum;
}

static int halve(const Level *from, Level *to)
{
    to->w = (from->w + 1) / 2;
    to->h = (from->h + 1) / 2;
    to->v = calloc((size_t)to->w * (size_t)to->h * 3, sizeof(*to->v));
    if (!to->v)
        return -ENOMEM;
    for (int y = 0; y < to->h; y++)
        for (int x = 0; x < to->w; x++)
            for (int c = 0; c < 3; c++)
                to->v[((size_t)y * (size_t)to->w + (size_t)x) * 3 + (size_t)c] =
                    blurred(from, 2 * x, 2 * y, c);
    return 0;
}

/* What the next level, enlarged by the same filter, does not say. */
static void subtract(Level *l, const Level *small)
{
    for (int y = 0; y < l->h; y++)
        for (int x = 0; x < l->w; x++)
            for (int c = 0; c < 3; c++) {
                float sum = 0, weight = 0;

                for (int j = -1; j <= 1; j++)
                    for (int i = -1; i <= 1; i++) {
                        const int sx = (x >> 1) + i, sy = (y >> 1) + j;
                        const int dx = abs(x - 2 * sx), dy = abs(y - 2 * sy);
                        const float k = dx > 2 || dy > 2
                                            ? 0
                                            : (dx == 0   ? 6.f
                                               : dx == 1 ? 4.f
                                                         : 1.f) *
                                                  (dy == 0   ? 6.f
                                                   : dy == 1 ? 4.f
                                                             : 1.f);

                        sum += k * small->v[((size_t)clamp(sy, small->h) *
                                                 (size_t)small->w +
                                             (size_t)clamp(sx, small->w)) *
                                                3 +
                                            (size_t)c];
                        weight += k;
                    }
                l->v[((size_t)y * (size_t)l->w + (size_t)x) * 3 + (size_t)c] -=
                    sum / weight;
            }
}

static int levels_of(int w, int h)
{
    int n = 1;

    while (n < FG_SWD_LEVELS && (w + 1) / 2 >= LEAST && (h + 1) / 2 >= LEAST) {
        w = (w + 1) / 2;
        h = (h + 1) / 2;
        n++;
    }
    return n;
}

static void pyramid_free(Level *l)
{
    for (int i = 0; i < FG_SWD_LEVELS; i++)
        free(l[i].v);
    memset(l, 0, sizeof(*l) * FG_SWD_LEVELS);
}

static int pyramid(const FgPicture *p, Level *l, int nb)
{
    const size_t n = (size_t)p->w * (size_t)p->h * 3;
    int ret = 0;

    memset(l, 0, sizeof(*l) * FG_SWD_LEVELS);
    l[0] = (Level){calloc(n, sizeof(float)), p->w, p->h};
    if (!l[0].v)
        return -ENOMEM;
    for (size_t i = 0; i < n; i++)
        l[0].v[i] = p->rgb[i] / 255.f;
    for (int i = 1; i < nb && !ret; i++)
        ret = halve(&l[i - 1], &l[i]);
    for (int i = 0; i + 1 < nb && !ret; i++)
        subtract(&l[i], &l[i + 1]);
    if (ret)
        pyramid_free(l);
    return ret;
}

/* ---- patches ---- */

typedef struct Patches {
    float *v[FG_SWD_LEVELS]; /* [n * FG_SWD_PATCHES][DIM] */
} Patches;

typedef struct Job {
    const FgPicture *pic;
    Patches *out;
    int *ret, nb;
    uint64_t seed;
    uint32_t set; /* the two sets are not looked at in the same places */
} Job;

/* Not a kernel job: it allocates, which is fine in the trainer's own pool. */
static void cut_one(void *arg, int i, int worker)
{
    const Job *j = arg;
    Level l[FG_SWD_LEVELS];
    FgDice d = {j->seed, PLACE + j->set * 16, (uint32_t)i, 0};

    (void)worker;
    j->ret[i] = pyramid(&j->pic[i], l, j->nb);
    if (j->ret[i])
        return;
    for (int k = 0; k < j->nb; k++)
        for (int q = 0; q < FG_SWD_PATCHES; q++) {
            const int x = fg_dice_int(&d, l[k].w - SIDE + 1);
            const int y = fg_dice_int(&d, l[k].h - SIDE + 1);
            float *out = j->out->v[k] +
                         ((size_t)i * FG_SWD_PATCHES + (size_t)q) * DIM;

            for (int r = 0; r < SIDE; r++)
                memcpy(out + r * SIDE * 3,
                       l[k].v +
                           ((size_t)(y + r) * (size_t)l[k].w + (size_t)x) * 3,
                       sizeof(*out) * SIDE * 3);
        }
    pyramid_free(l);
}

static void patches_free(Patches *p)
{
    for (int i = 0; i < FG_SWD_LEVELS; i++)
        free(p->v[i]);
}

static int cut(const FgPicture *pic, int n, int nb, uint64_t seed, uint32_t set,
               Patches *out, FgExecutor *ex)
{
    const size_t count = (size_t)n * FG_SWD_PATCHES;
    Job j = {pic, out, calloc((size_t)n + 1, sizeof(int)), nb, seed, set};
    int ret = j.ret ? 0 : -ENOMEM;

    for (int k = 0; k < nb && !ret; k++) {
        out->v[k] = malloc(sizeof(float) * count * DIM);
        ret = out->v[k] ? 0 : -ENOMEM;
    }
    if (!ret)
        fg_run(ex, cut_one, &j, n);
    for (int i = 0; i < n && !ret; i++)
        ret = j.ret[i];
    free(j.ret);
    return ret;
}

/* Mean and deviation of each channel of the real ones. */
static void statistics(const float *v, size_t count, float mean[3],
                       float over[3])
{
    for (int c = 0; c < 3; c++) {
        double sum = 0, square = 0;

        for (size_t i = (size_t)c; i < count * DIM; i += 3) {
            sum += v[i];
            square += (double)v[i] * v[i];
        }
        sum /= (double)(count * DIM / 3);
        square /= (double)(count * DIM / 3);
        mean[c] = (float)sum;
        over[c] = (float)(1 / sqrt(fmax(square - sum * sum, 1e-12)));
    }
}

static void normalise(float *v, size_t count, const float mean[3],
                      const float over[3])
{
    for (size_t i = 0; i < count * DIM; i++)
        v[i] = (v[i] - mean[i % 3]) * over[i % 3];
}

/* ---- slices ---- */

typedef struct Slices {
    const float *a, *b;
    size_t count;
    uint64_t seed;
    double *out; /* a slice each */
    int level;
    int *ret;
} Slices;

static int ascending(const void *a, const void *b)
{
    const float x = *(const float *)a, y = *(const float *)b;

    return (x > y) - (x < y);
}

static void project(const float *v, size_t count, const double dir[DIM],
                    float *out)
{
    for (size_t i = 0; i < count; i++) {
        double sum = 0;

        for (int d = 0; d < DIM; d++)
            sum += dir[d] * v[i * DIM + (size_t)d];
        out[i] = (float)sum;
    }
    qsort(out, count, sizeof(*out), ascending);
}

static void slice(void *arg, int i, int worker)
{
    const Slices *s = arg;
    float *p = malloc(sizeof(*p) * s->count),
          *q = malloc(sizeof(*q) * s->count);
    FgDice d = {s->seed, SLICE + 100 * (uint32_t)s->level, (uint32_t)i, 0};
    double dir[DIM], norm = 0, sum = 0;

    (void)worker;
    s->ret[i] = p && q ? 0 : -ENOMEM;
    for (int k = 0; k < DIM; k++) {
        dir[k] = fg_dice_normal(&d);
        norm += dir[k] * dir[k];
    }
    for (int k = 0; k < DIM; k++)
        dir[k] /= sqrt(norm);
    if (!s->ret[i]) {
        project(s->a, s->count, dir, p);
        project(s->b, s->count, dir, q);
        for (size_t k = 0; k < s->count; k++)
            sum += fabs((double)p[k] - q[k]);
        s->out[i] = sum / (double)s->count;
    }
    free(p);
    free(q);
}

static int compare(const float *a, const float *b, size_t count, uint64_t seed,
                   int level, double *out, FgExecutor *ex)
{
    double each[FG_SWD_SLICES];
    int bad[FG_SWD_SLICES] = {0}, ret = 0;
    Slices s = {a, b, count, seed, each, level, bad};

    fg_run(ex, slice, &s, FG_SWD_SLICES);
    *out = 0;
    for (int i = 0; i < FG_SWD_SLICES; i++) {
        ret = bad[i] ? bad[i] : ret;
        *out += 1000 * each[i] / FG_SWD_SLICES;
    }
    return ret;
}

int fg_swd(const FgPicture *real, const FgPicture *made, int n, uint64_t seed,
           double level[FG_SWD_LEVELS], FgExecutor *ex)
{
    const int nb = levels_of(real[0].w, real[0].h);
    const size_t count = (size_t)n * FG_SWD_PATCHES;
    Patches a = {{0}}, b = {{0}};
    int ret = cut(real, n, nb, seed, 0, &a, ex);

    if (!ret)
        ret = cut(made, n, nb, seed, 1, &b, ex);
    for (int k = 0; k < nb && !ret; k++) {
        float mean[3], over[3];

        statistics(a.v[k], count, mean, over);
        normalise(a.v[k], count, mean, over);
        normalise(b.v[k], count, mean, over);
        ret = compare(a.v[k], b.v[k], count, seed, k, &level[k], ex);
    }
    patches_free(&a);
    patches_free(&b);
    return ret ? ret : nb;
}
