/* Strided and transposed convolutions as products of tiles.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "conv_gemm.h"
#include "conv_ring.h"
#include "dsp.h"

#include <string.h>

enum {
    ROWS = FG_TILE_ROWS,
    COLS = FG_TILE_COLS,
    TILES = 16,    /* of rows in a job */
    MAX_TAPS = 64, /* 8x8 */
    RUN = 128      /* pixels of a weight gradient between two stores */
};

static size_t round64(size_t n)
{
    return (n + 63) & ~(size_t)63;
}

static int blocks(int channels)
{
    return (channels + COLS - 1) / COLS;
}

int fg_conv_gemm_fits(const FgConvPrep *p, FgShape out)
{
    if (p->groups != 1 || p->dtype != FG_F32 || p->k * p->k > MAX_TAPS ||
        (p->pad > 0 && p->pad_mode != FG_PAD_ZERO))
        return 0;
    return p->stride > 1 || p->dilate > 1 || p->k % 2 == 0 || out.w < 12;
}

/* ---- forward ---- */

typedef struct Gemm {
    const FgConvPrep *p;
    const float *weight, *bias_in;
    int swap, add;
    const FgTensor *in;
    FgTensor *out;
    float *w, *bias; /* packed: [block][tap][ic][COLS], [block][COLS] */
    float *zero;     /* ic zeros */
    char *tables;    /* of a worker */
    size_t table_bytes;
    int phase, chunks;
} Gemm;

/* Where a worker keeps the places of its rows. */
typedef struct Table {
    const float *rows[TILES][MAX_TAPS * ROWS];
    float *out[TILES][ROWS];
    int tap[TILES][MAX_TAPS], taps[TILES], nb_rows[TILES];
} Table;

static size_t packed_floats(const FgConvPrep *p)
{
    return (size_t)blocks(p->oc) * (size_t)(p->k * p->k) * (size_t)p->ic * COLS;
}

size_t fg_conv_gemm_scratch(const FgConvPrep *p, int threads)
{
    return sizeof(float) * packed_floats(p) +
           sizeof(float) * (size_t)blocks(p->oc) * COLS +
           round64(sizeof(float) * (size_t)p->ic) +
           round64(sizeof(Table)) * (size_t)threads;
}

/* One block of outputs of one tap. */
static void pack_job(void *arg, int job, int worker)
{
    const Gemm *const g = arg;
    const FgConvPrep *const p = g->p;
    const int taps = p->k * p->k, b = job / taps, t = job % taps;
    const int from = g->swap ? taps - 1 - t : t;
    float *d = g->w + (size_t)job * (size_t)p->ic * COLS;

    (void)worker;
    for (int i = 0; i < p->ic; i++, d += COLS)
        for (int k = 0; k < COLS; k++) {
            const int o = b * COLS + k;
            const size_t at = g->swap ? (size_t)i * (size_t)p->oc + (size_t)o
                                      : (size_t)o * (size_t)p->ic + (size_t)i;

            d[k] = o < p->oc ? g->weight[at * (size_t)taps + (size_t)from] : 0;
        }
}

static int divides(int v, int by)
{
    return ((v % by) + by) % by == 0;
}

static int down(int v, int by)
{
    return v >= 0 ? v / by : -1;
}

/* Input rows behind tap t of output pixel (y, x), or NULL: border. */
static const float *place(const Gemm *g, int n, int y, int x, int t)
{
    const FgConvPrep *const p = g->p;
    const int iy = down(y * p->stride + t / p->k - p->pad, p->dilate);
    const int ix = down(x * p->stride + t % p->k - p->pad, p->dilate);

    if (iy < 0 || iy >= g->in->shape.h || ix < 0 || ix >= g->in->shape.w)
        return NULL;
    return fg_f32(g->in, n, iy, ix);
}

/* Taps that meet input pixels, not the zeros between them, in this phase. */
static int phase_taps(const Gemm *g, int *tap)
{
    const FgConvPrep *const p = g->p;
    const int py = g->phase / p->dilate, px = g->phase % p->dilate;
    int nb = 0;

    for (int t = 0; t < p->k * p->k; t++)
        if (divides(py + t / p->k - p->pad, p->dilate) &&
            divides(px + t % p->k - p->pad, p->dilate))
            tap[nb++] = t;
    return nb;
}

static int phase_size(int size, int first, int step)
{
    return size > first ? (size - first + step - 1) / step : 0;
}

/* Rows of tile k of a chunk: which pixels, and where their taps lie. A tap that
 * only meets the border is left out: it would add zeros. */
static void fill(const Gemm *g, Table *t, int k, long long first, int rows)
{
    const FgConvPrep *const p = g->p;
    const int d = p->dilate, py = g->phase / d, px = g->phase % d;
    const int w = phase_size(g->out->shape.w, px, d);
    const int h = phase_size(g->out->shape.h, py, d);
    int all[MAX_TAPS], n[ROWS], y[ROWS], x[ROWS], taps = 0;
    const int nb = phase_taps(g, all);

    if (w < 1 || h < 1)
        return; /* no such phase: there are no rows either */
    for (int r = 0; r < rows; r++) {
        const long long m = first + r;

        n[r] = (int)(m / ((long long)w * h));
        y[r] = (int)(m / w % h) * d + py;
        x[r] = (int)(m % w) * d + px;
        t->out[k][r] = fg_f32(g->out, n[r], y[r], x[r]);
    }
    for (int a = 0; a < nb; a++) {
        const float **const to = &t->rows[k][taps * ROWS];
        int any = 0;

        for (int r = 0; r < ROWS; r++) {
            const float *const s = r < rows ? place(g, n[r], y[r], x[r], all[a])
                                            : NULL;

            to[r] = s ? s : g->zero;
            any |= s != NULL;
        }
        if (any)
            t->tap[k][taps++] = all[a];
    }
    t->taps[k] = taps;
    t->nb_rows[k] = rows;
}

static void chunk_job(void *arg, int job, int worker)
{
    const Gemm *const g = arg;
    const FgConvPrep *const p = g->p;
    Table *const t = (Table *)(g->tables + (size_t)worker * g->table_bytes);
    const int d = p->dilate;
    const long long all = (long long)g->out->shape.n *
                          phase_size(g->out->shape.h, g->phase / d, d) *
                          phase_size(g->out->shape.w, g->phase % d, d);
    const long long first = (long long)job * TILES * ROWS;
    const size_t block = (size_t)(p->k * p->k) * (size_t)p->ic * COLS;
    float *out[ROWS];
    int tiles = 0;

    for (long long m = first; tiles < TILES && m < all; m += ROWS, tiles++)
        fill(g, t, tiles, m, all - m < ROWS ? (int)(all - m) : ROWS);
    for (int b = 0; b < blocks(p->oc); b++) {
        FgTapTile q = {.ic = p->ic,
                       .w = g->w + (size_t)b * block,
                       .bias = g->bias + b * COLS,
                       .out = out,
                       .add = g->add};

        q.cols = p->oc - b * COLS < COLS ? p->oc - b * COLS : COLS;
        for (int k = 0; k < tiles; k++) {
            q.rows = t->rows[k];
            q.tap = t->tap[k];
            q.taps = t->taps[k];
            q.nb_rows = t->nb_rows[k];
            for (int r = 0; r < q.nb_rows; r++)
                out[r] = t->out[k][r] + b * COLS;
            fg_dsp()->tap_tile(&q);
        }
    }
}

void fg_conv_gemm(const FgConvPrep *p, const float *weight, const float *bias,
                  int swap, const FgTensor *in, FgTensor *out, int add,
                  FgExecutor *ex, void *scratch)
{
    Gemm g = {.p = p,
              .weight = weight,
              .swap = swap,
              .add = add,
              .in = in,
              .out = out,
              .w = scratch,
              .table_bytes = round64(sizeof(Table))};

    g.bias = g.w + packed_floats(p);
    g.zero = g.bias + blocks(p->oc) * COLS;
    g.tables = (char *)g.zero + round64(sizeof(float) * (size_t)p->ic);
    memset(g.bias, 0, sizeof(float) * (size_t)blocks(p->oc) * COLS);
    memset(g.zero, 0, sizeof(float) * (size_t)p->ic);
    if (bias)
        memcpy(g.bias, bias, sizeof(float) * (size_t)p->oc);
    fg_run(ex, pack_job, &g, blocks(p->oc) * p->k * p->k);
    for (g.phase = 0; g.phase < p->dilate * p->dilate; g.phase++) {
        const int d = p->dilate;
        const long long rows = (long long)out->shape.n *
                               phase_size(out->shape.h, g.phase / d, d) *
                               phase_size(out->shape.w, g.phase % d, d);

        fg_run(ex, chunk_job, &g,
               (int)((rows + TILES * ROWS - 1) / (TILES * ROWS)));
    }
}

/* ---- weight gradients ---- */

typedef struct Grad {
    const FgConvPrep *p;
    const FgTensor *in, *dy;
    FgTensor *dw;
    char *mem; /* of a worker */
    size_t bytes;
    int parts;
} Grad;

/* What a worker has: places of a run of pixels, their values in one piece (a:
 * [ic / 12][pixels][12]), sums [kx][ic][oc] of the part and of all. */
typedef struct Run {
    const float *in[RUN], *dy[RUN];
    float b[RUN * COLS];
    float *a, *sum, *all;
} Run;

static size_t padded_inputs(const FgConvPrep *p)
{
    return (size_t)((p->ic + ROWS - 1) / ROWS * ROWS);
}

/* Of one tap. */
static size_t sum_floats(const FgConvPrep *p)
{
    return padded_inputs(p) * (size_t)blocks(p->oc) * COLS;
}

size_t fg_conv_gemm_wgrad_scratch(const FgConvPrep *p, int threads)
{
    return round64(sizeof(Run) +
                   sizeof(float) * (RUN * padded_inputs(p) +
                                    2 * (size_t)p->k * sum_floats(p)) +
                   128) *
           (size_t)threads;
}

/* nb floats of each of n places into rows of width, zeros behind them. */
static void gather_few(float *dst, const float *const *src, int n, int from,
                       int nb, int width)
{
    for (int k = 0; k < n; k++, dst += width) {
        memcpy(dst, src[k] + from, sizeof(*dst) * (size_t)nb);
        memset(dst + nb, 0, sizeof(*dst) * (size_t)(width - nb));
    }
}

static void gather_inputs(float *dst, const float *const *src, int n, int from,
                          int nb)
{
    if (nb < ROWS) {
        gather_few(dst, src, n, from, nb, ROWS);
        return;
    }
    for (int k = 0; k < n; k++, dst += ROWS)
        memcpy(dst, src[k] + from, sizeof(*dst) * ROWS);
}

static void gather_outputs(float *dst, const float *const *src, int n, int from,
                           int nb)
{
    if (nb < COLS) {
        gather_few(dst, src, n, from, nb, COLS);
        return;
    }
    for (int k = 0; k < n; k++, dst += COLS)
        memcpy(dst, src[k] + from, sizeof(*dst) * COLS);
}

/* The run's products are added to sum; first: sum is begun. */
static void grad_run(const Grad *g, Run *l, int nb, float *sum, int first)
{
    const FgConvPrep *const p = g->p;
    FgPixelTile q = {.dy = l->b, .pixels = nb, .first = first};

    for (int i = 0; i < p->ic; i += ROWS)
        gather_inputs(l->a + (size_t)i * (size_t)nb, l->in, nb, i,
                      p->ic - i < ROWS ? p->ic - i : ROWS);
    for (int o = 0; o < p->oc; o += COLS) {
        q.cols = p->oc - o < COLS ? p->oc - o : COLS;
        gather_outputs(l->b, l->dy, nb, o, q.cols);
        for (int i = 0; i < p->ic; i += ROWS) {
            q.rows = p->ic - i < ROWS ? p->ic - i : ROWS;
            q.in = l->a + (size_t)i * (size_t)nb;
            q.sum = sum + (size_t)o * padded_inputs(p) + i * COLS;
            fg_dsp()->grad_tile(&q);
        }
    }
}

/* The pixels of one part that meet tap t, in rising order. */
static void grad_part(const Grad *g, Run *l, int part, int t, float *sum)
{
    const FgConvPrep *const p = g->p;
    const FgShape s = g->dy->shape, in = g->in->shape;
    const int end = fg_wgrad_part(s, g->parts, part + 1);
    int nb = 0, first = 1;

    for (int row = fg_wgrad_part(s, g->parts, part); row < end; row++) {
        const int n = row / s.h, y = row % s.h;
        const int iy = y * p->stride + t / p->k - p->pad;

        for (int x = 0; x < s.w && iy >= 0 && iy < in.h; x++) {
            const int ix = x * p->stride + t % p->k - p->pad;

            if (ix < 0 || ix >= in.w)
                continue;
            l->in[nb] = fg_f32(g->in, n, iy, ix);
            l->dy[nb++] = fg_f32(g->dy, n, y, x);
            if (nb < RUN)
                continue;
            grad_run(g, l, nb, sum, first);
            nb = first = 0;
        }
    }
    if (nb || first)
        grad_run(g, l, nb, sum, first);
}

static void put_tap(const Grad *g, const float *all, int t)
{
    const FgConvPrep *const p = g->p;
    const size_t taps = (size_t)(p->k * p->k), ic = (size_t)p->ic;
    float *const dw = g->dw->data;

    for (int o = 0; o < p->oc; o++) {
        const float *const s = all +
                               (size_t)(o / COLS * COLS) * padded_inputs(p) +
                               o % COLS;

        for (size_t i = 0; i < ic; i++)
            dw[((size_t)o * ic + i) * taps + (size_t)t] += s[i * COLS];
    }
}

/* One row of taps: parts in order, so that what one part looks at stays in the
 * cache for all of them, then into the file's order. */
static void grad_job(void *arg, int ky, int worker)
{
    const Grad *const g = arg;
    const FgConvPrep *const p = g->p;
    const size_t n = sum_floats(p);
    char *const mem = g->mem + (size_t)worker * g->bytes;
    Run *const l = (Run *)mem;

    l->a = (float *)(mem + round64(sizeof(Run)));
    l->sum = l->a + RUN * padded_inputs(p);
    l->all = l->sum + (size_t)p->k * n;
    for (int q = 0; q < g->parts; q++) {
        float *const to = q ? l->sum : l->all;

        for (int kx = 0; kx < p->k; kx++)
            grad_part(g, l, q, ky * p->k + kx, to + (size_t)kx * n);
        if (q)
            fg_dsp()->add_f32(l->all, l->all, l->sum, (size_t)p->k * n);
    }
    for (int kx = 0; kx < p->k; kx++)
        put_tap(g, l->all + (size_t)kx * n, ky * p->k + kx);
}

void fg_conv_gemm_wgrad(const FgConvPrep *p, const FgTensor *in,
                        const FgTensor *dy, FgTensor *dw, FgExecutor *ex,
                        void *scratch)
{
    Grad g = {p, in, dy, dw, scratch, 0, fg_wgrad_parts(dy->shape)};

    g.bytes = fg_conv_gemm_wgrad_scratch(p, 1);
    fg_run(ex, grad_job, &g, p->k);
}
