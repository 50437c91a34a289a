/* Convolutions on 8-bit integers: rows of a picture, gathered and coded.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "q8.h"

#include <pthread.h>
#include <string.h>

#include "conv_ring.h"

#define RUN FG_Q8_RUN

/* ---- the tables ---- */

static const FgQ8Ops *used;
static FgQ8Ops table[FG_CPU_TOP + 1];
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void fill_level(FgQ8Ops *o, FgCpu level)
{
    fg_q8_ops_c(o);
#if defined(__x86_64__)
    if (level >= FG_CPU_AVX2)
        fg_q8_ops_avx2(o);
    if (level >= FG_CPU_AVX2 && fg_cpu_has_avxvnni())
        fg_q8_ops_avxvnni(o);
    if (level >= FG_CPU_AVX512)
        fg_q8_ops_avx512(o);
    if (level >= FG_CPU_AVX512BF16)
        fg_q8_ops_avx512vnni(o);
    if (level >= FG_CPU_AMX)
        fg_q8_ops_amx(o);
#elif defined(__aarch64__)
    if (level >= FG_CPU_NEON)
        fg_q8_ops_neon(o);
    if (level >= FG_CPU_NEON && fg_cpu_has_dotprod())
        fg_q8_ops_dotprod(o);
#else
    (void)level;
#endif
}

static void fill(void)
{
    const int top = (int)fg_cpu_detect();

    for (int i = 0; i <= top; i++)
        fill_level(&table[i], (FgCpu)i);
}

const FgQ8Ops *fg_q8_ops(FgCpu level)
{
    const FgCpu have = fg_cpu_detect();

    pthread_once(&once, fill);
    return &table[level < have ? level : have];
}

void fg_q8_use(const FgQ8Ops *ops)
{
    used = ops;
}

/* ---- one call ---- */

typedef struct Job {
    const FgQ8 *q;
    const FgQ8Ops *ops;
    const FgTensor *in;
    FgTensor *out;
    FgQ8Code to;
    const FgConvEpilogue *e;
    int x0, x1; /* of the share */
    int first;  /* virtual pixel at which gathered rows start */
    int width;  /* of them */
    size_t slot;
    uint8_t *ring;
    float *slope;
    int32_t *sum;
    int next; /* virtual row that is gathered next */
} Job;

static size_t whole(size_t n)
{
    return (n + 63) & ~(size_t)63;
}

static size_t slot_bytes(const FgQ8 *q, int out_w)
{
    const size_t step = (size_t)(q->stride * q->icp);

    return whole((size_t)(out_w + RUN) * step + (size_t)(q->k * q->icp) + 128);
}

static size_t sum_bytes(const FgQ8 *q)
{
    return sizeof(int32_t) * RUN * (size_t)q->ocp;
}

size_t fg_q8_scratch(const FgQ8 *q, int out_w)
{
    return whole(sizeof(float) * (size_t)q->ocp) + sum_bytes(q) +
           (size_t)q->k * slot_bytes(q, out_w);
}

static void job_init(Job *j, const FgQ8 *q, const FgTensor *in, FgTensor *out,
                     const FgConvEpilogue *e, void *scratch)
{
    const FgConvAct act = e ? e->act : FG_CONV_LINEAR;

    *j = (Job){.q = q,
               .ops = used ? used : fg_q8_ops(fg_cpu_level()),
               .in = in,
               .out = out,
               .e = e,
               .slope = scratch};
    j->sum = (int32_t *)((char *)scratch +
                         whole(sizeof(float) * (size_t)q->ocp));
    j->ring = (uint8_t *)j->sum + sum_bytes(q);
    for (int c = 0; c < q->ocp; c++)
        j->slope[c] = act == FG_CONV_LINEAR  ? 1
                      : act != FG_CONV_PRELU ? e->alpha
                      : c < q->oc            ? e->slope[c]
                                             : 0;
}

/* ---- gathering ---- */

/* n pixels of input row y from x on. */
static void convert(const Job *j, uint8_t *dst, int y, int x, int n)
{
    const FgQ8 *const q = j->q;
    const int dense = q->icp == q->ic && j->in->pitch == q->ic;
    const int run = dense ? n : 1;

    for (int i = 0; i < n; i += run, dst += run * q->icp) {
        const char *const src = fg_bytes(j->in, 0, y, x + i,
                                         fg_dtype_size(j->in->dtype));

        if (j->in->dtype == FG_U8)
            memcpy(dst, src, (size_t)run * (size_t)q->ic);
        else
            j->ops->quant(dst, (const float *)(const void *)src,
                          (size_t)run * (size_t)q->ic, q->in);
        memset(dst + run * q->icp - (q->icp - q->ic), 0,
               (size_t)(q->icp - q->ic));
    }
}

/* The virtual row y of the convolution's input, with its borders. */
static void gather(const Job *j, uint8_t *dst, int y)
{
    const FgQ8 *const q = j->q;
    const int w = j->in->shape.w, mode = q->pad_mode;
    const int from = fg_pad_index(y, j->in->shape.h, mode);
    const int end = j->first + j->width;

    for (int x = j->first; x < end;) {
        const int at = from < 0 ? -1 : fg_pad_index(x, w, mode);
        const int inside = x >= 0 && x < w && from >= 0;
        const int n = inside ? (end < w ? end : w) - x : from < 0 ? end - x : 1;
        uint8_t *const d = dst + (ptrdiff_t)(x - j->first) * q->icp;

        if (at < 0)
            memset(d, q->in.zero, (size_t)n * (size_t)q->icp);
        else
            convert(j, d, from, inside ? x : at, n);
        x += n;
    }
}

/* The rows that output row y reads. */
static void seek(Job *j, const uint8_t **row, int y)
{
    const FgQ8 *const q = j->q;
    const int v = y * q->stride;

    if (j->next < v)
        j->next = v;
    for (; j->next < v + q->k; j->next++)
        gather(j, j->ring + (size_t)(j->next % q->k) * j->slot,
               j->next - q->pad);
    for (int i = 0; i < q->k; i++)
        row[i] = j->ring + (size_t)((v + i) % q->k) * j->slot;
}

/* ---- rows ---- */

static void run_row(const Job *j, const uint8_t **row, int y)
{
    const FgQ8 *const q = j->q;
    const FgConvEpilogue *const e = j->e;
    const int u8 = j->out->dtype == FG_U8;
    FgQ8Sums s = {.q = q, .row = row, .sum = j->sum};
    FgQ8Out o = {.q = q,
                 .sum = j->sum,
                 .relu = e && e->act == FG_CONV_RELU,
                 .slope = j->slope,
                 .pitch = j->out->pitch,
                 .to = j->to};

    s.step = q->stride * q->icp;
    for (int x = j->x0; x < j->x1; x += RUN) {
        s.n = o.n = j->x1 - x < RUN ? j->x1 - x : RUN;
        if (u8)
            o.out8 = (uint8_t *)fg_bytes(j->out, 0, y, x, 1);
        else
            o.out = fg_f32(j->out, 0, y, x);
        if (e && e->add) {
            o.add = fg_f32(e->add, 0, y, x);
            o.add_pitch = e->add->pitch;
            o.add_first = e->add_first;
        }
        j->ops->sums(&s);
        j->ops->finish(&o);
        for (int i = 0; i < q->k; i++)
            row[i] += RUN * s.step;
    }
}

void fg_q8_rows(const FgQ8 *q, const FgTensor *in, FgTensor *out, FgQ8Code to,
                int y0, int y1, const FgConvEpilogue *e, void *scratch,
                int part, int parts)
{
    const uint8_t *row[FG_CONV_MAX_KERNEL];
    const int blocks = (out->shape.w + RUN - 1) / RUN;
    Job j;

    job_init(&j, q, in, out, e, scratch);
    j.to = to;
    j.x0 = (int)((int64_t)blocks * part / parts) * RUN;
    j.x1 = (int)((int64_t)blocks * (part + 1) / parts) * RUN;
    j.x1 = j.x1 < out->shape.w ? j.x1 : out->shape.w;
    if (j.x1 <= j.x0 || y1 <= y0)
        return;
    j.first = j.x0 * q->stride - q->pad;
    j.width = (j.x1 - j.x0 - 1) * q->stride + q->k;
    j.slot = slot_bytes(q, out->shape.w);
    j.next = y0 * q->stride;
    if (j.ops->begin)
        j.ops->begin(q);
    for (int y = y0; y < y1; y++) {
        seek(&j, row, y);
        run_row(&j, row, y);
    }
    if (j.ops->end)
        j.ops->end();
}
