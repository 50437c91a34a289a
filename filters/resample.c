/* ffgan: separable resampling of float pictures to any size and phase.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC optimize("O3")
#endif
#include "resample.h"

#include "clones.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK 512 /* floats summed at a time in the vertical pass: in cache */
#define BAND 16   /* rows of a job */
#define MAX_UP 4  /* factors whose rows are made phase by phase */

FgAxis fg_axis(int src, int dst)
{
    const double step = (double)src / dst;

    return (FgAxis){src, dst, src == dst ? 0 : 0.5 * step - 0.5, step};
}

static double keys(double x)
{
    const double a = -0.5;

    if (x < 1)
        return ((a + 2) * x - (a + 3)) * x * x + 1;
    return x < 2 ? ((a * x - 5 * a) * x + 8 * a) * x - 4 * a : 0;
}

static double lanczos3(double x)
{
    if (x < 1e-9)
        return 1;
    return x < 3 ? 3 * sin(M_PI * x) * sin(M_PI * x / 3) / (M_PI * M_PI * x * x)
                 : 0;
}

static double weight(FgKernel kernel, double x)
{
    const double w = kernel == FG_BICUBIC ? keys(fabs(x)) : lanczos3(fabs(x));

    return fabs(w) < 1e-9 ? 0 : w; /* sin(pi) is not quite 0 */
}

static double taps_support(const FgTaps *t)
{
    return (t->kernel == FG_BICUBIC ? 2 : 3) * fmax(1, t->axis.step);
}

/* Samples beyond an edge count for the edge's own sample. */
static void taps_fill(FgTaps *t, int i)
{
    const double center = t->axis.first + i * t->axis.step;
    const double support = taps_support(t), wide = fmax(1, t->axis.step);
    const double lo = floor(center - support) + 1;
    const int n = (int)ceil(2 * support), last = t->axis.src - 1;
    const double most = t->axis.src - t->nb;
    const int start = (int)fmin(fmax(lo, 0), most);
    float *w = t->w + (size_t)i * t->nb;
    double sum = 0;

    for (int k = 0; k < t->nb; k++)
        t->acc[k] = 0;
    for (int k = 0; k < n; k++) {
        const int j = (int)fmin(fmax(lo + k, 0), last);
        const double v = weight(t->kernel, (lo + k - center) / wide);

        t->acc[j - start] += v;
        sum += v;
    }
    for (int k = 0; k < t->nb; k++)
        w[k] = (float)(t->acc[k] / sum);
    t->start[i] = start;
}

/* Destination sample i has the weights of i - up, one source sample on. */
static int repeats(const FgTaps *t, int i)
{
    const float *w = t->w + (size_t)i * t->nb;

    return t->start[i] == t->start[i - t->up] + 1 &&
           !memcmp(w, w - (ptrdiff_t)t->up * t->nb, sizeof(*w) * (size_t)t->nb);
}

/* Destination sample i has the weights of the one before, two samples on. */
static int steps_by_two(const FgTaps *t, int i)
{
    const float *w = t->w + (size_t)i * t->nb;

    return t->start[i] == t->start[i - 1] + 2 &&
           !memcmp(w, w - t->nb, sizeof(*w) * (size_t)t->nb);
}

/* The samples clear of both edges, where each step is two. */
static void taps_halve(FgTaps *t)
{
    t->lo = t->hi = t->axis.dst / 2;
    while (t->lo > 0 && steps_by_two(t, t->lo))
        t->lo--;
    while (t->hi < t->axis.dst && (t->hi == t->lo || steps_by_two(t, t->hi)))
        t->hi++;
    t->down = 2;
}

/* The samples clear of both edges, a whole number of repeats. */
static void taps_period(FgTaps *t)
{
    const int n = t->axis.dst;

    t->down = 0;
    if (t->axis.step == 2) {
        t->up = 0;
        taps_halve(t);
        return;
    }

    t->up = (int)lrint(1 / t->axis.step);
    if (t->up < 1 || t->up > MAX_UP || t->up * t->axis.step != 1)
        t->up = 0;
    t->lo = t->hi = 0;
    if (!t->up)
        return;
    for (int i = t->up; i < n; i++) {
        if (!repeats(t, i)) {
            if (i < n / 2)
                t->lo = i;
            else
                break;
        }
        t->hi = i + 1;
    }
    t->hi = t->lo + (t->hi > t->lo ? (t->hi - t->lo) / t->up * t->up : 0);
}

void fg_taps_phase(FgTaps *t, double first)
{
    t->axis.first = first;
    t->copy = t->axis.src == t->axis.dst && t->axis.step == 1 && first == 0;
    for (int i = 0; i < t->axis.dst; i++)
        taps_fill(t, i);
    taps_period(t);
}

void fg_taps_free(FgTaps *t)
{
    free(t->start);
    free(t->w);
    free(t->acc);
    memset(t, 0, sizeof(*t));
}

static int taps_alloc(FgTaps *t, FgAxis axis, int nb)
{
    t->axis = axis;
    t->nb = (int)fmin(nb, axis.src);
    t->start = calloc((size_t)axis.dst, sizeof(*t->start));
    t->w = calloc((size_t)axis.dst * (size_t)t->nb, sizeof(*t->w));
    t->acc = calloc((size_t)t->nb, sizeof(*t->acc));
    return t->start && t->w && t->acc ? 0 : -ENOMEM;
}

int fg_taps_init(FgTaps *t, FgAxis axis, FgKernel kernel)
{
    int ret;

    memset(t, 0, sizeof(*t));
    t->axis = axis;
    t->kernel = kernel;
    if ((ret = taps_alloc(t, axis, (int)ceil(2 * taps_support(t)))) < 0)
        return ret;
    fg_taps_phase(t, axis.first);
    return 0;
}

/* Weights of destination sample i: of `second`'s sources each one's. */
static void join_fill(FgTaps *t, const FgTaps *a, const FgTaps *b, int i)
{
    const int lo = a->start[b->start[i]], most = t->axis.src - t->nb;
    const int start = lo < most ? lo : most;

    memset(t->acc, 0, sizeof(*t->acc) * (size_t)t->nb);
    for (int k = 0; k < b->nb; k++) {
        const int m = b->start[i] + k;
        const float v = b->w[(size_t)i * b->nb + k];
        const float *const w = a->w + (size_t)m * a->nb;

        for (int j = 0; j < a->nb && v != 0; j++)
            if (w[j] != 0)
                t->acc[a->start[m] + j - start] += (double)v * w[j];
    }
    for (int k = 0; k < t->nb; k++)
        t->w[(size_t)i * t->nb + k] = (float)t->acc[k];
    t->start[i] = start;
}

void fg_taps_join_again(FgTaps *t, const FgTaps *first, const FgTaps *second)
{
    for (int i = 0; i < t->axis.dst; i++)
        join_fill(t, first, second, i);
    taps_period(t);
}

int fg_taps_join(FgTaps *t, const FgTaps *first, const FgTaps *second)
{
    const FgAxis axis = {first->axis.src, second->axis.dst, 0,
                         first->axis.step * second->axis.step};
    const double reach = ceil((second->nb - 1) * first->axis.step);
    int ret;

    memset(t, 0, sizeof(*t));
    if ((ret = taps_alloc(t, axis, (int)reach + first->nb + 1)) < 0)
        return ret;
    fg_taps_join_again(t, first, second);
    return 0;
}

static int rows_first(const FgResize *r)
{
    return r->y.axis.src > r->y.axis.dst;
}

int fg_resize_init(FgResize *r, FgAxis x, FgAxis y, FgKernel kernel,
                   int channels)
{
    int ret;

    memset(r, 0, sizeof(*r));
    if (x.src < 1 || x.dst < 1 || y.src < 1 || y.dst < 1 || !(x.step > 0) ||
        !(y.step > 0) || channels < 1 || channels > 3)
        return -EINVAL;
    r->channels = channels;
    if ((ret = fg_taps_init(&r->x, x, kernel)) < 0 ||
        (ret = fg_taps_init(&r->y, y, kernel)) < 0)
        goto fail;
    /* One pass each way; the one in between holds the fewer rows. */
    const int w = rows_first(r) ? x.src : x.dst;
    const int h = rows_first(r) ? y.dst : y.src;

    r->tmp.row = ((ptrdiff_t)w * channels + 15) & ~(ptrdiff_t)15;
    r->tmp.data = aligned_alloc(64, (size_t)r->tmp.row * (size_t)h * 4);
    if (!r->tmp.data) {
        ret = -ENOMEM;
        goto fail;
    }
    return 0;
fail:
    fg_resize_free(r);
    return ret;
}

void fg_resize_phase(FgResize *r, double first_x, double first_y)
{
    fg_taps_phase(&r->x, first_x);
    fg_taps_phase(&r->y, first_y);
}

void fg_resize_free(FgResize *r)
{
    if (!r)
        return;
    fg_taps_free(&r->x);
    fg_taps_free(&r->y);
    free(r->tmp.data);
    memset(r, 0, sizeof(*r));
}

/* ---- rows ---- */

static inline void put(float *dst, float v, float keep, float gain)
{
    *dst = keep == 0 ? gain * v : keep * *dst + gain * v;
}

static inline __attribute__((always_inline)) void
across(float *dst, const float *src, const FgTaps *t, int c, int nb, float keep,
       float gain, int from, int to)
{
    const float *w = t->w + (size_t)from * nb;

    for (int i = from; i < to; i++, w += nb) {
        const float *s = src + (ptrdiff_t)t->start[i] * c;

        for (int k = 0; k < c; k++) {
            float sum = 0;

            for (int j = 0; j < nb; j++)
                sum += w[j] * s[j * c + k];
            put(&dst[(ptrdiff_t)i * c + k], sum, keep, gain);
        }
    }
}

/* The same sums, one phase at a time, so that neighbours lie side by side. */
static inline __attribute__((always_inline)) void
repeat(float *dst, const float *src, const FgTaps *t, int c, int up, float keep,
       float gain)
{
    const int n = (t->hi - t->lo) / up * c;
    float acc[CHUNK];

    for (int x = 0; x < n; x += CHUNK / c * c) {
        const int len = n - x < CHUNK / c * c ? n - x : CHUNK / c * c;
        float *const d0 = dst + (ptrdiff_t)(t->lo + x / c * up) * c;

        for (int p = 0; p < up; p++) {
            const float *w = t->w + (size_t)(t->lo + p) * t->nb;
            const float *s = src + (ptrdiff_t)t->start[t->lo + p] * c + x;
            float *d = d0 + p * c;

            memset(acc, 0, sizeof(acc));
            for (int j = 0; j < t->nb; j++)
                for (int i = 0; i < len; i++)
                    acc[i] += w[j] * s[j * c + i];
            for (int i = 0; i < len; i += c)
                for (int k = 0; k < c; k++)
                    put(&d[i * up + k], acc[i + k], keep, gain);
        }
    }
}

/* The same for two phases of four weights each, kept in registers. */
static inline __attribute__((always_inline)) void
twice(float *dst, const float *src, const FgTaps *t)
{
    const float *const v = t->w + (size_t)t->lo * 4, *const w = v + 4;
    const float *const a = src + t->start[t->lo];
    const float *const b = src + t->start[t->lo + 1];
    float *const d = dst + t->lo;
    const int n = (t->hi - t->lo) / 2;

    for (int i = 0; i < n; i++) {
        d[2 * i] = (((0 + v[0] * a[i]) + v[1] * a[i + 1]) + v[2] * a[i + 2]) +
                   v[3] * a[i + 3];
        d[2 * i + 1] = (((0 + w[0] * b[i]) + w[1] * b[i + 1]) +
                        w[2] * b[i + 2]) +
                       w[3] * b[i + 3];
    }
}

#define REPEAT(c)                                                              \
    (c == 1 && t->up == 2 && t->nb == 4 && keep == 0 && gain == 1              \
         ? twice(dst, src, t)                                                  \
     : t->up == 1 ? repeat(dst, src, t, c, 1, keep, gain)                      \
     : t->up == 2 ? repeat(dst, src, t, c, 2, keep, gain)                      \
                  : repeat(dst, src, t, c, t->up, keep, gain))
/* Steps of two: samples of even and of odd places by themselves, so that
 * neighbours lie side by side. */
static inline __attribute__((always_inline)) void halve(float *dst,
                                                        const float *src,
                                                        const FgTaps *t, int c,
                                                        float keep, float gain)
{
    const float *const w = t->w + (size_t)t->lo * t->nb;
    float acc[CHUNK], part[2][CHUNK] = {{0}};
    const int most = CHUNK / c - t->nb;

    for (int x = t->lo, m; x < t->hi; x += m) {
        const float *const s = src + (ptrdiff_t)t->start[x] * c;
        float *const d = dst + (ptrdiff_t)x * c;

        m = t->hi - x < most ? t->hi - x : most;
        for (int p = 0; p < 2 && p < t->nb; p++)
            for (int i = 0; i < m + (t->nb - 1 - p) / 2; i++)
                for (int k = 0; k < c; k++)
                    part[p][i * c + k] = s[(2 * i + p) * c + k];
        memset(acc, 0, sizeof(*acc) * (size_t)(m * c));
        for (int j = 0; j < t->nb; j++) {
            const float *const v = part[j & 1] + j / 2 * c;

            for (int i = 0; i < m * c; i++)
                acc[i] += w[j] * v[i];
        }
        for (int i = 0; i < m * c; i++)
            put(&d[i], acc[i], keep, gain);
    }
}

#define ACROSS(c, from, to)                                                    \
    (t->nb == 4   ? across(dst, src, t, c, 4, keep, gain, from, to)            \
     : t->nb == 6 ? across(dst, src, t, c, 6, keep, gain, from, to)            \
     : t->nb == 8 ? across(dst, src, t, c, 8, keep, gain, from, to)            \
                  : across(dst, src, t, c, t->nb, keep, gain, from, to))
#define ROW(c)                                                                 \
    do {                                                                       \
        ACROSS(c, 0, t->lo);                                                   \
        if (t->down)                                                           \
            halve(dst, src, t, c, keep, gain);                                 \
        else if (t->hi > t->lo)                                                \
            REPEAT(c);                                                         \
        ACROSS(c, t->hi, t->axis.dst);                                         \
    } while (0)

FG_CLONES
void fg_taps_across(const FgTaps *t, int channels, float *dst, const float *src,
                    float keep, float gain)
{
    if (channels == 1)
        ROW(1);
    else if (channels == 2)
        ROW(2);
    else
        ROW(3);
}

static void row_finish(float *dst, const float *v, ptrdiff_t n, float keep,
                       float gain)
{
    if (keep == 0)
        for (ptrdiff_t i = 0; i < n; i++)
            dst[i] = gain * v[i];
    else
        for (ptrdiff_t i = 0; i < n; i++)
            dst[i] = keep * dst[i] + gain * v[i];
}

static void row_clear(float *dst, ptrdiff_t n, float keep)
{
    if (keep == 1)
        return;
    for (ptrdiff_t i = 0; i < n; i++)
        dst[i] = keep == 0 ? 0 : keep * dst[i];
}

/* Whether the sources of vertical output row y hold anything. */
static int any_dirty(const FgTaps *t, const uint8_t *dirty, int y)
{
    if (!dirty)
        return 1;
    for (int j = 0; j < t->nb; j++)
        if (dirty[t->start[y] + j])
            return 1;
    return 0;
}

/* Four weights, none of which is 0, kept in registers. */
static inline __attribute__((always_inline)) void
four_down(float *restrict dst, const float *a, ptrdiff_t row, const float *w,
          ptrdiff_t n, float keep)
{
    const float *const b = a + row, *const c = b + row, *const d = c + row;
    const float wa = w[0], wb = w[1], wc = w[2], wd = w[3];

    if (keep == 0)
        for (ptrdiff_t i = 0; i < n; i++)
            dst[i] = (((0 + wa * a[i]) + wb * b[i]) + wc * c[i]) + wd * d[i];
    else
        for (ptrdiff_t i = 0; i < n; i++)
            dst[i] = keep * dst[i] +
                     ((((0 + wa * a[i]) + wb * b[i]) + wc * c[i]) + wd * d[i]);
}

FG_CLONES
static void row_down(const FgTaps *t, float *dst, FgView src, int y,
                     ptrdiff_t n, float keep, float gain, const uint8_t *dirty)
{
    const float *w = t->w + (size_t)y * t->nb;
    const int start = t->start[y];

    if (t->nb == 4 && gain == 1 && !dirty && w[0] != 0 && w[1] != 0 &&
        w[2] != 0 && w[3] != 0) {
        four_down(dst, src.data + start * src.row, src.row, w, n, keep);
        return;
    }
    for (ptrdiff_t x = 0; x < n; x += CHUNK) {
        const int len = (int)(n - x < CHUNK ? n - x : CHUNK);
        float acc[CHUNK];

        memset(acc, 0, sizeof(acc));
        for (int j = 0; j < t->nb; j++) {
            const float *s = src.data + (start + j) * src.row + x;
            const float v = w[j];

            if (v == 0 || (dirty && !dirty[start + j]))
                continue;
            for (int i = 0; i < len; i++)
                acc[i] += v * s[i];
        }
        row_finish(dst + x, acc, len, keep, gain);
    }
}

FG_CLONES
void fg_taps_down(const FgTaps *t, float *dst, const float *src, ptrdiff_t wide,
                  int rows, int y, ptrdiff_t n)
{
    const float *const w = t->w + (size_t)y * t->nb;

    if (t->copy) {
        memcpy(dst, src + y % rows * wide, sizeof(*dst) * (size_t)n);
        return;
    }
    for (ptrdiff_t x = 0; x < n; x += CHUNK) {
        const int len = (int)(n - x < CHUNK ? n - x : CHUNK);
        float acc[CHUNK];

        memset(acc, 0, sizeof(acc));
        for (int j = 0; j < t->nb; j++) {
            const float *const s = src + (t->start[y] + j) % rows * wide + x;
            const float v = w[j];

            for (int i = 0; i < len && v != 0; i++)
                acc[i] += v * s[i];
        }
        memcpy(dst + x, acc, sizeof(*dst) * (size_t)len);
    }
}

/* ---- passes ---- */

typedef struct Pass {
    const FgResize *r;
    FgView dst, src;
    float keep, gain;
    const uint8_t *dirty;     /* of this pass's source rows */
    const uint8_t *dirty_src; /* of the picture, when rows went first */
    int rows;
} Pass;

static int band_end(const Pass *p, int i)
{
    return (i + 1) * BAND < p->rows ? (i + 1) * BAND : p->rows;
}

static void job_copy(void *arg, int i, int worker)
{
    const Pass *p = arg;
    const ptrdiff_t n = (ptrdiff_t)p->r->x.axis.dst * p->r->channels;

    (void)worker;
    for (int y = i * BAND; y < band_end(p, i); y++) {
        float *d = p->dst.data + y * p->dst.row;

        if (p->dirty && !p->dirty[y])
            row_clear(d, n, p->keep);
        else
            row_finish(d, p->src.data + y * p->src.row, n, p->keep, p->gain);
    }
}

static void job_across(void *arg, int i, int worker)
{
    const Pass *p = arg;
    const ptrdiff_t n = (ptrdiff_t)p->r->x.axis.dst * p->r->channels;

    (void)worker;
    for (int y = i * BAND; y < band_end(p, i); y++) {
        float *d = p->dst.data + y * p->dst.row;

        if (p->dirty ? !p->dirty[y] : !any_dirty(&p->r->y, p->dirty_src, y))
            row_clear(d, n, p->keep);
        else
            fg_taps_across(&p->r->x, p->r->channels, d,
                           p->src.data + y * p->src.row, p->keep, p->gain);
    }
}

static void job_down(void *arg, int i, int worker)
{
    const Pass *p = arg;
    const FgTaps *t = &p->r->y;
    const int w = rows_first(p->r) ? p->r->x.axis.src : p->r->x.axis.dst;
    const ptrdiff_t n = (ptrdiff_t)w * p->r->channels;

    (void)worker;
    for (int y = i * BAND; y < band_end(p, i); y++) {
        float *d = p->dst.data + y * p->dst.row;

        if (any_dirty(t, p->dirty, y))
            row_down(t, d, p->src, y, n, p->keep, p->gain, p->dirty);
        else
            row_clear(d, n, p->keep);
    }
}

static void pass_run(Pass p, FgJobFn job, int rows, FgExecutor *ex)
{
    p.rows = rows;
    fg_run(ex, job, &p, (rows + BAND - 1) / BAND);
}

void fg_resize_run(FgResize *r, FgView dst, FgView src, float keep, float gain,
                   const uint8_t *dirty, FgExecutor *ex)
{
    const Pass last = {r, dst, src, keep, gain, dirty, NULL, 0};
    const int src_h = r->y.axis.src, dst_h = r->y.axis.dst;
    Pass a = last, b = last;

    a.dst = b.src = r->tmp;
    a.keep = 0;
    a.gain = 1;
    if (r->x.copy || r->y.copy) {
        pass_run(last,
                 !r->x.copy   ? job_across
                 : !r->y.copy ? job_down
                              : job_copy,
                 dst_h, ex);
    } else if (rows_first(r)) {
        b.dirty = NULL;
        b.dirty_src = dirty;
        pass_run(a, job_down, dst_h, ex);
        pass_run(b, job_across, dst_h, ex);
    } else {
        pass_run(a, job_across, src_h, ex);
        pass_run(b, job_down, dst_h, ex);
    }
}

int fg_resize_by_rows(const FgResize *r)
{
    return !r->x.copy && !r->y.copy && !rows_first(r);
}

void fg_resize_planar(FgResize *r)
{
    r->channels = 1;
}

static float *row_between(const FgResize *r, int plane, int y)
{
    return r->tmp.data + y * r->tmp.row + (ptrdiff_t)plane * r->x.axis.dst;
}

void fg_resize_take_row(FgResize *r, int plane, int y, const float *src)
{
    fg_taps_across(&r->x, r->channels, row_between(r, plane, y), src, 0, 1);
}

void fg_resize_give_row(const FgResize *r, int plane, int y, float *dst)
{
    const FgView v = {row_between(r, plane, 0), r->tmp.row};

    row_down(&r->y, dst, v, y, (ptrdiff_t)r->x.axis.dst * r->channels, 0, 1,
             NULL);
}

/* The first destination sample that reads source sample x or a later one. */
static int first_of(const FgTaps *t, int x)
{
    int lo = 0, hi = t->axis.dst;

    while (lo < hi) {
        const int i = lo + (hi - lo) / 2;

        if (t->start[i] + t->nb > x)
            hi = i;
        else
            lo = i + 1;
    }
    return lo;
}

/* One past the last destination sample that reads one before x. */
static int last_of(const FgTaps *t, int x)
{
    int lo = 0, hi = t->axis.dst;

    while (lo < hi) {
        const int i = lo + (hi - lo) / 2;

        if (t->start[i] < x)
            lo = i + 1;
        else
            hi = i;
    }
    return lo;
}

FgPart fg_taps_readers(const FgTaps *t, int i)
{
    return (FgPart){first_of(t, i), last_of(t, i + 1)};
}

FG_CLONES
static void part_across(const FgResize *r, float *dst, const float *src,
                        FgPart p)
{
    const FgTaps *t = &r->x;
    const float keep = 0, gain = 1;

    if (r->channels == 1)
        ACROSS(1, p.from, p.to);
    else
        ACROSS(3, p.from, p.to);
}

FgPart fg_resize_take_part(FgResize *r, int y, const float *src, FgPart in)
{
    float *const dst = row_between(r, 0, y);
    const FgPart out = {first_of(&r->x, in.from), last_of(&r->x, in.to)};

    memset(dst, 0, sizeof(*dst) * (size_t)r->x.axis.dst * (size_t)r->channels);
    part_across(r, dst, src, out);
    return out;
}

void fg_resize_add_row(const FgResize *r, int y, float *dst, float keep,
                       const FgPart *part, const uint8_t *dirty)
{
    const FgTaps *t = &r->y;
    const int n = r->x.axis.dst, c = r->channels;
    FgPart p = {keep == 1 ? n : 0, keep == 1 ? 0 : n};

    for (int j = t->start[y]; j < t->start[y] + t->nb; j++)
        if (dirty[j]) {
            p.from = part[j].from < p.from ? part[j].from : p.from;
            p.to = part[j].to > p.to ? part[j].to : p.to;
        }
    if (p.to <= p.from)
        return;
    const ptrdiff_t at = (ptrdiff_t)p.from * c;
    const FgView v = {r->tmp.data + at, r->tmp.row};

    row_down(t, dst + at, v, y, (ptrdiff_t)(p.to - p.from) * c, keep, 1, dirty);
}
