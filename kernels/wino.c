/* Winograd: tiles of a picture, in blocks that stay in the cache.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "wino.h"
#include "conv_ring.h"

#include <pthread.h>
#include <string.h>

#define PLANES 36
#define T FG_WINO_TILE
#define STAGE_W (T * FG_WINO_RUN + 2)
/* Transformed inputs and products of a block: the share of the second level
 * of cache that the weights leave. */
#define BLOCK_BYTES ((size_t)256 << 10)

/* ---- the table ---- */

static pthread_once_t once = PTHREAD_ONCE_INIT;
static FgWinoOps tables[FG_CPU_TOP + 1];

static void fill_tables(void)
{
    for (int i = 0; i <= FG_CPU_TOP; i++) {
        fg_wino_ops_c(&tables[i]);
#if defined(__x86_64__)
        if (i >= FG_CPU_AVX2)
            fg_wino_ops_avx2(&tables[i]);
        if (i >= FG_CPU_AVX2 && fg_cpu_has_avxvnni())
            fg_wino_ops_avxvnni(&tables[i]);
        if (i >= FG_CPU_AVX512)
            fg_wino_ops_avx512(&tables[i]);
        if (i >= FG_CPU_AVX512 && __builtin_cpu_supports("avx512vnni"))
            fg_wino_ops_vnni(&tables[i]);
#elif defined(__aarch64__)
        if (i >= FG_CPU_NEON)
            fg_wino_ops_neon(&tables[i]);
#endif
    }
}

const FgWinoOps *fg_wino_ops(FgCpu level)
{
    pthread_once(&once, fill_tables);
    return &tables[level];
}

/* ---- geometry ---- */

typedef struct Job {
    const FgWino *w;
    const FgWinoOps *ops;
    const FgTensor *in;
    FgTensor *out;
    const FgConvEpilogue *e; /* or NULL */
    int add;                 /* out += result */
    int x0, nx, ny;          /* tiles x0 .. x0+nx-1 of rows, rows of tiles */
    int block;               /* tiles of a block */
    size_t v_tile, m_tile;
    size_t in_size, out_size; /* bytes of an element */
    char *v, *m;
    char *stage;
    float *unscale, *work;
} Job;

static size_t v_tile(const FgWino *w)
{
    return PLANES * (size_t)w->icp * (w->kind == FG_WINO_I16 ? 2 : 4) + 64;
}

static size_t m_tile(const FgWino *w)
{
    return PLANES * (size_t)w->ocp * 4 + 64;
}

/* A multiple of every product's tile count. */
static int block_tiles(const FgWino *w)
{
    const size_t n = BLOCK_BYTES / (v_tile(w) + m_tile(w)) / 12 * 12;

    return n < 12 ? 12 : n > 48 ? 48 : (int)n;
}

static size_t stage_bytes(const FgWino *w)
{
    return 6 * STAGE_W * (size_t)((w->icp + 15) & ~15) * sizeof(float);
}

size_t fg_wino_scratch(const FgWino *w)
{
    const size_t n = (size_t)block_tiles(w);

    return n * (v_tile(w) + m_tile(w)) + ((4 * n + 63) & ~(size_t)63) +
           stage_bytes(w) + FG_WINO_WORK;
}

static void job_init(Job *j, const FgWino *w, const FgTensor *in, FgTensor *out,
                     const FgConvEpilogue *e)
{
    *j = (Job){.w = w,
               .ops = fg_wino_ops(fg_cpu_level()),
               .in = in,
               .out = out,
               .e = e};
    j->nx = (out->shape.w + T - 1) / T;
    j->ny = (out->shape.h + T - 1) / T;
    j->block = block_tiles(w);
    j->v_tile = v_tile(w);
    j->m_tile = m_tile(w);
    j->in_size = fg_dtype_size(in->dtype);
    j->out_size = fg_dtype_size(out->dtype);
}

static void job_memory(Job *j, void *scratch)
{
    const size_t n = (size_t)j->block;

    j->v = scratch;
    j->m = j->v + n * j->v_tile;
    j->stage = j->m + n * j->m_tile;
    j->work = (float *)(j->stage + stage_bytes(j->w));
    j->unscale = (float *)((char *)j->work + FG_WINO_WORK);
}

/* ---- input ---- */

/* Pixels of the stage are as far apart as the picture's where that fits, so
 * that those inside are copied in one piece. */
static int stage_pitch(const Job *j)
{
    return j->in->pitch < j->w->icp ? j->in->pitch : j->w->icp;
}

static void stage_pixels(const Job *j, char *dst, int image, int y, int x0,
                         int n)
{
    const FgTensor *const in = j->in;
    const size_t size = j->in_size, bytes = size * (size_t)j->w->ic;
    const size_t step = size * (size_t)stage_pitch(j);

    for (int x = 0; x < n; x++, dst += step) {
        const int at = fg_pad_index(x0 + x, in->shape.w, j->w->pad_mode);

        if (at < 0)
            memset(dst, 0, bytes);
        else
            memcpy(dst, fg_bytes(in, image, y, at, size), bytes);
    }
}

static int clamp(int v, int lo, int hi)
{
    return v < lo ? lo : v > hi ? hi : v;
}

/* n pixels from x0 on of row y of the patch into the stage: what lies outside
 * by the padding rule. */
static void stage_row(const Job *j, char *dst, int image, int y, int x0, int n)
{
    const FgTensor *const in = j->in;
    const int pitch = stage_pitch(j);
    const size_t step = j->in_size * (size_t)pitch;
    const int from = fg_pad_index(y, in->shape.h, j->w->pad_mode);
    const int a = clamp(-x0, 0, n), b = clamp(in->shape.w - x0, a, n);

    if (from < 0) {
        memset(dst, 0, step * (size_t)n);
    } else if (pitch == in->pitch && b > a) {
        stage_pixels(j, dst, image, from, x0, a);
        memcpy(dst + step * (size_t)a,
               fg_bytes(in, image, from, x0 + a, j->in_size),
               step * (size_t)(b - a - 1) + j->in_size * (size_t)j->w->ic);
        stage_pixels(j, dst + step * (size_t)b, image, from, x0 + b, n - b);
    } else {
        stage_pixels(j, dst, image, from, x0, n);
    }
}

/* Where n tiles of one row of tiles, from tile (tx, ty) on, are read. */
static void find_run(const Job *j, FgWinoIn *q, int image, int ty, int tx,
                     int n)
{
    const FgWino *const w = j->w;
    const FgShape s = j->in->shape;
    const int x0 = T * tx - w->pad, y0 = T * ty - w->pad, cols = T * n + 2;
    const int inside = x0 >= 0 && y0 >= 0 && x0 + cols <= s.w && y0 + 6 <= s.h;
    const size_t size = j->in_size;

    *q = (FgWinoIn){.n = n,
                    .half = j->in->dtype == FG_F16,
                    .ic = w->ic,
                    .icp = w->icp,
                    .v = j->v,
                    .v_tile = j->v_tile,
                    .unscale = j->unscale,
                    .work = j->work};
    q->pitch = inside ? j->in->pitch : stage_pitch(j);
    for (int i = 0; i < 6; i++) {
        char *const stage = j->stage +
                            (size_t)i * STAGE_W * (size_t)w->icp * size;

        if (!inside)
            stage_row(j, stage, image, y0 + i, x0, cols);
        q->row[i] = inside ? fg_bytes(j->in, image, y0 + i, x0, size) : stage;
    }
}

static void load_block(const Job *j, int first, int n)
{
    const int most = fg_wino_run(j->w->ic);
    FgWinoIn q;

    for (int i = 0; i < n;) {
        const int t = first + i, tx = j->x0 + t % j->nx, row = t / j->nx;
        int run = j->x0 + j->nx - tx;

        run = run > most ? most : run;
        run = run > n - i ? n - i : run;
        find_run(j, &q, row / j->ny, row % j->ny, tx, run);
        q.v += (size_t)i * j->v_tile;
        q.unscale += i;
        j->ops->in[j->w->kind](&q);
        i += run;
    }
}

/* ---- output ---- */

/* Where tile (tx, ty) is written; returns bytes from tile to tile of what is
 * added. */
static size_t find_tile(const Job *j, FgWinoOut *q, int image, int ty, int tx)
{
    const int y = T * ty, x = T * tx, h = j->out->shape.h;
    const FgTensor *const add = j->add ? j->out : j->e ? j->e->add : NULL;
    const size_t size = j->out_size;

    q->rows = h - y < T ? h - y : T;
    q->add_pitch = add ? add->pitch : 0;
    for (int i = 0; i < q->rows; i++) {
        q->out[i] = fg_bytes(j->out, image, y + i, x, size);
        q->add[i] = add ? fg_bytes(add, image, y + i, x, size) : NULL;
    }
    return T * size * (size_t)q->add_pitch;
}

static int tile_cols(const Job *j, int tx)
{
    const int left = j->out->shape.w - T * tx;

    return left < T ? left : T;
}

/* n tiles of one row of tiles, from the slot-th of the block on. */
static void store_run(const Job *j, FgWinoOut *q, int image, int ty, int tx,
                      int n, int slot)
{
    const size_t step = T * j->out_size * (size_t)j->out->pitch;
    const size_t add_step = find_tile(j, q, image, ty, tx);

    for (int k = 0; k < n; k++) {
        q->m = j->m + (size_t)(slot + k) * j->m_tile;
        q->unscale = j->unscale[slot + k];
        q->cols = tile_cols(j, tx + k);
        j->ops->out[j->w->kind](q);
        for (int i = 0; i < q->rows; i++) {
            q->out[i] = (char *)q->out[i] + step;
            q->add[i] = q->add[i] ? (const char *)q->add[i] + add_step : NULL;
        }
    }
}

static FgWinoOut out_of(const Job *j)
{
    const FgWino *const w = j->w;
    FgWinoOut q = {.scale = w->scale,
                   .bias = w->bias,
                   .oc = w->oc,
                   .ocp = w->ocp,
                   .pitch = j->out->pitch,
                   .half = j->out->dtype == FG_F16,
                   .add_first = j->add};

    if (j->e) {
        q.slope = j->e->act == FG_CONV_PRELU ? j->e->slope : NULL;
        q.act = j->e->act;
        q.alpha = j->e->alpha;
        q.add_first = j->e->add_first;
    }
    return q;
}

static void store_block(const Job *j, int first, int n)
{
    FgWinoOut q = out_of(j);

    for (int i = 0, run; i < n; i += run) {
        const int tx = (first + i) % j->nx, row = (first + i) / j->nx;

        run = j->nx - tx < n - i ? j->nx - tx : n - i;
        store_run(j, &q, row / j->ny, row % j->ny, j->x0 + tx, run, i);
    }
}

/* ---- all ---- */

/* The part-th of parts shares of the cache lines of pixels x0 <= x < x1 of a
 * row: asked for while products are made, that no transform waits. */
static void prefetch(const FgTensor *t, int write, int image, int y, int x0,
                     int x1, size_t part, size_t parts)
{
    const size_t size = fg_dtype_size(t->dtype);

    x0 = x0 > 0 ? x0 : 0;
    x1 = x1 < t->shape.w ? x1 : t->shape.w;
    if (x0 >= x1 || y < 0 || y >= t->shape.h)
        return;
    const size_t bytes = (size_t)(x1 - x0) * (size_t)t->pitch * size;
    const char *at = fg_bytes(t, image, y, x0, size);
    const char *const end = at + bytes * (part + 1) / parts;

    at += (bytes * part / parts) & ~(size_t)63;
    if (write)
        for (; at < end; at += 64)
            __builtin_prefetch(at, 1, 2);
    else
        for (; at < end; at += 64)
            __builtin_prefetch(at, 0, 2);
}

/* A part of an input row of the n tiles from t on, for plane p. */
static void prefetch_tiles(const Job *j, int t, int n, size_t p, size_t parts)
{
    const int tx = j->x0 + t % j->nx, row = t / j->nx, pad = j->w->pad;
    const int y = T * (row % j->ny) - pad + (int)(p / 6), x = T * tx - pad;

    prefetch(j->in, 0, row / j->ny, y, x, x + T * n + 2, p % parts, parts);
}

/* The same of the output rows of the n tiles from t on. */
static void prefetch_out(const Job *j, int t, int n, size_t p)
{
    const int tx = j->x0 + t % j->nx, row = t / j->nx;
    const int y = T * (row % j->ny) + (int)(p / 9), x = T * tx;

    prefetch(j->out, 1, row / j->ny, y, x, x + T * n, p % 9, 9);
}

/* ---- narrow layers ---- */

static int strips(const Job *j)
{
    const FgWino *const w = j->w;

    return j->ops->strip && w->kind == FG_WINO_I16 && w->ic > 8 &&
           w->ic <= 32 && w->oc <= 64;
}

/* Tiles first <= t < last by strips. */
static void run_strips(const Job *j, int first, int last)
{
    FgWinoStrip q = {.u = j->w->u, .out = out_of(j), .row = j->ops->strip_row};
    const int most = j->ops->strip_run;

    q.out.m = j->m;
    q.out_step = T * j->out_size * (size_t)j->out->pitch;
    for (int t = first, n; t < last; t += n) {
        const int tx = j->x0 + t % j->nx, row = t / j->nx;

        n = j->x0 + j->nx - tx;
        n = n > most ? most : n;
        n = n > last - t ? last - t : n;
        find_run(j, &q.in, row / j->ny, row % j->ny, tx, n);
        q.add_step = find_tile(j, &q.out, row / j->ny, row % j->ny, tx);
        q.last_cols = tile_cols(j, tx + n - 1);
        j->ops->strip(&q);
    }
}

/* Tiles first <= t < last, counted over the rows of all images. */
static void run_tiles(const Job *j, int first, int last)
{
    const FgWino *const w = j->w;
    const size_t es = w->kind == FG_WINO_I16 ? 2 : 4;
    const size_t k = w->kind == FG_WINO_I16 ? (size_t)(w->ic + 1) / 2
                                            : (size_t)w->ic;
    FgWinoProduct q = {.m = j->m,
                       .v_tile = j->v_tile,
                       .m_tile = j->m_tile,
                       .ic = w->ic,
                       .ocp = w->ocp};
    /* Narrow layers wait for nothing that prefetching could bring. */
    const int wide = w->icp >= 48;

    if (strips(j)) {
        run_strips(j, first, last);
        return;
    }
    for (int t = first; t < last; t += j->block) {
        const int n = last - t < j->block ? last - t : j->block;

        load_block(j, t, n);
        for (size_t p = 0; p < PLANES; p++) {
            if (wide && t + n < last)
                prefetch_tiles(j, t + n, n, p, 6);
            if (wide)
                prefetch_out(j, t, n, p);
            q.plane = (int)p;
            q.n = n;
            q.v = j->v + p * (size_t)w->icp * es;
            q.u = (const char *)w->u + p * k * (size_t)w->ocp * 4;
            j->ops->product[w->kind](&q);
        }
        store_block(j, t, n);
    }
}

void fg_wino_share(const FgWino *w, const FgTensor *in, FgTensor *out, int y0,
                   int y1, const FgConvEpilogue *e, void *scratch, int part,
                   int parts)
{
    Job j;
    int64_t nx;

    job_init(&j, w, in, out, e);
    job_memory(&j, scratch);
    nx = j.nx;
    j.x0 = (int)(nx * part / parts);
    j.nx = (int)(nx * (part + 1) / parts) - j.x0;
    run_tiles(&j, y0 / T * j.nx, (y1 + T - 1) / T * j.nx);
}

void fg_wino_rows(const FgWino *w, const FgTensor *in, FgTensor *out, int y0,
                  int y1, const FgConvEpilogue *e, void *scratch)
{
    Job j;

    job_init(&j, w, in, out, e);
    job_memory(&j, scratch);
    run_tiles(&j, y0 / T * j.nx, (y1 + T - 1) / T * j.nx);
    for (int y = y0; e && e->row && y < y1; y++)
        e->row(e->arg, y, fg_f32(out, 0, y, 0));
}

typedef struct All {
    Job job;
    int per_job, tiles;
    char *scratch;
} All;

static void all_job(void *arg, int i, int worker)
{
    const All *const a = arg;
    const int first = i * a->per_job, end = first + a->per_job;
    Job j = a->job;

    job_memory(&j, a->scratch + fg_wino_scratch(j.w) * (size_t)worker);
    run_tiles(&j, first, end < a->tiles ? end : a->tiles);
}

void fg_wino_all(const FgWino *w, const FgTensor *in, FgTensor *out, int add,
                 FgExecutor *ex, void *scratch)
{
    All a = {.scratch = scratch};
    int blocks;

    job_init(&a.job, w, in, out, NULL);
    a.job.add = add;
    a.tiles = a.job.nx * a.job.ny * out->shape.n;
    blocks = (a.tiles + a.job.block - 1) / a.job.block;
    /* Whole blocks, a few runs of them per thread. */
    a.per_job = (blocks + 4 * fg_threads(ex) - 1) / (4 * fg_threads(ex)) *
                a.job.block;
    if (a.tiles)
        fg_run(ex, all_job, &a, (a.tiles + a.per_job - 1) / a.per_job);
}
