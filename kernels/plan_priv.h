/* ffgan: the inside of a plan.
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A value is the output of a graph node, named by its index. Steps run in
 * order on one window of the picture: a tile and its halo. */
#ifndef FFGAN_KERNELS_PLAN_PRIV_H
#define FFGAN_KERNELS_PLAN_PRIV_H

#include <stdatomic.h>

#include "calibrate.h"
#include "conv.h"
#include "cpu.h"
#include "mat.h"
#include "op.h"
#include "plan.h"
#include "q8.h"
#include "wino.h"

/* Ops of single pixels, each reader after what it reads (plan_fused.c). */
#define FG_FUSED_MOST 16
typedef struct FgFusedOp {
    int node;
    int in[FG_MAX_IN];       /* values; 0 where there is none */
    int reg[FG_MAX_IN], out; /* registers */
    FgTensor param[FG_MAX_PARAM];
} FgFusedOp;

typedef struct FgFused {
    int nb;
    FgFusedOp op[FG_FUSED_MOST];
    int pixels; /* of a block */
    int regs;   /* blocks of floats that a worker has */
    size_t reg_floats;
} FgFused;

typedef struct FgStep {
    int conv;  /* 1: prep or wino, and epilogue; 0: a chain, or the op's own
                  forward */
    int grid;  /* output rows come in whole multiples: 1, wino 4 */
    int node;  /* the node that runs */
    int out;   /* value made: of the last node folded in */
    int nb_in; /* values read, the folded add's last */
    int in[FG_MAX_IN];
    int add;   /* value that the epilogue adds, or -1 */
    int tiles; /* by tile products: mat, packed when the types are known */
    FgConvPrep prep; /* one of the four is filled */
    FgWino wino;
    FgMat mat;
    FgQ8 q8;
    FgQ8Code to;             /* of its value, where that is kept in 8 bits */
    FgConvEpilogue epilogue; /* act, alpha, slope, add_first */
    FgFused *chain;          /* ops done by rows, owned, or NULL */
    FgTensor param[FG_MAX_PARAM];
} FgStep;

/* The end of most super-resolvers, done row by row straight into the
 * picture: out = shuffle(value) + resize(base), either may be missing. */
typedef struct FgTail {
    int shuffle, factor; /* value or -1 */
    int packed; /* its channels are in the order [row][column][channel] */
    int base, base_factor; /* value or -1 */
    int nb_taps;           /* 1, 2, 4: nearest, bilinear, bicubic */
    int first[64];         /* of phase p: input row y / factor + first[p] */
    float w[64][4];
} FgTail;

typedef struct FgTile {
    int x, y, w, h;     /* the tile, input pixels */
    int wx, wy, ww, wh; /* its window */
} FgTile;

struct FgPlan {
    atomic_int *users; /* plans that share what is marked: */
    FgGraph g;         /* shared, as are ps, ranges, steps and alias */
    FgParams ps;
    FgReach reach;
    FgExecutor *ex;
    int max_w, max_h, tile_w, tile_h;
    FgPrecision precision;
    FgRanges ranges; /* of what 8-bit convolutions read */
    int plain;
    int nb_bf16, nb_int16, nb_int8, nb_wino; /* convolutions done so */
    int nb_mat, mat_pad; /* by tile products; their widest border */
    int grid;   /* tiles start at multiples of this many input pixels */
    int radius; /* a tile's halo: reach, rounded up to whole Winograd tiles */
    int channels_in, channels_out;
    FgStep *steps;
    int nb_steps;
    int *alias; /* of each node: the value that it is */
    int has_tail;
    FgTail tail;

    FgShape *shapes;    /* of each node, for the window in hand */
    FgDtype *dtype;     /* of each node: how its value is kept */
    FgTensor *value;    /* of each node, likewise */
    int parts;          /* fg_plan_parts */
    int *need0, *need1; /* rows first..last that later steps read */
    /* Rolling wave: when output row y is reached, each value has been made
     * up to row y + lead, and its last keep rows are there. */
    int band; /* rows by which the wave moves; 0 = step after step */
    int *lead, *keep;
    int *group; /* of each step: steps of one group share a wave */
    int *slot;  /* of each node: memory, -1 = none */
    void *arena;
    void **mem; /* of each slot, in the arena */
    size_t *mem_size;
    int nb_slots;
    int take_rows;          /* input rows come from a function: into ring */
    FgTensor ring;          /* as many as later steps look back to */
    const FgPlanRows *from; /* of the run at hand, or NULL */
    int from_y;             /* the picture's row that is the window's first */
    FgTensor staging; /* windows over the right and lower edge, if align > 1 */
    void *scratch;
    size_t scratch_size, worker_scratch;
    struct FgCudaPlan *cuda; /* cuda_plan.h; NULL: the CPU's */
    uint32_t *worst;         /* per worker: largest exponent written */
};

/* plan_cost.c. Modelled cycles of a convolution of ic channels, each way, and
 * whether Winograd's is worth it. */
double fg_cost_plain(const FgAttr *a, int ic, FgDtype dtype, FgCpu level);
double fg_cost_wino(const FgAttr *a, int ic, FgWinoKind kind, FgCpu level);
int fg_cost_prefers_wino(const FgAttr *a, int ic, FgWinoKind kind);
/* fg_plan_parts of a plan whose window is in p->shapes. */
int fg_cost_parts(const FgPlan *p);
/* plan.c. Options that are allowed; those that are the plan's own. */
int fg_plan_check(const FgPlanOptions *opt, FgError *err);
static inline void fg_plan_take(FgPlan *p, const FgPlanOptions *opt)
{
    p->ex = opt->ex;
    p->max_w = opt->max_w;
    p->max_h = opt->max_h;
    p->take_rows = opt->take_rows;
}
/* plan_share.c. Gives up this plan's share of the network. */
void fg_plan_leave(FgPlan *p);
/* plan_type.c. Fills p->dtype; then packs the tile products. */
void fg_plan_types(FgPlan *p);
int fg_plan_mats(FgPlan *p, FgError *err);
/* plan_tile.c. Sets tile_w, tile_h for the options; allocates every buffer. */
int fg_plan_layout(FgPlan *p, const FgPlanOptions *opt, FgError *err);
/* Bytes of activations for windows of w x h, and the slots into p. */
int fg_plan_assign(FgPlan *p, int w, int h, size_t *bytes);
size_t fg_plan_bytes(const FgPlan *p);
size_t fg_plan_weights(const FgPlan *p);
/* The last step that reads the value, nb_steps: the picture, -1: nobody. */
int fg_plan_last_use(const FgPlan *p, int value);
/* plan_band.c. Sets band, group, lead and keep. */
int fg_plan_band(FgPlan *p, const FgPlanOptions *opt, FgError *err);
/* Of a wave's values over the whole width, at most: narrow tiles compute their
 * borders twice, and their picture has to be kept whole. */
#define FG_BAND_BYTES ((size_t)64 << 20)
/* 1 where there is more than one group. */
static inline int fg_plan_grouped(const FgPlan *p)
{
    return p->band && p->group[p->nb_steps - 1];
}
/* The i-th of nb tiles of a w x h picture; returns nb. */
int fg_plan_tile(const FgPlan *p, int w, int h, int i, FgTile *t);

/* plan_run.c. The first row of input k that rows from y on of step s read. */
int64_t fg_step_first(const FgPlan *p, const FgStep *s, int k, int y);
/* plan_run.c. Which rows of each value output rows y0 <= y < y1 of a picture
 * whose shapes are in p->shapes depend on: into need0, need1. */
void fg_plan_need(FgPlan *p, int y0, int y1);

/* plan_fused.c. 1 where the node's op can be part of a chain. */
int fg_fused_fits(const FgNode *n, const FgShape *shapes);
/* A chain of s's own op alone: 0, or -1 without memory. */
int fg_fused_start(FgStep *s, const FgNode *n);
/* Joins chains to those that alone read them; users: readers of each value. */
void fg_fused_join(FgPlan *p, const int *users);
/* Registers and blocks, when types are known: bytes of a worker's scratch. */
size_t fg_fused_place(const FgPlan *p, const FgStep *s);
/* Rows y0 <= y < y1 of the chain's value. */
void fg_fused_rows(const FgPlan *p, const FgStep *s, int y0, int y1,
                   void *scratch);

/* A tile's way into the picture. */
typedef struct FgEmit {
    FgPlan *p;
    const FgTensor *out; /* the caller's, whole picture, or */
    const FgPlanRows *rows;
    int px, py;     /* where the tile goes */
    int x0, x1, y0; /* what of the window goes there */
} FgEmit;

/* Rows of the output that may be put in any order. */
static inline int fg_plan_slice(const FgPlan *p)
{
    const int n = FG_PLAN_AHEAD * p->reach.scale_num / p->reach.scale_den;
    return n > 1 ? n : 1;
}

/* plan_run.c. Row i of the tile; the part-th of parts shares of rows y0 <= y <
 * y1 of a convolution's value. */
void fg_plan_emit(const FgEmit *e, int i, int worker);
void fg_plan_conv(const FgPlan *p, const FgStep *s, int y0, int y1, int part,
                  int parts, int worker);
/* plan_wave.c. All steps and the picture's rows, as a rolling wave; shapes
 * and values are in place. */
void fg_plan_wave(FgPlan *p, const FgEmit *e, int rows);

/* plan_tail.c. Recognises the end of the graph: 1 and the nodes that it
 * covers set in used[], or 0. */
int fg_tail_match(FgTail *t, const FgGraph *g, const FgShape *shapes,
                  const int *alias, const int *users, char *used);
size_t fg_tail_scratch(const FgTail *t, int window_w, int channels);
/* Floats [x0, x1) x c of row y of the window's output, dense, into dst, or into
 * scratch where dst is NULL or would be overrun; returns where they are. */
const float *fg_tail_row(const FgTail *t, const FgTensor *value, int channels,
                         int y, int x0, int x1, float *dst, void *scratch);

static inline int fg_round_up(int n, int to)
{
    return (n + to - 1) / to * to;
}
static inline int fg_ceil_div(int64_t a, int64_t b)
{
    return (int)((a + b - 1) / b);
}

#endif
