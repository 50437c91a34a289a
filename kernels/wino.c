/* Winograd: tiles of a picture, in blocks that stay in the cache.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "wino.h"
#include "conv_ring.h"

#include <pthread.h>
#include <string.h>

#define PLANES 36
#define T FG_WINO_TILE
#define STAGE_W (T * FG_WINO_RUN + 2)
#define WORK_BYTES (6 * STAGE_W * 48 * sizeof(float))
/* Transformed inputs and products of a block: the share of the second level
 * of cache that the weights leave. */
#define BLOCK_BYTES ((size_t)256 << 10)

/* ---- the table ---- */

static pthread_once_t once = PTHREAD_ONCE_INIT;
static FgWinoOps tables[FG_CPU_AVX512BF16 + 1];

static void fill_tables(void)
{
    for (int i = 0; i <= FG_CPU_AVX512BF16; i++) {
        fg_wino_ops_c(&tables[i]);
#if defined(__x86_64__)
        if (i >= FG_CPU_AVX2)
            fg_wino_ops_avx2(&tables[i]);
        if (i >= FG_CPU_AVX512)
            fg_wino_ops_avx512(&tables[i]);
        if (i >= FG_CPU_AVX512 && __builtin_cpu_supports("avx512vnni"))
            fg_wino_ops_vnni(&tables[i]);
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
    char *v, *m;
    float *unscale, *stage, *work;
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
    return 6 * STAGE_W * (size_t)w->icp * sizeof(float);
}

size_t fg_wino_scratch(const FgWino *w)
{
    const size_t n = (size_t)block_tiles(w);

    return n * (v_tile(w) + m_tile(w)) + ((4 * n + 63) & ~(size_t)63) +
           stage_bytes(w) + WORK_BYTES;
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
}

static void job_memory(Job *j, void *scratch)
{
    const size_t n = (size_t)j->block;

    j->v = scratch;
    j->m = j->v + n * j->v_tile;
    j->stage = (float *)(j->m + n * j->m_tile);
    j->work = (float *)((char *)j->stage + stage_bytes(j->w));
    j->unscale = (float *)((char *)j->work + WORK_BYTES);
}

/* ---- input ---- */

/* Row i of the patch into the stage: what lies outside by the padding rule. */
static void stage_row(const Job *j, float *dst, int image, int y, int x0, int n)
{
    const FgWino *const w = j->w;
    const FgTensor *const in = j->in;
    const int from = fg_pad_index(y, in->shape.h, w->pad_mode);

    for (int x = 0; x < n; x++, dst += w->icp) {
        const int at = fg_pad_index(x0 + x, in->shape.w, w->pad_mode);

        if (from < 0 || at < 0)
            memset(dst, 0, sizeof(*dst) * (size_t)w->ic);
        else
            memcpy(dst, fg_f32(in, image, from, at),
                   sizeof(*dst) * (size_t)w->ic);
    }
}

/* n tiles of one row of tiles, from tile (tx, ty) on, as tiles `slot`.. of
 * the block. */
static void load_run(const Job *j, int image, int ty, int tx, int n, int slot)
{
    const FgWino *const w = j->w;
    const FgShape s = j->in->shape;
    const int x0 = T * tx - w->pad, y0 = T * ty - w->pad, cols = T * n + 2;
    const int inside = x0 >= 0 && y0 >= 0 && x0 + cols <= s.w && y0 + 6 <= s.h;
    FgWinoIn q = {.n = n,
                  .ic = w->ic,
                  .icp = w->icp,
                  .v = j->v + (size_t)slot * j->v_tile,
                  .v_tile = j->v_tile,
                  .unscale = j->unscale + slot,
                  .work = j->work};

    q.pitch = inside ? j->in->pitch : w->icp;
    for (int i = 0; i < 6; i++) {
        float *const stage = j->stage + (size_t)i * STAGE_W * (size_t)w->icp;

        if (!inside)
            stage_row(j, stage, image, y0 + i, x0, cols);
        q.row[i] = inside ? fg_f32(j->in, image, y0 + i, x0) : stage;
    }
    j->ops->in[w->kind](&q);
}

static void load_block(const Job *j, int first, int n)
{
    for (int i = 0; i < n;) {
        const int t = first + i, tx = j->x0 + t % j->nx, row = t / j->nx;
        int run = j->x0 + j->nx - tx;

        run = run > FG_WINO_RUN ? FG_WINO_RUN : run;
        run = run > n - i ? n - i : run;
        load_run(j, row / j->ny, row % j->ny, tx, run, i);
        i += run;
    }
}

/* ---- output ---- */

static void store_tile(const Job *j, FgWinoOut *q, int tile, int slot)
{
    const int tx = j->x0 + tile % j->nx, row = tile / j->nx;
    const int image = row / j->ny, y = T * (row % j->ny), x = T * tx;
    const FgShape s = j->out->shape;
    const FgTensor *const add = j->add ? j->out : j->e ? j->e->add : NULL;

    q->m = j->m + (size_t)slot * j->m_tile;
    q->unscale = j->unscale[slot];
    q->rows = s.h - y < T ? s.h - y : T;
    q->cols = s.w - x < T ? s.w - x : T;
    for (int i = 0; i < q->rows; i++) {
        q->out[i] = fg_f32(j->out, image, y + i, x);
        q->add[i] = add ? fg_f32(add, image, y + i, x) : NULL;
    }
    q->add_pitch = add ? add->pitch : 0;
    j->ops->out[j->w->kind](q);
}

static void store_block(const Job *j, int first, int n)
{
    const FgWino *const w = j->w;
    FgWinoOut q = {.scale = w->scale,
                   .bias = w->bias,
                   .oc = w->oc,
                   .ocp = w->ocp,
                   .pitch = j->out->pitch,
                   .add_first = j->add};

    if (j->e) {
        q.slope = j->e->slope;
        q.act = j->e->act;
        q.alpha = j->e->alpha;
        q.add_first = j->e->add_first;
    }
    for (int i = 0; i < n; i++)
        store_tile(j, &q, first + i, i);
}

/* ---- all ---- */

/* The p-th of all planes' share of the cache lines of rows y0.. of pixels x0
 * <= x < x1: asked for while products are made, that no transform waits. */
static void prefetch(const FgTensor *t, int image, int y0, int rows, int x0,
                     int x1, size_t p, int write)
{
    x0 = x0 > 0 ? x0 : 0;
    x1 = x1 < t->shape.w ? x1 : t->shape.w;
    if (x0 >= x1)
        return;
    const size_t bytes = (size_t)(x1 - x0) * (size_t)t->pitch * sizeof(float);
    const size_t to = bytes * (p + 1) / PLANES;

    for (int i = 0; i < rows; i++) {
        if (y0 + i < 0 || y0 + i >= t->shape.h)
            continue;
        const char *const at = (const char *)fg_f32(t, image, y0 + i, x0);

        for (size_t k = (bytes * p / PLANES) & ~(size_t)63; k < to; k += 64) {
            if (write)
                __builtin_prefetch(at + k, 1, 2);
            else
                __builtin_prefetch(at + k, 0, 2);
        }
    }
}

static void prefetch_tiles(const Job *j, int t, int n, size_t p, int write)
{
    const int tx = j->x0 + t % j->nx, row = t / j->nx, end = tx + n;
    const int image = row / j->ny, y = T * (row % j->ny);
    const int pad = j->w->pad;

    if (write)
        prefetch(j->out, image, y, T, T * tx, T * end, p, 1);
    else
        prefetch(j->in, image, y - pad, 6, T * tx - pad, T * end - pad + 2, p,
                 0);
}

/* Tiles first <= t < last, counted over the rows of all images. */
static void run_tiles(const Job *j, int first, int last)
{
    const FgWino *const w = j->w;
    const size_t es = w->kind == FG_WINO_I16 ? 2 : 4;
    const size_t k = w->kind == FG_WINO_I16 ? (size_t)(w->ic + 1) / 2
                                            : (size_t)w->ic;
    /* Narrow layers wait for nothing that prefetching could bring. */
    const int wide = w->icp >= 48;

    for (int t = first; t < last; t += j->block) {
        const int n = last - t < j->block ? last - t : j->block;

        load_block(j, t, n);
        for (size_t p = 0; p < PLANES; p++) {
            if (wide)
                prefetch_tiles(j, t, n, p, 1);
            if (wide && t + n < last)
                prefetch_tiles(j, t + n, n, p, 0);
            j->ops->product[w->kind](
                j->v + p * (size_t)w->icp * es, j->v_tile,
                (const char *)w->u + p * k * (size_t)w->ocp * 4,
                j->m + p * (size_t)w->ocp * 4, j->m_tile, w->ic, w->ocp, n);
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
