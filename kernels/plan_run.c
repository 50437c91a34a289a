/* ffgan: plans: running one.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <limits.h>
#include <string.h>

#include "cuda_plan.h"
#include "dsp.h"
#include "graph_priv.h"
#include "plan_priv.h"

static int min(int a, int b)
{
    return a < b ? a : b;
}

static int max(int a, int b)
{
    return a > b ? a : b;
}

/* ---- which rows each value needs ---- */

static void want(FgPlan *p, int value, int64_t first, int64_t last)
{
    const int h = p->shapes[value].h;
    p->need0[value] = min(p->need0[value], (int)(first < 0 ? 0 : first));
    p->need1[value] = max(p->need1[value], (int)(last >= h ? h - 1 : last));
}

int64_t fg_step_first(const FgPlan *p, const FgStep *s, int k, int y)
{
    const FgNode *n = &p->g.nodes[s->node];
    int first, last;
    if (s->in[k] == s->add && k == s->nb_in - 1)
        return y;
    fg_node_taps(n, y, &first, &last);
    /* Mirrored borders read up to pad rows further inside. */
    return (int64_t)first - (n->attr.pad_mode ? 2 * n->attr.pad : 0);
}

static void want_inputs(FgPlan *p, const FgStep *s)
{
    const FgNode *n = &p->g.nodes[s->node];
    const int whole = (n->op->flags & FG_OP_GLOBAL) || p->reach.global;
    int last, ignored;
    if (p->need1[s->out] < p->need0[s->out])
        return;
    p->need0[s->out] -= p->need0[s->out] % s->grid;
    p->need1[s->out] = min(p->need1[s->out] / s->grid * s->grid + s->grid,
                           p->shapes[s->out].h) -
                       1;
    fg_node_taps(n, p->need1[s->out], &ignored, &last);
    const int mirror = n->attr.pad_mode ? 2 * n->attr.pad : 0;
    for (int k = 0; k < s->nb_in; k++) {
        if (s->in[k] == s->add && k == s->nb_in - 1)
            want(p, s->add, p->need0[s->out], p->need1[s->out]);
        else
            want(p, s->in[k],
                 whole ? 0 : fg_step_first(p, s, k, p->need0[s->out]),
                 whole ? INT_MAX : (int64_t)last + mirror);
    }
}

void fg_plan_need(FgPlan *p, int y0, int y1)
{
    const FgTail *t = &p->tail;
    for (int i = 0; i < p->g.nb_nodes; i++) {
        p->need0[i] = INT_MAX;
        p->need1[i] = -1;
    }
    if (!p->has_tail)
        want(p, p->alias[p->g.nb_nodes - 1], y0, y1 - 1);
    if (p->has_tail && t->shuffle >= 0)
        want(p, t->shuffle, y0 / t->factor, (y1 - 1) / t->factor);
    if (p->has_tail && t->base >= 0)
        want(p, t->base, y0 / t->base_factor - 2,
             (y1 - 1) / t->base_factor + 2);
    if (p->take_rows)
        want(p, 0, y0 / p->reach.scale_num - 2,
             (y1 - 1) / p->reach.scale_num + 2);
    for (int i = p->nb_steps - 1; i >= 0; i--)
        want_inputs(p, &p->steps[i]);
}

/* ---- steps ---- */

typedef struct ConvJob {
    const FgPlan *p;
    const FgStep *s;
    int y0, y1, parts;
} ConvJob;

/* Many rows are shared by rows, few by columns. */
static void run_tiles(const FgPlan *p, const FgStep *s, int y0, int y1,
                      const FgConvEpilogue *e, void *scratch, int part,
                      int parts)
{
    const int64_t rows = y1 - y0;
    const int by_rows = rows >= 8 * parts;
    const int from = by_rows ? y0 + (int)(rows * part / parts) : y0;
    const int to = by_rows ? y0 + (int)(rows * (part + 1) / parts) : y1;
    FgTensor out = p->value[s->out];
    fg_mat_rows(&s->mat, &p->value[s->in[0]], &out, from, to, e, scratch,
                by_rows ? 0 : part, by_rows ? 1 : parts);
}

void fg_plan_conv(const FgPlan *p, const FgStep *s, int y0, int y1, int part,
                  int parts, int worker)
{
    void *const scratch = (char *)p->scratch +
                          p->worker_scratch * (size_t)worker;
    const int rows = y1 - y0;
    const int from = y0 + (int)((int64_t)rows * part / parts);
    const int to = y0 + (int)((int64_t)rows * (part + 1) / parts);
    FgConvEpilogue e = s->epilogue;
    if (s->add >= 0)
        e.add = &p->value[s->add];
    if (s->chain) {
        fg_fused_rows(p, s, from, to, scratch);
        return;
    }
    if (s->tiles) {
        run_tiles(p, s, y0, y1, &e, scratch, part, parts);
        return;
    }
    if (s->q8.owned) {
        FgTensor out = p->value[s->out];
        fg_q8_rows(&s->q8, &p->value[s->in[0]], &out, s->to, y0, y1, &e,
                   scratch, part, parts);
        return;
    }
    if (s->wino.owned) {
        fg_wino_share(&s->wino, &p->value[s->in[0]], &p->value[s->out], y0, y1,
                      &e, scratch, part, parts);
        return;
    }
    if (to > from)
        fg_conv_rows(&s->prep, &p->value[s->in[0]], &p->value[s->out], from, to,
                     &e, scratch);
}

static void conv_job(void *arg, int i, int worker)
{
    const ConvJob *j = arg;
    fg_plan_conv(j->p, j->s, j->y0, j->y1, i, j->parts, worker);
}

/* Rows y0 <= y < y1 of the step's value. A run of rows starts by filling its
 * ring: not too many runs. */
static void run_conv(FgPlan *p, const FgStep *s, int y0, int y1)
{
    const int threads = fg_threads(p->ex), rows = y1 - y0;
    const int most = max(rows / 8, 1);
    const ConvJob j = {p, s, y0, y1, threads > 1 ? min(4 * threads, most) : 1};
    if (rows > 0)
        fg_run(p->ex, conv_job, (void *)&j, j.parts);
}

static int run_op(FgPlan *p, const FgStep *s)
{
    FgOpCall c;
    memset(&c, 0, sizeof(c));
    c.node = &p->g.nodes[s->node];
    c.nb_in = s->nb_in;
    c.nb_param = c.node->nb_param;
    for (int k = 0; k < s->nb_in; k++)
        c.in[k] = &p->value[s->in[k]];
    for (int k = 0; k < c.nb_param; k++)
        c.param[k] = &s->param[k];
    c.out = &p->value[s->out];
    c.ex = p->ex;
    c.scratch = p->scratch;
    return c.node->op->f32.forward(&c);
}

/* ---- into the picture ---- */

static void put_pixels(const FgTensor *out, int x, int y, const float *src,
                       ptrdiff_t src_pitch, int n, int c)
{
    float *dst = fg_f32(out, 0, y, x);
    if (out->pitch == c && src_pitch == c) {
        memcpy(dst, src, sizeof(*dst) * (size_t)n * (size_t)c);
        return;
    }
    for (int i = 0; i < n; i++, dst += out->pitch, src += src_pitch)
        for (int k = 0; k < c; k++)
            dst[k] = src[k];
}

void fg_plan_emit(const FgEmit *j, int i, int worker)
{
    FgPlan *p = j->p;
    const int c = p->channels_out, y = j->y0 + i, n = j->x1 - j->x0;
    uint32_t worst = p->worst[16 * worker], bits = 0;
    float *const dst = j->out ? fg_f32(j->out, 0, j->py + i, j->px) : NULL;
    const float *src;
    ptrdiff_t pitch = c;
    if (p->has_tail) {
        src = fg_tail_row(&p->tail, p->value, c, y, j->x0, j->x1,
                          dst && j->out->pitch == c ? dst : NULL,
                          (char *)p->scratch +
                              p->worker_scratch * (size_t)worker);
    } else {
        const FgTensor *v = &p->value[p->alias[p->g.nb_nodes - 1]];
        src = fg_f32(v, 0, y, j->x0);
        pitch = v->pitch;
    }
    if (pitch == c)
        bits = fg_dsp()->largest(src, (size_t)n * (size_t)c);
    for (int x = 0; pitch != c && x < n; x++)
        bits |= fg_dsp()->largest(src + x * pitch, (size_t)c);
    p->worst[16 * worker] = bits > worst ? bits : worst;
    if (j->rows)
        j->rows->put(j->rows->arg, src, j->py + i, worker);
    else if (j->out && src != dst)
        put_pixels(j->out, j->px, j->py + i, src, pitch, n, c);
}

typedef struct EmitJob {
    const FgEmit *e;
    int first;
} EmitJob;

static void emit_job(void *arg, int i, int worker)
{
    const EmitJob *j = arg;
    fg_plan_emit(j->e, j->first + i, worker);
}

static void emit_all(FgPlan *p, const FgEmit *e, int rows)
{
    EmitJob j = {e, 0};
    for (int n; j.first < rows; j.first += n) {
        n = min(fg_plan_slice(p), rows - j.first);
        fg_run(p->ex, emit_job, &j, n);
    }
}

/* ---- tiles ---- */

/* The window lies over the picture's right or lower edge: its missing pixels
 * repeat the last ones. */
static FgTensor staged(FgPlan *p, const FgTensor *in, const FgTile *t)
{
    const FgShape s = {1, p->channels_in, t->wh, t->ww};
    FgTensor v = fg_tensor_wrap(p->staging.data, s, FG_F32);
    for (int y = 0; y < t->wh; y++)
        for (int x = 0; x < t->ww; x++)
            memcpy(fg_f32(&v, 0, y, x),
                   fg_f32(in, 0, min(t->wy + y, in->shape.h - 1),
                          min(t->wx + x, in->shape.w - 1)),
                   sizeof(float) * (size_t)s.c);
    return v;
}

static int place_values(FgPlan *p, const FgTensor *in, const FgTile *t)
{
    const FgShape s = {1, p->channels_in, t->wh, t->ww};
    const int rc = fg_graph_shapes(&p->g, s, p->shapes, NULL);
    if (rc < 0)
        return rc;
    p->from_y = t->wy;
    if (p->from) {
        p->value[0] = fg_tensor_wrap(p->ring.data, p->shapes[0], FG_F32);
        p->value[0].wrap = p->ring.shape.h;
    } else if (t->wx + t->ww > in->shape.w || t->wy + t->wh > in->shape.h)
        p->value[0] = staged(p, in, t);
    else
        p->value[0] = fg_tensor_window(in, t->wx, t->wy, t->ww, t->wh);
    for (int i = 1; i < p->g.nb_nodes; i++)
        if (p->slot[i] >= 0) {
            const int keep = p->band ? p->keep[i] : 0;
            if (p->dtype[i] == FG_BF16) {
                fg_mat_place(&p->value[i], p->mem[p->slot[i]], p->shapes[i],
                             p->mat_pad, keep);
                continue;
            }
            p->value[i] = fg_tensor_wrap(p->mem[p->slot[i]], p->shapes[i],
                                         p->dtype[i]);
            p->value[i].wrap = keep;
        }
    return 0;
}

/* Every step over all of its rows, then the next. */
static int run_whole(FgPlan *p, FgEmit *e, int rows)
{
    int rc = 0;
    fg_plan_need(p, e->y0, e->y0 + rows);
    for (int i = 0; i < p->nb_steps && rc >= 0; i++) {
        const FgStep *s = &p->steps[i];
        if (s->conv || s->chain)
            run_conv(p, s, p->need0[s->out], p->need1[s->out] + 1);
        else
            rc = run_op(p, s);
    }
    if (rc >= 0)
        emit_all(p, e, rows);
    return rc;
}

static int run_tile(FgPlan *p, const FgTensor *in, const FgTensor *out,
                    const FgPlanRows *to, const FgTile *t)
{
    const int64_t num = p->reach.scale_num, den = p->reach.scale_den;
    FgEmit e = {.p = p, .out = out, .rows = to};
    e.px = (int)(t->x * num / den);
    e.py = (int)(t->y * num / den);
    e.x0 = (int)((t->x - t->wx) * num / den);
    e.y0 = (int)((t->y - t->wy) * num / den);
    e.x1 = e.x0 + fg_ceil_div((t->x + t->w) * num, den) - e.px;
    const int rows = fg_ceil_div((t->y + t->h) * num, den) - e.py;
    int rc = place_values(p, in, t);
    if (rc < 0)
        return rc;
    if (p->band) {
        fg_plan_wave(p, &e, rows);
        return 0;
    }
    return run_whole(p, &e, rows);
}

static int sizes_match(const FgPlan *p, FgShape in, FgShape out)
{
    const int num = p->reach.scale_num, den = p->reach.scale_den;
    return in.n == 1 && out.n == 1 && in.c == p->channels_in &&
           out.c == p->channels_out && in.w >= 1 && in.h >= 1 &&
           in.w <= p->max_w && in.h <= p->max_h &&
           out.w == fg_ceil_div((int64_t)in.w * num, den) &&
           out.h == fg_ceil_div((int64_t)in.h * num, den);
}

static int run(FgPlan *p, const FgTensor *in, const FgTensor *out,
               const FgPlanRows *rows)
{
    uint32_t worst = 0;
    FgTile t;
    memset(p->worst, 0, (size_t)fg_threads(p->ex) * 64);
    const int nb = fg_plan_tile(p, in->shape.w, in->shape.h, INT_MAX, &t);
    for (int i = 0; i < nb; i++) {
        fg_plan_tile(p, in->shape.w, in->shape.h, i, &t);
        const int rc = run_tile(p, in, out, rows, &t);
        if (rc < 0)
            return rc;
    }
    for (int i = 0; i < fg_threads(p->ex); i++)
        worst = max(worst >> 16, p->worst[16 * i] >> 16) << 16;
    return worst >= 0x7f800000 ? -EDOM : 0;
}

int fg_plan_run(FgPlan *p, const FgTensor *in, FgTensor *out)
{
    if (in->dtype != FG_F32 || out->dtype != FG_F32 ||
        !sizes_match(p, in->shape, out->shape))
        return -EINVAL;
    if (p->cuda)
        return fg_cuda_plan_run(p, in, out, NULL);
    return run(p, in, out, NULL);
}

int fg_plan_run_rows(FgPlan *p, const FgTensor *in, const FgPlanRows *rows)
{
    const int num = p->reach.scale_num, den = p->reach.scale_den;
    const FgShape out = {1, p->channels_out,
                         fg_ceil_div((int64_t)in->shape.h * num, den),
                         fg_ceil_div((int64_t)in->shape.w * num, den)};
    if (in->dtype != FG_F32 || !sizes_match(p, in->shape, out))
        return -EINVAL;
    if (p->cuda)
        return fg_cuda_plan_run(p, in, NULL, rows);
    if (in->shape.w > p->tile_w || (rows->get && !p->take_rows))
        return -ENOTSUP;
    p->from = rows->get ? rows : NULL;
    const int rc = run(p, in, NULL, rows);
    p->from = NULL;
    return rc;
}
