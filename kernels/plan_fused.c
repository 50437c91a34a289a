/* ffgan: plans: ops that look at one pixel each, done together, block by block
 * of a row, in floats that stay in the first level of cache.
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Every op is its own forward function on a tensor of one short row: the bits
 * are those of the ops one by one. */
#include <stdlib.h>
#include <string.h>

#include "dsp.h"
#include "graph_priv.h"
#include "op.h"
#include "plan_priv.h"

#define BLOCK_FLOATS 4096

static const char *const pointwise[] = {
    "relu",   "leaky_relu", "prelu", "silu",  "sigmoid",
    "tanh",   "gelu",       "mish",  "scale", "bias",
    "concat", "slice",      "add",   "mul",   "layer_norm"};

int fg_fused_fits(const FgNode *n, const FgShape *shapes)
{
    const FgShape out = shapes[n->in[0]];
    int found = 0;

    for (size_t i = 0; i < sizeof(pointwise) / sizeof(*pointwise); i++)
        found |= fg_node_is(n, pointwise[i]);
    for (int k = 1; k < n->nb_in; k++) {
        const FgShape s = shapes[n->in[k]];

        found &= s.n == out.n && s.h == out.h && s.w == out.w;
    }
    return found && out.n == 1;
}

int fg_fused_start(FgStep *s, const FgNode *n)
{
    FgFused *const c = calloc(1, sizeof(*c));

    if (!c)
        return -1;
    c->nb = 1;
    c->op[0].node = s->node;
    for (int k = 0; k < s->nb_in; k++)
        c->op[0].in[k] = s->in[k];
    for (int k = 0; k < n->nb_param; k++)
        c->op[0].param[k] = s->param[k];
    s->chain = c;
    return 0;
}

/* ---- joining chains ---- */

static int add_input(int *in, int nb, int value)
{
    for (int k = 0; k < nb; k++)
        if (in[k] == value)
            return nb;
    if (nb < FG_MAX_IN)
        in[nb] = value;
    return nb + 1;
}

/* s makes what only t reads: t then does both. */
static int join(FgStep *s, FgStep *t)
{
    FgFused *const a = s->chain, *const b = t->chain;
    int in[FG_MAX_IN], nb = 0;

    for (int k = 0; k < s->nb_in && nb <= FG_MAX_IN; k++)
        nb = add_input(in, nb, s->in[k]);
    for (int k = 0; k < t->nb_in && nb <= FG_MAX_IN; k++)
        if (t->in[k] != s->out)
            nb = add_input(in, nb, t->in[k]);
    if (nb > FG_MAX_IN || a->nb + b->nb > FG_FUSED_MOST)
        return 0;
    memmove(b->op + a->nb, b->op, sizeof(*b->op) * (size_t)b->nb);
    memcpy(b->op, a->op, sizeof(*a->op) * (size_t)a->nb);
    b->nb += a->nb;
    memcpy(t->in, in, sizeof(in));
    t->nb_in = nb;
    return 1;
}

static FgStep *reader(FgPlan *p, const FgStep *s)
{
    for (int i = 0; i < p->nb_steps; i++)
        for (int k = 0; k < p->steps[i].nb_in && p->steps[i].chain; k++)
            if (p->steps[i].in[k] == s->out)
                return &p->steps[i];
    return NULL;
}

void fg_fused_join(FgPlan *p, const int *users)
{
    int left = 0;

    for (int i = 0; i < p->nb_steps; i++) {
        FgStep *const s = &p->steps[i];
        FgStep *const t = s->chain && users[s->out] == 1 ? reader(p, s) : NULL;

        if (t && t != s && join(s, t)) {
            free(s->chain);
            s->chain = NULL;
            s->out = -1;
        }
    }
    for (int i = 0; i < p->nb_steps; i++)
        if (p->steps[i].out >= 0)
            p->steps[left++] = p->steps[i];
    p->nb_steps = left;
}

/* ---- registers ---- */

static int last_reader(const FgFused *c, int node)
{
    int last = -1;

    for (int i = 0; i < c->nb; i++)
        for (int k = 0; k < FG_MAX_IN; k++)
            if (c->op[i].in[k] == node)
                last = i;
    return last;
}

static int pitch_of(const FgPlan *p, int value)
{
    const int c = p->shapes[value].c;

    return p->dtype[value] == FG_BF16 ? fg_mat_pitch(c) : c;
}

/* Where an op's operand is: an input of the step, or a register. */
static void find_operands(const FgPlan *p, const FgStep *s, FgFusedOp *o)
{
    const FgNode *const n = &p->g.nodes[o->node];

    for (int k = 0; k < n->nb_in; k++) {
        o->reg[k] = -1;
        for (int j = 0; j < s->nb_in; j++)
            if (s->in[j] == o->in[k])
                o->reg[k] = j;
        for (int j = 0; o->reg[k] < 0; j++)
            if (s->chain->op[j].node == o->in[k])
                o->reg[k] = s->chain->op[j].out;
    }
}

/* Registers 0..nb_in-1 are the step's inputs, those after them are used again
 * when nobody reads them any more. */
static void assign(const FgPlan *p, const FgStep *s)
{
    FgFused *const c = s->chain;
    int until[FG_FUSED_MOST] = {0};

    c->regs = s->nb_in;
    for (int i = 0; i < c->nb; i++) {
        FgFusedOp *const o = &c->op[i];
        int r = 0;

        find_operands(p, s, o);
        while (s->nb_in + r < c->regs && until[r] >= i)
            r++;
        until[r] = i == c->nb - 1 ? i : last_reader(c, o->node);
        o->out = s->nb_in + r;
        c->regs = o->out >= c->regs ? o->out + 1 : c->regs;
    }
}

static size_t op_scratch(const FgPlan *p, const FgFusedOp *o, int pixels)
{
    const FgNode *const n = &p->g.nodes[o->node];
    FgShape in[FG_MAX_IN];
    const FgShape out = {1, p->shapes[o->node].c, 1, pixels};

    for (int k = 0; k < n->nb_in; k++)
        in[k] = (FgShape){1, p->shapes[o->in[k]].c, 1, pixels};
    return n->op->scratch ? n->op->scratch(n, in, &out, FG_F32, 1) : 0;
}

size_t fg_fused_place(const FgPlan *p, const FgStep *s)
{
    FgFused *const c = s->chain;
    int widest = pitch_of(p, s->out);
    size_t most = 0;

    for (int k = 0; k < s->nb_in; k++)
        if (pitch_of(p, s->in[k]) > widest)
            widest = pitch_of(p, s->in[k]);
    for (int i = 0; i < c->nb; i++)
        if (p->shapes[c->op[i].node].c > widest)
            widest = p->shapes[c->op[i].node].c;
    assign(p, s);
    c->pixels = BLOCK_FLOATS / widest;
    c->pixels = c->pixels > 16  ? c->pixels & ~15
                : c->pixels > 0 ? c->pixels
                                : 1;
    c->reg_floats = ((size_t)c->pixels * (size_t)widest + 15) & ~(size_t)15;
    for (int i = 0; i < c->nb; i++) {
        const size_t n = op_scratch(p, &c->op[i], c->pixels);

        most = n > most ? n : most;
    }
    return sizeof(float) * c->reg_floats * (size_t)c->regs +
           ((most + 63) & ~(size_t)63);
}

/* ---- running ---- */

typedef struct Block {
    const FgPlan *p;
    const FgStep *s;
    float *memory;
    int y, x, n; /* n pixels of row y from x on */
} Block;

static FgTensor row_of(float *data, int c, int pitch, int n)
{
    return (FgTensor){.shape = {1, c, 1, n},
                      .pitch = pitch,
                      .row = (ptrdiff_t)n * pitch,
                      .image = (ptrdiff_t)n * pitch,
                      .dtype = FG_F32,
                      .data = data};
}

/* Without the gaps of the value: ops are fast on rows that have none. */
static FgTensor input_row(const Block *b, int k)
{
    const FgTensor *const v = &b->p->value[b->s->in[k]];
    float *const to = b->memory + b->s->chain->reg_floats * (size_t)k;
    const int c = v->shape.c, run = v->pitch == c ? b->n : 1;

    if (v->dtype == FG_F32)
        return row_of(fg_f32(v, 0, b->y, b->x), c, v->pitch, b->n);
    const uint16_t *const from = (const uint16_t *)(const void *)fg_bytes(
        v, 0, b->y, b->x, 2);

    for (int x = 0; x < b->n; x += run) {
        const uint16_t *const at = from + (ptrdiff_t)x * v->pitch;

        if (v->dtype == FG_F16)
            fg_dsp()->f16_to_f32(to + (ptrdiff_t)x * c, at, (size_t)(run * c));
        else
            fg_dsp()->bf16_to_f32(to + (ptrdiff_t)x * c, at, (size_t)(run * c));
    }
    return row_of(to, c, c, b->n);
}

static void run_op(const Block *b, const FgFusedOp *o, FgTensor *row)
{
    const FgNode *const n = &b->p->g.nodes[o->node];
    const FgFused *const c = b->s->chain;
    FgOpCall call;

    memset(&call, 0, sizeof(call));
    call.node = n;
    call.nb_in = n->nb_in;
    call.nb_param = n->nb_param;
    for (int k = 0; k < n->nb_in; k++)
        call.in[k] = &row[o->reg[k]];
    for (int k = 0; k < n->nb_param; k++)
        call.param[k] = &o->param[k];
    call.out = &row[o->out];
    call.scratch = b->memory + c->reg_floats * (size_t)c->regs;
    n->op->f32.forward(&call);
}

/* The last op's row into a value of 16 bits; what lies between its pixels is
 * zero. */
static void store(const Block *b, const FgTensor *row)
{
    const FgTensor *const v = &b->p->value[b->s->out];
    const int c = v->shape.c, run = v->pitch == c ? b->n : 1;
    uint16_t *to = (uint16_t *)(void *)fg_bytes(v, 0, b->y, b->x, 2);
    const float *from = row->data;

    for (int x = 0; x < b->n; x += run, to += v->pitch, from += c) {
        if (v->dtype == FG_F16)
            fg_dsp()->f32_to_f16(to, from, (size_t)(run * c));
        else
            fg_dsp()->f32_to_bf16(to, from, (size_t)(run * c));
        if (v->pitch > c)
            memset(to + c, 0, sizeof(*to) * (size_t)(v->pitch - c));
    }
}

static void run_block(const Block *b)
{
    const FgFused *const c = b->s->chain;
    const FgTensor *const out = &b->p->value[b->s->out];
    FgTensor row[FG_MAX_IN + FG_FUSED_MOST];

    for (int k = 0; k < b->s->nb_in; k++)
        row[k] = input_row(b, k);
    for (int i = 0; i < c->nb; i++) {
        const FgFusedOp *const o = &c->op[i];
        const int ch = b->p->shapes[o->node].c;
        float *to = b->memory + c->reg_floats * (size_t)o->out;
        int pitch = ch;

        if (i == c->nb - 1 && out->dtype == FG_F32) {
            pitch = out->pitch;
            to = fg_f32(out, 0, b->y, b->x);
        }
        row[o->out] = row_of(to, ch, pitch, b->n);
        run_op(b, o, row);
    }
    if (out->dtype != FG_F32)
        store(b, &row[c->op[c->nb - 1].out]);
}

void fg_fused_rows(const FgPlan *p, const FgStep *s, int y0, int y1,
                   void *scratch)
{
    FgTensor out = p->value[s->out];
    Block b = {.p = p, .s = s, .memory = scratch};
    const int w = out.shape.w;

    if (out.dtype == FG_BF16)
        fg_mat_gaps(&out, y0, y1);
    for (b.y = y0; b.y < y1; b.y++)
        for (b.x = 0; b.x < w; b.x += b.n) {
            b.n = w - b.x < s->chain->pixels ? w - b.x : s->chain->pixels;
            run_block(&b);
        }
}
