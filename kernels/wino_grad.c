/* Winograd's weight gradient: tiles of all images, in chunks.
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A chunk's tiles are transformed by rows of tiles, then multiplied by planes:
 * each sum is made by one job, over tiles in order. */
#include "wino_grad.h"
#include "conv_ring.h"
#include "wino.h"

#include <math.h>
#include <pthread.h>
#include <string.h>

#define PLANES 36
#define T 4
#define RUN 6
#define STAGE_W (T * RUN + 2)
/* Transformed inputs and gradients of a chunk: stays in the last cache. */
#define CHUNK_BYTES ((size_t)12 << 20)

static pthread_once_t once = PTHREAD_ONCE_INIT;
static FgWinoGradOps tables[FG_CPU_TOP + 1];

static void fill_tables(void)
{
    for (int i = 0; i <= FG_CPU_TOP; i++) {
        fg_wino_grad_ops_c(&tables[i]);
#if defined(__x86_64__)
        if (i >= FG_CPU_AVX2)
            fg_wino_grad_ops_avx2(&tables[i]);
        if (i >= FG_CPU_AVX512)
            fg_wino_grad_ops_avx512(&tables[i]);
        if (i >= FG_CPU_AVX512BF16)
            fg_wino_grad_ops_avx512bf16(&tables[i]);
#elif defined(__aarch64__)
        if (i >= FG_CPU_NEON)
            fg_wino_grad_ops_neon(&tables[i]);
#endif
    }
}

const FgWinoGradOps *fg_wino_grad_ops(FgCpu level)
{
    pthread_once(&once, fill_tables);
    return &tables[level];
}

typedef struct Grad {
    FgWinoGradKind kind;
    const FgWinoGradOps *ops;
    const FgTensor *in, *dy;
    FgTensor *dw;
    int pad, pad_mode;
    int icp, ocp, nx, ny; /* padded channels; tiles of a row, rows of them */
    int slots;            /* of a row of tiles: nx made even */
    int rows, first, n;   /* of a chunk at most; this chunk's */
    size_t v_plane, d_plane;
    char *v, *d, *stage;
    float *du;
} Grad;

static int round16(int c)
{
    return (c + 15) & ~15;
}

static size_t round64(size_t n)
{
    return (n + 63) & ~(size_t)63;
}

static size_t row_bytes(int ic, int oc, int slots)
{
    return PLANES * sizeof(float) * (size_t)slots *
           (size_t)(round16(ic) + round16(oc));
}

/* Rows of tiles of a chunk: of the shape alone. */
static int chunk_rows(int ic, int oc, FgShape dy)
{
    const int slots = ((dy.w + T - 1) / T + 1) & ~1;
    const int all = dy.n * ((dy.h + T - 1) / T);
    const size_t n = CHUNK_BYTES / row_bytes(ic, oc, slots);

    return n < 1 ? 1 : n > (size_t)all ? all : (int)n;
}

static size_t stage_bytes(int ic, int oc)
{
    const int c = ic > oc ? ic : oc;

    return 6 * STAGE_W * sizeof(float) * (size_t)round16(c);
}

size_t fg_wino_grad_scratch(int ic, int oc, FgShape dy, int threads)
{
    const int slots = ((dy.w + T - 1) / T + 1) & ~1;

    return (size_t)chunk_rows(ic, oc, dy) * row_bytes(ic, oc, slots) +
           PLANES * sizeof(float) * (size_t)round16(ic) * (size_t)round16(oc) +
           round64(stage_bytes(ic, oc)) * (size_t)threads;
}

/* ---- tiles ---- */

static int clamp(int v, int lo, int hi)
{
    return v < lo ? lo : v > hi ? hi : v;
}

static void stage_pixels(const FgTensor *t, int image, int x0, int y, int cols,
                         int pad_mode, float *dst)
{
    const size_t bytes = sizeof(*dst) * (size_t)t->shape.c;

    for (int x = 0; x < cols; x++, dst += t->shape.c) {
        const int at = fg_pad_index(x0 + x, t->shape.w, pad_mode);

        if (at < 0)
            memset(dst, 0, bytes);
        else
            memcpy(dst, fg_f32(t, image, y, at), bytes);
    }
}

/* A row of cols pixels of t from x0 on, those inside in one piece. */
static void stage_row(const FgTensor *t, int image, int x0, int y, int cols,
                      int pad_mode, float *dst)
{
    const size_t c = (size_t)t->shape.c;
    const int from = fg_pad_index(y, t->shape.h, pad_mode);
    const int a = clamp(-x0, 0, cols), b = clamp(t->shape.w - x0, a, cols);

    if (from < 0) {
        memset(dst, 0, sizeof(*dst) * c * (size_t)cols);
    } else if ((size_t)t->pitch == c && b > a) {
        stage_pixels(t, image, x0, from, a, pad_mode, dst);
        memcpy(dst + c * (size_t)a, fg_f32(t, image, from, x0 + a),
               sizeof(*dst) * c * (size_t)(b - a));
        stage_pixels(t, image, x0 + b, from, cols - b, pad_mode,
                     dst + c * (size_t)b);
    } else {
        stage_pixels(t, image, x0, from, cols, pad_mode, dst);
    }
}

/* rows x cols pixels of t from (x0, y0) on; outside by pad_mode, or zero. */
static void stage(const FgTensor *t, int image, int x0, int y0, int rows,
                  int cols, int pad_mode, float *dst)
{
    for (int y = 0; y < rows; y++, dst += STAGE_W * t->shape.c)
        stage_row(t, image, x0, y0 + y, cols, pad_mode, dst);
}

/* The patches of n tiles of t, pixel (x0, y0) first. */
static void find_rows(FgWinoGradIn *q, const FgTensor *t, int image, int x0,
                      int y0, int rows, int pad_mode, float *mem)
{
    const int cols = T * q->n + rows - T;
    const int inside = x0 >= 0 && y0 >= 0 && x0 + cols <= t->shape.w &&
                       y0 + rows <= t->shape.h;

    if (!inside)
        stage(t, image, x0, y0, rows, cols, pad_mode, mem);
    q->pitch = inside ? t->pitch : t->shape.c;
    for (int i = 0; i < rows; i++)
        q->row[i] = inside ? fg_f32(t, image, y0 + i, x0)
                           : mem + (size_t)i * STAGE_W * (size_t)t->shape.c;
    q->c = t->shape.c;
}

/* One row of tiles of the chunk. */
static void transform_job(void *arg, int job, int worker)
{
    const Grad *const g = arg;
    const int row = g->first + job, image = row / g->ny, ty = row % g->ny;
    const size_t size = g->kind == FG_WINO_GRAD_BF16 ? 2 : 4;
    float *const mem = (float *)(g->stage +
                                 (size_t)worker *
                                     round64(stage_bytes(g->in->shape.c,
                                                         g->dy->shape.c)));

    for (int tx = 0; tx < g->nx; tx += RUN) {
        const size_t slot = (size_t)job * (size_t)g->slots + (size_t)tx;
        FgWinoGradIn q = {.n = g->nx - tx < RUN ? g->nx - tx : RUN};

        find_rows(&q, g->in, image, T * tx - g->pad, T * ty - g->pad, 6,
                  g->pad_mode, mem);
        q.cp = g->icp;
        q.plane = g->v_plane;
        q.v = g->v + slot * (size_t)g->icp * size;
        g->ops->input[g->kind](&q);
        find_rows(&q, g->dy, image, T * tx, T * ty, T, FG_PAD_ZERO, mem);
        q.cp = g->ocp;
        q.plane = g->d_plane;
        q.v = g->d + slot * (size_t)g->ocp * size;
        g->ops->gradient[g->kind](&q);
    }
}

static void product_job(void *arg, int p, int worker)
{
    const Grad *const g = arg;
    const FgWinoGradProduct q = {.v = g->v + (size_t)p * g->v_plane,
                                 .d = g->d + (size_t)p * g->d_plane,
                                 .du = g->du + (size_t)p * (size_t)g->icp *
                                                   (size_t)g->ocp,
                                 .slots = g->n * g->slots,
                                 .icp = g->icp,
                                 .ocp = g->ocp};

    (void)worker;
    g->ops->product[g->kind](&q);
}

/* ---- back to the weights ---- */

/* Rows of G: see wino_pack.c. */
static void g_matrix(float G[6][3])
{
    const double a = sqrt(0.5), b = sqrt(2.0);
    const double na = 2 * a * a * (a * a - b * b);
    const double nb = b * b * (b * b - a * a);
    const double rows[6][3] = {
        {1, 0, 0},
        {1 / na, a / na, a * a / na},
        {1 / na, -a / na, a * a / na},
        {1 / nb, b / nb, b * b / nb},
        {1 / nb, -b / nb, b * b / nb},
        {0, 0, 1},
    };

    for (int i = 0; i < 6; i++)
        for (int k = 0; k < 3; k++)
            G[i][k] = (float)rows[i][k];
}

#define LANES 16

/* 16 outputs of one input: dg = G' dU G. u: planes step floats apart. */
static void weights_of(float dg[9][LANES], const float *u, size_t step,
                       float G[6][3])
{
    float t[3][6][LANES] = {{{0}}};

    for (int y = 0; y < 6; y++)
        for (int x = 0; x < 6; x++)
            for (int k = 0; k < 3; k++)
                for (int i = 0; i < LANES; i++)
                    t[k][x][i] += G[y][k] *
                                  u[(size_t)(6 * y + x) * step + (size_t)i];
    memset(dg, 0, 9 * sizeof(*dg));
    for (int k = 0; k < 3; k++)
        for (int l = 0; l < 3; l++)
            for (int x = 0; x < 6; x++)
                for (int i = 0; i < LANES; i++)
                    dg[3 * k + l][i] += t[k][x][i] * G[x][l];
}

static void weight_job(void *arg, int i, int worker)
{
    const Grad *const g = arg;
    const size_t ic = (size_t)g->in->shape.c;
    const int oc = g->dy->shape.c;
    float G[6][3], dg[9][LANES];

    (void)worker;
    g_matrix(G);
    for (int o = 0; o < oc; o += LANES) {
        weights_of(dg, g->du + (size_t)i * (size_t)g->ocp + o,
                   (size_t)g->icp * (size_t)g->ocp, G);
        for (int k = 0; k < LANES && o + k < oc; k++) {
            float *const dw = (float *)g->dw->data +
                              9 * ((size_t)(o + k) * ic + (size_t)i);

            for (int t = 0; t < 9; t++)
                dw[t] += dg[t][k];
        }
    }
}

static void init(Grad *g, const FgAttr *attr, void *scratch)
{
    const int ic = g->in->shape.c, oc = g->dy->shape.c;
    const FgShape s = g->dy->shape;

    g->ops = fg_wino_grad_ops(fg_cpu_level());
    if (!g->ops->product[g->kind])
        g->kind = FG_WINO_GRAD_F32;
    g->pad = attr->pad;
    g->pad_mode = attr->pad_mode;
    g->icp = round16(ic);
    g->ocp = round16(oc);
    g->nx = (s.w + T - 1) / T;
    g->ny = (s.h + T - 1) / T;
    g->slots = (g->nx + 1) & ~1;
    g->rows = chunk_rows(ic, oc, s);
    g->v_plane = sizeof(float) * (size_t)(g->rows * g->slots) * (size_t)g->icp;
    g->d_plane = sizeof(float) * (size_t)(g->rows * g->slots) * (size_t)g->ocp;
    g->v = scratch;
    g->d = g->v + PLANES * g->v_plane;
    g->du = (float *)(g->d + PLANES * g->d_plane);
    g->stage = (char *)(g->du + PLANES * (size_t)g->icp * (size_t)g->ocp);
}

void fg_wino_grad(FgWinoGradKind kind, const FgAttr *attr, const FgTensor *in,
                  const FgTensor *dy, FgTensor *dw, FgExecutor *ex,
                  void *scratch)
{
    Grad g = {.kind = kind, .in = in, .dy = dy, .dw = dw};
    int all;

    init(&g, attr, scratch);
    all = g.ny * dy->shape.n;
    memset(g.du, 0, PLANES * sizeof(float) * (size_t)g.icp * (size_t)g.ocp);
    for (g.first = 0; g.first < all; g.first += g.n) {
        g.n = all - g.first < g.rows ? all - g.first : g.rows;
        fg_run(ex, transform_job, &g, g.n);
        fg_run(ex, product_job, &g, PLANES);
    }
    fg_run(ex, weight_job, &g, in->shape.c);
}
