/* ffgan: ways through latent space, frame by frame.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "walk.h"

#include <math.h>

#define TURN 6.28318530717958647692

static int64_t mod(int64_t a, int64_t n)
{
    const int64_t r = a % n;
    return r < 0 ? r + n : r;
}

/* The point at part f of the way from a to b. */
static void between(FgMoment *m, FgWalkMode mode, FgTerm a, FgTerm b, double f)
{
    double s, c;
    fg_sincos(f * (TURN / 4), &s, &c);
    a.weight = (float)(mode == FG_WALK_LINEAR ? 1 - f : c);
    b.weight = (float)(mode == FG_WALK_LINEAR ? f : s);
    if (mode == FG_WALK_HOLD || f <= 0)
        a.weight = 1;
    m->term[m->nb++] = a;
    if (mode != FG_WALK_HOLD && f > 0)
        m->term[m->nb++] = b;
}

static void along_keys(const FgWalk *w, int64_t n, FgMoment *m)
{
    const FgWalkKey *k = w->keys;
    const int last = w->nb_keys - 1;
    int i = 0;
    if (w->loop) /* may lie before the first key: then behind the last */
        n = k[0].frame + mod(n - k[0].frame, w->loop);
    while (i < last && k[i + 1].frame <= n)
        i++;
    const FgTerm a = {k[i].seed, 0, 1};
    const FgTerm b = {k[i == last ? 0 : i + 1].seed, 0, 1};
    const int64_t end = i < last ? k[i + 1].frame : k[0].frame + w->loop;
    const int moves = n > k[i].frame && (i < last || w->loop);
    between(m, w->mode, a, b,
            moves ? (double)(n - k[i].frame) / (double)(end - k[i].frame) : 0);
}

static void along_steps(const FgWalk *w, int64_t n, FgMoment *m)
{
    double u = (double)n * w->step, whole = floor(u);
    uint32_t key = (uint32_t)(int64_t)whole, next = key + 1;
    if (w->loop) {
        const int64_t steps = llrint(w->step * (double)w->loop);
        const int64_t nb = steps < 2 ? 2 : steps;
        const int64_t at = mod(n, w->loop) * nb;
        key = (uint32_t)(at / w->loop);
        next = (uint32_t)mod(key + 1, nb);
        u = (double)(at % w->loop) / (double)w->loop;
        whole = 0;
    }
    between(m, w->mode, (FgTerm){w->seed, key, 1}, (FgTerm){w->seed, next, 1},
            u - whole);
}

static void round_circle(const FgWalk *w, int64_t n, FgMoment *m)
{
    double part, r = 1, s, c;
    if (w->loop) {
        part = (double)mod(n, w->loop) / (double)w->loop;
        r = fmin(1, w->step * (double)w->loop / 4);
    } else {
        part = (double)n * w->step / 4;
        part -= floor(part);
    }
    fg_sincos(part * TURN, &s, &c);
    m->term[0] = (FgTerm){w->seed, 0, (float)(r * c)};
    m->term[1] = (FgTerm){w->seed, 1, (float)(r * s)};
    m->term[2] = (FgTerm){w->seed, 2, (float)sqrt(1 - r * r)};
    m->nb = r < 1 ? 3 : 2;
}

void fg_walk_at(const FgWalk *w, int64_t n, FgMoment *m)
{
    *m = (FgMoment){.truncation = w->truncation};
    if (w->nb_keys)
        along_keys(w, n, m);
    else if (w->mode == FG_WALK_HOLD || w->step <= 0)
        m->term[m->nb++] = (FgTerm){w->seed, 0, 1};
    else if (w->mode == FG_WALK_CIRCLE)
        round_circle(w, n, m);
    else
        along_steps(w, n, m);
}
