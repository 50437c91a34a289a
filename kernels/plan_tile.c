/* ffgan: plans: tile size, memory reuse, allocation.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "graph_priv.h"
#include "plan_priv.h"

/* Activations below this stay in the outer caches of current CPUs. */
#define CACHE_BYTES ((size_t)16 << 20)
#define DEFAULT_LIMIT ((size_t)1 << 30)
/* Where the caller or the network fixes the tile: a guard against nonsense. */
#define HUGE_PAGE ((size_t)2 << 20)
#define FIXED_LIMIT ((size_t)16 << 30)

static int halo(const FgPlan *p)
{
    return fg_round_up(p->radius, p->grid);
}

static int min(int a, int b)
{
    return a < b ? a : b;
}

int fg_plan_tile(const FgPlan *p, int w, int h, int i, FgTile *t)
{
    const int nx = fg_ceil_div(w, p->tile_w), ny = fg_ceil_div(h, p->tile_h);
    const int pw = fg_round_up(w, p->reach.align);
    const int ph = fg_round_up(h, p->reach.align), r = halo(p);
    if (i < nx * ny) {
        t->x = i % nx * p->tile_w;
        t->y = i / nx * p->tile_h;
        t->w = min(p->tile_w, w - t->x);
        t->h = min(p->tile_h, h - t->y);
        t->wx = t->x > r ? t->x - r : 0;
        t->wy = t->y > r ? t->y - r : 0;
        t->ww = min(fg_round_up(t->x + t->w, p->reach.align) + r, pw) - t->wx;
        t->wh = min(fg_round_up(t->y + t->h, p->reach.align) + r, ph) - t->wy;
    }
    return nx * ny;
}

static size_t shape_bytes(FgShape s, FgDtype dtype)
{
    const size_t n = (size_t)s.c * (size_t)s.h * (size_t)s.w *
                     fg_dtype_size(dtype);
    return (n + 63) & ~(size_t)63;
}

static size_t value_bytes(const FgPlan *p, int v, FgShape s)
{
    return p->dtype[v] == FG_BF16 ? fg_mat_place(NULL, NULL, s, p->mat_pad, 0)
                                  : shape_bytes(s, p->dtype[v]);
}

/* ---- memory reuse ---- */

int fg_plan_last_use(const FgPlan *p, int value)
{
    int last = -1;
    for (int i = 0; i < p->nb_steps; i++)
        for (int k = 0; k < p->steps[i].nb_in; k++)
            if (p->steps[i].in[k] == value)
                last = i;
    const int out = p->alias[p->g.nb_nodes - 1];
    const int end = p->has_tail
                        ? value == p->tail.shuffle || value == p->tail.base
                        : value == out;
    return end ? p->nb_steps : last;
}

/* The free slot that wastes or grows least, or a new one. */
static int take_slot(FgPlan *p, const char *busy, size_t bytes)
{
    int best = -1;
    size_t cost = bytes;
    for (int i = 0; i < p->nb_slots; i++) {
        const size_t size = p->mem_size[i];
        const size_t c = size > bytes ? size - bytes : bytes - size;
        if (!busy[i] && (best < 0 || c < cost)) {
            best = i;
            cost = c;
        }
    }
    if (best < 0) {
        best = p->nb_slots++;
        p->mem_size[best] = 0;
    }
    if (p->mem_size[best] < bytes)
        p->mem_size[best] = bytes;
    return best;
}

/* Bytes of the rows of a value that are kept. */
static size_t kept_bytes(const FgPlan *p, int v)
{
    FgShape s = p->shapes[v];
    if (p->keep[v])
        s.h = p->keep[v];
    return value_bytes(p, v, s);
}

/* The group that last reads step i's value. */
static int last_group(const FgPlan *p, int i)
{
    const int last = fg_plan_last_use(p, p->steps[i].out);
    return p->group[last < 0 ? i : last < p->nb_steps ? last : p->nb_steps - 1];
}

/* While a group is at work each of its values has memory of its own. */
static size_t band_slots(FgPlan *p, char *busy, int *last)
{
    size_t bytes = 0;
    p->nb_slots = 0;
    for (int i = 0; i < p->nb_steps; i++) {
        const int v = p->steps[i].out;
        for (int k = 0; k < p->nb_slots; k++)
            busy[k] = last[k] >= p->group[i];
        const int s = take_slot(p, busy, kept_bytes(p, v));
        p->slot[v] = s;
        last[s] = last_group(p, i);
    }
    for (int k = 0; k < p->nb_slots; k++)
        bytes += p->mem_size[k];
    return bytes;
}

int fg_plan_assign(FgPlan *p, int w, int h, size_t *bytes)
{
    const FgShape in = {1, p->channels_in, h, w};
    const int rc = fg_graph_shapes(&p->g, in, p->shapes, NULL);
    if (rc < 0)
        return rc;
    char *busy = calloc((size_t)p->nb_steps + 1, 1);
    int *last = calloc((size_t)p->nb_steps + 1, sizeof(int));
    if (busy && last && p->band) {
        *bytes = band_slots(p, busy, last);
    } else if (busy && last) {
        p->nb_slots = 0;
        for (int i = 0; i < p->nb_steps; i++) {
            const int v = p->steps[i].out;
            for (int k = 0; k < p->nb_slots; k++)
                busy[k] = last[k] >= i;
            const int s = take_slot(p, busy, value_bytes(p, v, p->shapes[v]));
            p->slot[v] = s;
            last[s] = fg_plan_last_use(p, v);
        }
        *bytes = p->reach.align > 1 ? shape_bytes(in, FG_F32) : 0;
        for (int k = 0; k < p->nb_slots; k++)
            *bytes += p->mem_size[k];
    }
    const int ok = busy && last;
    free(busy);
    free(last);
    return ok ? 0 : -ENOMEM;
}

/* ---- the tile ---- */

/* Windows have a whole number of grid steps and never exceed the picture. */
static int window(const FgPlan *p, int tile, int max)
{
    const int64_t n = (int64_t)tile + 2 * halo(p);
    const int whole = fg_round_up(max, p->reach.align);
    return n < whole ? (int)n : whole;
}

static int tile_bytes(FgPlan *p, int w, int h, size_t *bytes)
{
    return fg_plan_assign(p, window(p, w, p->max_w), window(p, h, p->max_h),
                          bytes);
}

/* The largest height for width w that needs at most limit bytes; 0 = none. */
static int fit_height(FgPlan *p, int w, size_t limit, int *rc)
{
    const int a = p->grid;
    int lo = 0, hi = fg_ceil_div(p->max_h, a);
    while (lo < hi) {
        const int mid = (lo + hi + 1) / 2;
        size_t bytes = 0;
        *rc = tile_bytes(p, w, mid * a, &bytes);
        if (*rc < 0)
            return 0;
        if (bytes <= limit)
            lo = mid;
        else
            hi = mid - 1;
    }
    return lo * a;
}

static int least_tile(const FgPlan *p)
{
    return fg_round_up(p->radius > 8 ? p->radius : 8, p->grid);
}

/* Bands of the full width: each halves and again the next narrower tile only
 * while not even a low one fits. */
static int fit_limit(FgPlan *p, size_t limit, FgError *err)
{
    const int a = p->grid, least = least_tile(p);
    for (int w = fg_round_up(p->max_w, a);; w = fg_round_up((w + 1) / 2, a)) {
        int rc = 0;
        const int h = fit_height(p, w, limit, &rc);
        if (rc < 0)
            return fg_error(err, rc, "plan: no memory or too large");
        if (h >= min(least, fg_round_up(p->max_h, a))) {
            p->tile_w = w;
            p->tile_h = h;
            return 0;
        }
        if (w <= least)
            return fg_error(err, -ENOMEM,
                            "plan: memory_limit of %zu bytes is too small for "
                            "tiles of %d pixels with a border of %d",
                            limit, least, halo(p));
    }
}

/* Lower bands that stay in the cache, where recomputing their borders (about
 * radius rows per band, as the rows needed shrink towards the output) costs
 * no more than a tenth. */
static int fit_cache(FgPlan *p)
{
    const int a = p->grid;
    const int h = fg_round_up(10 * p->radius + 16, a);
    size_t bytes = 0;
    if (p->tile_w < p->max_w || p->tile_h <= h)
        return 0;
    int rc = tile_bytes(p, p->tile_w, h, &bytes);
    if (rc < 0 || bytes > CACHE_BYTES)
        return rc;
    const int fit = fit_height(p, p->tile_w, CACHE_BYTES, &rc);
    if (rc >= 0 && fit >= h && fit > 0 && fit < p->max_h)
        p->tile_h = fg_round_up(
            fg_ceil_div(p->max_h, fg_ceil_div(p->max_h, fit)), a);
    return rc;
}

/* The largest picture, say, is smaller than one of its windows. */
static int refused(FgPlan *p, FgError *err)
{
    const FgShape in = {1, p->channels_in, p->tile_h, p->tile_w};
    FgError why = {{0}};
    fg_graph_shapes(&p->g, in, p->shapes, &why);
    return fg_error(err, -EINVAL, "plan: the network does not take %dx%d: %s",
                    p->tile_w, p->tile_h, why.text);
}

static int fixed_tile(FgPlan *p, int tile, size_t limit, FgError *err)
{
    const int a = p->grid;
    const int t = p->reach.global || tile > 1 << 18 ? 1 << 18 : tile;
    size_t bytes = 0;
    p->tile_w = min(fg_round_up(t, a), fg_round_up(p->max_w, a));
    p->tile_h = min(fg_round_up(t, a), fg_round_up(p->max_h, a));
    const int rc = tile_bytes(p, p->tile_w, p->tile_h, &bytes);
    if (rc == -EINVAL)
        return refused(p, err);
    if (rc < 0)
        return fg_error(err, rc, "plan: a tile of %dx%d is too large",
                        p->tile_w, p->tile_h);
    if (bytes > limit)
        return fg_error(err, -ENOMEM,
                        "plan: tiles of %dx%d need %zu bytes, memory_limit "
                        "allows %zu",
                        p->tile_w, p->tile_h, bytes, limit);
    return 0;
}

/* Narrower tiles, as long as what they compute twice costs little. */
static int fit_columns(FgPlan *p)
{
    size_t bytes = 0;
    int rc = tile_bytes(p, p->tile_w, p->tile_h, &bytes);
    for (int n = 2; rc >= 0 && bytes > FG_BAND_BYTES; n++) {
        const int w = fg_round_up(fg_ceil_div(p->max_w, n), p->grid);
        if (w < 16 * halo(p))
            break;
        p->tile_w = w;
        rc = tile_bytes(p, w, p->tile_h, &bytes);
    }
    return rc;
}

static int choose_tile(FgPlan *p, const FgPlanOptions *opt, FgError *err)
{
    const size_t limit = opt->memory_limit;
    if (p->reach.global || opt->tile > 0)
        return fixed_tile(p, opt->tile, limit ? limit : FIXED_LIMIT, err);
    int rc = fit_limit(p, limit ? limit : DEFAULT_LIMIT, err);
    if (rc >= 0 && !fg_plan_grouped(p) &&
        (p->band ? fit_columns(p) : fit_cache(p)) < 0)
        rc = fg_error(err, -ENOMEM, "plan: out of memory");
    return rc;
}

/* ---- allocation ---- */

static size_t step_scratch(const FgPlan *p, const FgStep *s, size_t *worker)
{
    const FgNode *n = &p->g.nodes[s->node];
    FgShape in[FG_MAX_IN];
    *worker = 0;
    if (s->conv) {
        *worker = s->tiles      ? fg_mat_scratch(&s->mat, p->shapes[s->node].w)
                  : s->q8.owned ? fg_q8_scratch(&s->q8, p->shapes[s->node].w)
                  : s->wino.owned
                      ? fg_wino_scratch(&s->wino)
                      : fg_conv_scratch(&s->prep, p->shapes[s->node].w);
        return *worker * (size_t)fg_threads(p->ex);
    }
    if (s->chain) {
        *worker = fg_fused_place(p, s);
        return *worker * (size_t)fg_threads(p->ex);
    }
    for (int k = 0; k < s->nb_in; k++)
        in[k] = p->shapes[s->in[k]];
    return n->op->scratch ? n->op->scratch(n, in, &p->shapes[s->node], FG_F32,
                                           fg_threads(p->ex))
                          : 0;
}

static void size_scratch(FgPlan *p)
{
    const size_t threads = (size_t)fg_threads(p->ex);
    for (int i = 0; i < p->nb_steps; i++) {
        size_t worker;
        const size_t n = step_scratch(p, &p->steps[i], &worker);
        p->scratch_size = n > p->scratch_size ? n : p->scratch_size;
        p->worker_scratch = worker > p->worker_scratch ? worker
                                                       : p->worker_scratch;
    }
    if (p->has_tail) {
        const int a = p->tail.shuffle, b = p->tail.base;
        const int wa = a >= 0 ? p->shapes[a].w : 0;
        const int wb = b >= 0 ? p->shapes[b].w : 0;
        const size_t n = fg_tail_scratch(&p->tail, wa > wb ? wa : wb,
                                         p->channels_out);
        const size_t worker = (n + 63) & ~(size_t)63;
        p->worker_scratch = worker > p->worker_scratch ? worker
                                                       : p->worker_scratch;
    }
    if (p->worker_scratch * threads > p->scratch_size)
        p->scratch_size = p->worker_scratch * threads;
}

/* One piece for all values and the workers' scratch, in huge pages where the
 * system has them: rows of a picture are as far apart as pages are, and each
 * new page of 4 KiB would cost a walk through the tables. */
static void *arena(size_t bytes)
{
    const size_t page = bytes < HUGE_PAGE ? 64 : HUGE_PAGE;
    const size_t n = (bytes + page) & ~(page - 1);
    void *m = aligned_alloc(page, n);
    if (!m)
        return NULL;
#if defined(MADV_HUGEPAGE)
    if (page == HUGE_PAGE)
        madvise(m, n, MADV_HUGEPAGE); /* may be refused: only speed */
#endif
    memset(m, 0, n);
    return m;
}

static size_t whole_lines(size_t n)
{
    return (n + 63) & ~(size_t)63;
}

/* Slots, then scratch. */
static int carve(FgPlan *p)
{
    size_t bytes = whole_lines(p->scratch_size);
    for (int i = 0; i < p->nb_slots; i++)
        bytes += whole_lines(p->mem_size[i]) + 64;
    char *at = p->arena = arena(bytes);
    if (!at)
        return -ENOMEM;
    for (int i = 0; i < p->nb_slots; i++) {
        p->mem[i] = at;
        at += whole_lines(p->mem_size[i]) + 64;
    }
    p->scratch = at;
    return 0;
}

/* Input rows come and go where the wave is one, over the whole width; else the
 * picture is needed. */
static int make_ring(FgPlan *p, int w, int h)
{
    p->take_rows = p->take_rows && p->band && !fg_plan_grouped(p) &&
                   p->tile_w >= p->max_w && p->reach.align == 1;
    return p->take_rows ? fg_tensor_alloc(&p->ring,
                                          (FgShape){1, p->channels_in,
                                                    min(p->keep[0], h), w},
                                          FG_F32)
                        : 0;
}

static int allocate(FgPlan *p, FgError *err)
{
    const int w = window(p, p->tile_w, p->max_w);
    const int h = window(p, p->tile_h, p->max_h);
    size_t bytes = 0;
    int rc = fg_plan_assign(p, w, h, &bytes);
    if (rc < 0)
        return fg_error(err, rc, "plan: a window of %dx%d is too large", w, h);
    size_scratch(p);
    rc = carve(p);
    if (rc >= 0 && p->reach.align > 1)
        rc = fg_tensor_alloc(&p->staging, (FgShape){1, p->channels_in, h, w},
                             FG_F32);
    if (rc >= 0)
        rc = make_ring(p, w, h);
    if (rc < 0)
        return fg_error(err, -ENOMEM, "plan: out of memory (%zu bytes)", bytes);
    p->parts = fg_cost_parts(p);
    return 0;
}

/* Pixels after which every step starts anew: tiles of Winograd's, units of tile
 * products. */
static int steps_grid(const FgPlan *p)
{
    int grid = p->nb_wino ? FG_WINO_TILE : 1;
    for (int i = 0; i < p->nb_steps; i++) {
        const int unit = p->steps[i].tiles ? p->steps[i].mat.unit : 1;
        int g = grid;
        while (g % unit)
            g += grid;
        grid = g;
    }
    return grid;
}

/* A Winograd tile takes all of its inputs together, so that what an output
 * depends on grows to whole tiles at each layer: asked of a middle tile of a
 * picture large enough. */
static int find_radius(FgPlan *p, FgError *err)
{
    const int64_t num = p->reach.scale_num, den = p->reach.scale_den;
    p->grid = p->reach.align * steps_grid(p);
    p->radius = p->reach.radius;
    for (int half = 16 * p->grid; p->nb_wino && !p->reach.global; half *= 2) {
        const int end = half + p->grid, side = half + end;
        const FgShape in = {1, p->channels_in, side, side};
        if (fg_graph_shapes(&p->g, in, p->shapes, NULL) < 0)
            return fg_error(err, -EINVAL,
                            "plan: what a pixel depends on is "
                            "too much");
        fg_plan_need(p, (int)(half * num / den), (int)(end * num / den));
        if (p->need0[0] > 0 && p->need1[0] < side - 1) {
            const int before = half - p->need0[0],
                      after = p->need1[0] - end + 1;
            p->radius = before > after ? before : after;
            break;
        }
    }
    return 0;
}

int fg_plan_layout(FgPlan *p, const FgPlanOptions *opt, FgError *err)
{
    const size_t n = (size_t)p->g.nb_nodes;
    p->shapes = calloc(n, sizeof(*p->shapes));
    p->dtype = calloc(n, sizeof(*p->dtype));
    p->value = calloc(n, sizeof(*p->value));
    p->need0 = calloc(n, sizeof(int));
    p->need1 = calloc(n, sizeof(int));
    p->slot = calloc(n, sizeof(int));
    p->mem = calloc(n, sizeof(*p->mem));
    p->lead = calloc(n, sizeof(int));
    p->keep = calloc(n, sizeof(int));
    p->group = calloc(n, sizeof(int));
    p->mem_size = calloc(n, sizeof(*p->mem_size));
    p->worst = calloc((size_t)fg_threads(p->ex), 64);
    if (!p->shapes || !p->dtype || !p->value || !p->need0 || !p->need1 ||
        !p->slot || !p->lead || !p->keep || !p->group || !p->mem ||
        !p->mem_size || !p->worst)
        return fg_error(err, -ENOMEM, "plan: out of memory");
    for (size_t i = 0; i < n; i++)
        p->slot[i] = -1;
    fg_plan_types(p);
    int rc = fg_plan_mats(p, err);
    if (rc >= 0)
        rc = find_radius(p, err);
    if (rc >= 0)
        rc = fg_plan_band(p, opt, err);
    if (rc >= 0)
        rc = choose_tile(p, opt, err);
    return rc < 0 ? rc : allocate(p, err);
}

size_t fg_plan_weights(const FgPlan *p)
{
    size_t n = 0;
    for (int i = 0; i < p->nb_steps; i++)
        n += p->steps[i].tiles        ? fg_mat_bytes(&p->steps[i].mat)
             : p->steps[i].q8.owned   ? fg_q8_bytes(&p->steps[i].q8)
             : p->steps[i].wino.owned ? fg_wino_bytes(&p->steps[i].wino)
                                      : fg_conv_prep_bytes(&p->steps[i].prep);
    return n;
}

size_t fg_plan_bytes(const FgPlan *p)
{
    size_t n = p->scratch_size + fg_plan_weights(p);
    for (int i = 0; i < p->nb_slots; i++)
        n += p->mem_size[i];
    if (p->staging.owned)
        n += shape_bytes(p->staging.shape, FG_F32);
    if (p->ring.owned)
        n += shape_bytes(p->ring.shape, FG_F32);
    return n;
}
