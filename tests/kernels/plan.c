/* Plans: equal to the plain forward pass, whatever the tile, the threads and
 * the strides; the same for every family and precision.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "net.h"

#include <errno.h>
#include <float.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>

#include "kernels/cpu.h"
#include "kernels/dsp.h"
#include "kernels/plan.h"

static FgPool *pool;

static const FgBuild builds[] = {
    {"compact", 1, 2, 16, 3, "relu", "bicubic", 0},
    {"compact", 3, 3, 12, 1, "prelu", "nearest", 1},
    {"compact", 3, 4, 8, 2, "leaky_relu", "bilinear", 2},
    {"compact", 1, 1, 16, 2, "silu", "bicubic", 0},
    {"res", 3, 2, 24, 2, "relu", "bicubic", 1},
    {"res", 1, 1, 16, 1, "leaky_relu", "none", 0},
    {"res", 1, 4, 9, 1, "prelu", "none", 0},
    {"identity", 3, 1, 0, 0, NULL, NULL, 0},
    {"bicubic", 1, 2, 0, 0, NULL, NULL, 0},
    {"bicubic", 3, 3, 0, 0, NULL, NULL, 0},
};
#define NB_BUILDS (sizeof(builds) / sizeof(*builds))

static FgPlan *plan_of(const FgModel *m, FgPlanOptions o)
{
    FgError err = {{0}};
    FgPlan *p = NULL;
    if (fg_plan_create(&p, m, &o, &err) < 0)
        fail_msg("%s", err.text);
    return p;
}

static FgTensor run(const FgModel *m, FgPlanOptions o, const FgTensor *in,
                    int scale)
{
    FgTensor out;
    const FgShape s = {1, in->shape.c, in->shape.h * scale,
                       in->shape.w * scale};
    FgPlan *p = plan_of(m, o);
    FgPlanInfo info;
    fg_plan_info(p, &info);
    assert_int_equal(info.scale_num, scale * info.scale_den);
    assert_int_equal(fg_tensor_alloc(&out, s, FG_F32), 0);
    assert_int_equal(fg_plan_run(p, in, &out), 0);
    fg_plan_free(&p);
    assert_null(p);
    return out;
}

static FgPlanOptions options(int w, int h, int tile, FgPrecision precision)
{
    return (FgPlanOptions){"cpu", precision, w, h, tile, 0, NULL, 0, NULL, 0};
}

static FgPlanOptions plain(int w, int h)
{
    return (FgPlanOptions){"cpu", FG_PREC_FP32, w, h, 0, 0, NULL, 1, NULL, 0};
}

static void is_close(const FgModel *m, const FgTensor *in, const FgTensor *want,
                     int scale, FgPrecision precision, double most)
{
    FgTensor got = run(m, options(in->shape.w, in->shape.h, 0, precision), in,
                       scale);
    if (net_max_diff(want, &got) > most)
        fail_msg("precision %d: differs by %g", precision,
                 net_max_diff(want, &got));
    fg_tensor_free(&got);
}

/* The plan folds and fuses, the reference does not: the same collapsed graph
 * gives the same bits in fp32. */
static void equals_forward(void **state)
{
    (void)state;
    for (size_t i = 0; i < NB_BUILDS; i++) {
        FgModel *m = net_model(&builds[i]);
        FgGraph g;
        FgParams ps;
        FgTensor in = net_picture(builds[i].channels_in, 21, 34);
        assert_int_equal(
            fg_graph_collapse(&g, &ps, &m->graph, &m->params, NULL), 0);
        FgTensor want = net_forward(&g, &ps, &in);
        FgTensor got = run(m, plain(34, 21), &in, builds[i].scale);
        if (!net_same(&want, &got))
            fail_msg("network %zu: differs by %g", i,
                     net_max_diff(&want, &got));
        is_close(m, &in, &want, builds[i].scale, FG_PREC_FP32, 1e-5);
        is_close(m, &in, &want, builds[i].scale, FG_PREC_INT16, 6e-3);
        is_close(m, &in, &want, builds[i].scale, FG_PREC_AUTO, 6e-3);
        fg_tensor_free(&want);
        fg_tensor_free(&got);
        fg_tensor_free(&in);
        fg_graph_free(&g);
        fg_params_free(&ps);
        fg_model_free(&m);
    }
}

static void same_bits_tiled(const FgModel *m, const FgBuild *b, int w, int h,
                            FgPrecision precision)
{
    static const int tiles[] = {1, 8, 16, 33, 1000};
    FgTensor in = net_picture(b->channels_in, h, w);
    FgTensor want = run(m, options(w, h, 1 << 20, precision), &in, b->scale);
    for (size_t k = 0; k < sizeof(tiles) / sizeof(*tiles); k++) {
        FgPlanOptions o = options(w + 5, h + 3, tiles[k], precision);
        if (tiles[k] < 8 && w * h > 200)
            continue;
        if (k % 2)
            o.ex = fg_pool_executor(pool);
        FgTensor got = run(m, o, &in, b->scale);
        if (!net_same(&want, &got))
            fail_msg("%s, %dx%d, tile %d, precision %d: differs by %g",
                     b->family, w, h, tiles[k], precision,
                     net_max_diff(&want, &got));
        fg_tensor_free(&got);
    }
    fg_tensor_free(&want);
    fg_tensor_free(&in);
}

static void tiles_change_no_bit(void **state)
{
    static const int sizes[][2] = {{1, 1},  {1, 9},   {7, 1},  {2, 3},
                                   {17, 5}, {33, 40}, {67, 45}};
    (void)state;
    for (size_t i = 0; i < NB_BUILDS; i++) {
        FgModel *m = net_model(&builds[i]);
        for (size_t k = 0; k < sizeof(sizes) / sizeof(*sizes); k++) {
            same_bits_tiled(m, &builds[i], sizes[k][0], sizes[k][1],
                            FG_PREC_FP32);
            same_bits_tiled(m, &builds[i], sizes[k][0], sizes[k][1],
                            FG_PREC_BF16);
            same_bits_tiled(m, &builds[i], sizes[k][0], sizes[k][1],
                            FG_PREC_INT16);
        }
        fg_model_free(&m);
    }
}

/* bf16 without tile products, where this CPU would have them; and "fast" is
 * one of the two. */
static void precisions_without_tiles(void **state)
{
    static const FgCpu levels[] = {FG_CPU_AVX512BF16, FG_CPU_TOP};
    (void)state;
    FgModel *m = net_model(&builds[4]);
    FgTensor in = net_picture(3, 40, 51);
    for (int i = 0; i < 2; i++) {
        FgPlanStepInfo step;
        FgPlanInfo info;
        fg_cpu_mask(levels[i]);
        fg_kernels_init();
        const int tiles = fg_cpu_level() >= FG_CPU_AMX;
        same_bits_tiled(m, &builds[4], 51, 40, FG_PREC_BF16);
        FgTensor fast = run(m, options(51, 40, 0, FG_PREC_FAST), &in, 2);
        FgTensor want = run(
            m, options(51, 40, 0, tiles ? FG_PREC_BF16 : FG_PREC_INT16), &in,
            2);
        assert_true(net_same(&want, &fast));
        FgPlan *p = plan_of(m, options(51, 40, 0, FG_PREC_FAST));
        fg_plan_info(p, &info);
        assert_string_equal(info.precision, tiles ? "bf16" : "int16");
        assert_int_equal(fg_plan_step(p, 1, &step), 0);
        assert_int_equal(!!strstr(step.method, "AMX"), tiles);
        fg_plan_free(&p);
        fg_tensor_free(&fast);
        fg_tensor_free(&want);
    }
    if (fg_cpu_level() < FG_CPU_AMX)
        print_message("# this CPU has no AMX tiles\n");
    fg_tensor_free(&in);
    fg_model_free(&m);
}

/* Automatic tiles under a small limit; the plan must really be cut. */
static void memory_limit_changes_no_bit(void **state)
{
    (void)state;
    FgModel *m = net_model(&builds[4]);
    FgPlanOptions o = options(300, 200, 0, FG_PREC_FP32);
    FgTensor in = net_picture(3, 200, 300);
    FgTensor want = run(m, o, &in, 2);
    FgPlanInfo info;
    o.memory_limit = 3 << 20;
    FgPlan *p = plan_of(m, o);
    fg_plan_info(p, &info);
    assert_true(info.tile_w < 300 || info.tile_h < 200);
    assert_true(info.bytes < 5 << 20);
    fg_plan_free(&p);
    FgTensor got = run(m, o, &in, 2);
    assert_true(net_same(&want, &got));
    fg_tensor_free(&want);
    fg_tensor_free(&got);
    fg_tensor_free(&in);
    FgError err = {{0}};
    o.memory_limit = 1000;
    assert_int_equal(fg_plan_create(&p, m, &o, &err), -ENOMEM);
    assert_non_null(strstr(err.text, "memory_limit"));
    o.tile = 64;
    assert_int_equal(fg_plan_create(&p, m, &o, &err), -ENOMEM);
    assert_non_null(strstr(err.text, "64x64"));
    assert_null(p);
    fg_model_free(&m);
}

/* Groups of layers that stay in the second cache: a plan for wide pictures has
 * many, one for small ones has one; then threads. */
static void groups_change_no_bit(void **state)
{
    static const FgBuild wide[] = {
        {"compact", 3, 2, 64, 9, "prelu", "nearest", 0},
        {"res", 1, 2, 48, 5, "relu", "bicubic", 0}};
    static const int sizes[][2] = {{31, 17}, {40, 1}, {3, 24}};
    (void)state;
    for (size_t i = 0; i < 6; i++) {
        const int *const s = sizes[i % 3];
        FgModel *m = net_model(&wide[i / 3]);
        FgTensor in = net_picture(wide[i / 3].channels_in, s[1], s[0]);
        FgPlanOptions o = options(s[0], s[1], 0, FG_PREC_BF16);
        FgTensor want = run(m, o, &in, 2);
        for (int k = 0; k < 2; k++) {
            FgPlanInfo info;
            o = options(i < 3 ? 700 : 480, 60, 0, FG_PREC_BF16);
            o.ex = k ? fg_pool_executor(pool) : NULL;
            FgPlan *p = plan_of(m, o);
            fg_plan_info(p, &info);
            assert_true(k ||
                        (info.groups > 1) == (fg_cpu_level() >= FG_CPU_AMX));
            fg_plan_free(&p);
            FgTensor got = run(m, o, &in, 2);
            assert_true(net_same(&want, &got));
            fg_tensor_free(&got);
        }
        fg_tensor_free(&want);
        fg_tensor_free(&in);
        fg_model_free(&m);
    }
}

/* Views with gaps between pixels and rows; the gaps stay as they were. */
static void strides_change_no_bit(void **state)
{
    (void)state;
    FgModel *m = net_model(&builds[4]);
    FgTensor in = net_picture(3, 13, 19), wide, wide_out;
    FgTensor want = run(m, options(19, 13, 0, FG_PREC_FP32), &in, 2);
    assert_int_equal(fg_tensor_alloc(&wide, (FgShape){1, 5, 17, 23}, FG_F32),
                     0);
    assert_int_equal(
        fg_tensor_alloc(&wide_out, (FgShape){1, 7, 30, 41}, FG_F32), 0);
    for (int i = 0; i < 5 * 17 * 23; i++)
        ((float *)wide.data)[i] = NAN;
    for (int i = 0; i < 7 * 30 * 41; i++)
        ((float *)wide_out.data)[i] = 12345;
    FgTensor a = fg_tensor_window(&wide, 2, 1, 19, 13);
    a = fg_tensor_channels(&a, 1, 3);
    fg_tensor_copy(&a, &in);
    FgTensor b = fg_tensor_window(&wide_out, 1, 2, 38, 26);
    b = fg_tensor_channels(&b, 2, 3);
    FgPlan *p = plan_of(m, options(19, 13, 8, FG_PREC_FP32));
    assert_int_equal(fg_plan_run(p, &a, &b), 0);
    assert_true(net_same(&want, &b));
    int untouched = 0;
    for (int i = 0; i < 7 * 30 * 41; i++)
        untouched += ((float *)wide_out.data)[i] == 12345;
    assert_int_equal(untouched, 7 * 30 * 41 - 3 * 38 * 26);
    fg_plan_free(&p);
    fg_tensor_free(&want);
    fg_tensor_free(&wide);
    fg_tensor_free(&wide_out);
    fg_tensor_free(&in);
    fg_model_free(&m);
}

/* One 16-bit rounding is 2^-9 relative; values stay near 1. */
/* ---- input rows as they are wanted ---- */

typedef struct Source {
    const FgTensor *in;
    FgTensor out;
    int scale, early; /* early: rows put before what they may look at */
    atomic_int got[512];
} Source;

static void get_row(void *arg, float *row, int y, int worker)
{
    Source *const s = arg;
    (void)worker;
    memcpy(row, fg_f32(s->in, 0, y, 0),
           sizeof(*row) * (size_t)(s->in->shape.w * s->in->shape.c));
    atomic_fetch_add(&s->got[y], 1);
}

static void put_row(void *arg, const float *row, int y, int worker)
{
    Source *const s = arg;
    (void)worker;
    for (int k = -2; k <= 2; k++) {
        const int at = y / s->scale + k;
        if (at >= 0 && at < s->in->shape.h && !atomic_load(&s->got[at]))
            s->early = 1;
    }
    memcpy(fg_f32(&s->out, 0, y, 0), row,
           sizeof(*row) * (size_t)(s->out.shape.w * s->out.shape.c));
}

static void taken_rows(const FgModel *m, const FgBuild *b, FgPlanOptions o,
                       int w, int h)
{
    FgTensor in = net_picture(b->channels_in, h, w);
    const FgTensor size = {.shape = in.shape};
    FgTensor want = run(m, o, &in, b->scale);
    Source *const s = calloc(1, sizeof(*s));
    FgPlanInfo info;
    assert_non_null(s);
    s->in = &in;
    s->scale = b->scale;
    o.take_rows = 1;
    FgPlan *p = plan_of(m, o);
    fg_plan_info(p, &info);
    if (!info.takes_rows)
        fail_msg("%s: band %d, tiles of %dx%d", b->family, info.band,
                 info.tile_w, info.tile_h);
    assert_int_equal(fg_tensor_alloc(&s->out, want.shape, FG_F32), 0);
    const FgPlanRows rows = {put_row, s, get_row};
    for (int k = 0; k < 2; k++)
        assert_int_equal(fg_plan_run_rows(p, &size, &rows), 0);
    assert_true(net_same(&want, &s->out));
    assert_false(s->early);
    for (int y = 0; y < h; y++)
        assert_true(atomic_load(&s->got[y]) >= 2);
    fg_plan_free(&p);
    fg_tensor_free(&s->out);
    fg_tensor_free(&want);
    fg_tensor_free(&in);
    free(s);
}

/* The same bits from rows that are asked for as from a picture, with threads,
 * with windows one below the other, for smaller pictures than planned. */
static void rows_taken_change_no_bit(void **state)
{
    static const int which[] = {0, 1, 4, 6};
    (void)state;
    for (size_t i = 0; i < sizeof(which) / sizeof(*which); i++) {
        const FgBuild *const b = &builds[which[i]];
        FgModel *m = net_model(b);
        for (int k = 0; k < 4; k++) {
            FgPlanOptions o = options(90, 311, k > 1 ? 240 : 0,
                                      i % 2 ? FG_PREC_FP32 : FG_PREC_INT16);
            o.ex = k % 2 ? fg_pool_executor(pool) : NULL;
            taken_rows(m, b, o, k ? 90 : 77, k ? 311 : 302);
        }
        fg_model_free(&m);
    }
}

/* ---- rows come in slices ---- */

typedef struct Order {
    int ahead, broken;
    atomic_int done[1536]; /* rows whose calls have returned */
    atomic_int put;
} Order;

static void note_row(void *arg, const float *row, int y, int worker)
{
    Order *const o = arg;
    (void)row;
    (void)worker;
    for (int i = 0; i < y - o->ahead; i++)
        if (!atomic_load(&o->done[i]))
            o->broken = 1;
    if (y % 5 == 0)
        sched_yield();
    atomic_store(&o->done[y], 1);
    atomic_fetch_add(&o->put, 1);
}

/* However the steps run: whoever gets a row can forget those long before it. */
static void rows_come_in_slices(void **state)
{
    static const int which[] = {0, 1, 4, 6};
    (void)state;
    for (size_t i = 0; i < sizeof(which) / sizeof(*which); i++) {
        const FgBuild *const b = &builds[which[i]];
        FgModel *m = net_model(b);
        for (int k = 0; k < 3; k++) {
            const int h = k ? 301 : 90, w = k ? 70 : 20;
            FgPlanOptions o = options(w, h, k > 1 ? 240 : 0, FG_PREC_INT16);
            Order *const order = calloc(1, sizeof(*order));
            const FgPlanRows rows = {note_row, order, NULL};
            FgTensor in = net_picture(b->channels_in, h, w);
            assert_non_null(order);
            order->ahead = FG_PLAN_AHEAD * b->scale;
            o.ex = fg_pool_executor(pool);
            FgPlan *p = plan_of(m, o);
            assert_int_equal(fg_plan_run_rows(p, &in, &rows), 0);
            assert_int_equal(atomic_load(&order->put), h * b->scale);
            assert_false(order->broken);
            fg_plan_free(&p);
            fg_tensor_free(&in);
            free(order);
        }
        fg_model_free(&m);
    }
}

/* Layer by layer there is no such thing, and one is told. */
static void rows_are_not_always_taken(void **state)
{
    FgModel *m = net_model(&builds[0]);
    FgPlanOptions o = options(20, 20, 0, FG_PREC_INT16);
    FgTensor in = net_picture(1, 20, 20);
    Source s = {.in = &in, .scale = 2};
    const FgPlanRows rows = {put_row, &s, get_row};
    FgPlanInfo info;
    (void)state;
    for (int take = 0; take < 2; take++) {
        o.take_rows = take;
        FgPlan *p = plan_of(m, o);
        fg_plan_info(p, &info);
        assert_false(info.takes_rows);
        assert_int_equal(fg_plan_run_rows(p, &in, &rows), -ENOTSUP);
        fg_plan_free(&p);
    }
    fg_tensor_free(&in);
    fg_model_free(&m);
}

static void bf16_is_close(void **state)
{
    (void)state;
    FgModel *m = net_model(&builds[0]);
    FgPlanInfo info;
    FgTensor in = net_picture(1, 30, 30);
    FgTensor a = run(m, options(30, 30, 0, FG_PREC_FP32), &in, 2);
    FgTensor b = run(m, options(30, 30, 0, FG_PREC_BF16), &in, 2);
    FgPlan *p = plan_of(m, options(30, 30, 0, FG_PREC_BF16));
    fg_plan_info(p, &info);
    assert_string_equal(info.precision, "bf16");
    assert_true(net_max_diff(&a, &b) > 0);
    assert_true(net_max_diff(&a, &b) < 0.02);
    fg_plan_free(&p);
    fg_tensor_free(&a);
    fg_tensor_free(&b);
    fg_tensor_free(&in);
    fg_model_free(&m);
}

static int add(FgGraph *g, const char *op, const char *name, int a, int b,
               FgAttr attr)
{
    const int i = fg_graph_op(g, op, name, a, b, attr);
    assert_true(i >= 0);
    return i;
}

/* Strides, unshuffle, pools, deconvolution, broken shapes of borders. */
static void mixed_graph(FgGraph *g)
{
    memset(g, 0, sizeof(*g));
    int x = add(g, "input", "in", -1, -1, (FgAttr){.channels = 3});
    int a = add(g, "pixel_unshuffle", "u", x, -1, (FgAttr){.factor = 2});
    a = add(g, "pad", "p", a, -1, (FgAttr){.pad = 2, .pad_mode = 1});
    a = add(
        g, "conv2d", "c0", a, -1,
        (FgAttr){
            .channels = 12, .kernel = 5, .stride = 1, .groups = 1, .bias = 1});
    a = add(g, "silu", "s", a, -1, (FgAttr){0});
    int b = add(g, "conv2d", "down", a, -1,
                (FgAttr){.channels = 16,
                         .kernel = 3,
                         .stride = 2,
                         .pad = 1,
                         .groups = 2,
                         .bias = 1});
    b = add(g, "deconv2d", "up", b, -1,
            (FgAttr){.channels = 12,
                     .kernel = 4,
                     .stride = 2,
                     .pad = 1,
                     .groups = 1,
                     .bias = 1});
    int m = add(g, "max_pool", "mp", a, -1,
                (FgAttr){.kernel = 3, .stride = 1, .pad = 1});
    b = add(g, "mul", "m", b, m, (FgAttr){0});
    b = add(g, "concat", "cat", b, a, (FgAttr){0});
    b = add(g, "conv2d", "c1", b, -1,
            (FgAttr){.channels = 12,
                     .kernel = 3,
                     .stride = 1,
                     .pad = 1,
                     .pad_mode = 2,
                     .groups = 1});
    b = add(g, "pixel_shuffle", "ps", b, -1, (FgAttr){.factor = 2});
    add(g, "add", "out", b, x, (FgAttr){0});
}

/* A tail whose base is computed, a sum that repeats one channel, ops without
 * effect. */
static void odd_tail_graph(FgGraph *g)
{
    const FgAttr c12 = {.channels = 12,
                        .kernel = 3,
                        .stride = 1,
                        .pad = 1,
                        .groups = 1,
                        .bias = 1};
    FgAttr c3 = c12, c1 = c12;
    memset(g, 0, sizeof(*g));
    c3.channels = 3;
    c1.channels = 1;
    const int x = add(g, "input", "in", -1, -1, (FgAttr){.channels = 3});
    const int n = add(g, "scale", "n", x, -1, (FgAttr){.alpha = 1});
    const int one = add(g, "conv2d", "one", n, -1, c1);
    int a = add(g, "conv2d", "a", n, -1, c12);
    a = add(g, "add", "sum", a, one, (FgAttr){0});
    a = add(g, "relu", "r", a, -1, (FgAttr){0});
    a = add(g, "conv2d", "b", a, -1, c12);
    a = add(g, "conv2d", "c", a, -1, c12);
    a = add(g, "pixel_shuffle", "ps", a, -1, (FgAttr){.factor = 2});
    int b = add(g, "conv2d", "base", n, -1, c3);
    b = add(g, "resize", "up", b, -1,
            (FgAttr){.factor = 2, .mode = FG_RESIZE_BICUBIC});
    b = add(g, "add", "out", b, a, (FgAttr){0});
    add(g, "resize", "same", b, -1, (FgAttr){.factor = 1});
}

/* Ops of single pixels, some read twice, in chains between convolutions whose
 * channels leave gaps (29, 13); wide enough to go as a wave. */
static void gates_graph(FgGraph *g)
{
    const FgAttr none = {0}, c13 = {.channels = 13,
                                    .kernel = 3,
                                    .stride = 1,
                                    .pad = 1,
                                    .groups = 1,
                                    .bias = 1};
    FgAttr c29 = c13, c12 = c13;
    memset(g, 0, sizeof(*g));
    c29.channels = 29;
    c12.channels = 12;
    const int x = add(g, "input", "in", -1, -1, (FgAttr){.channels = 3});
    int a = add(g, "scale", "range", x, -1, (FgAttr){.alpha = 1.5f});
    const int head = a = add(g, "conv2d", "head", a, -1, c29);
    for (int i = 0; i < 3; i++) {
        char name[16];
        const int skip = a;
        snprintf(name, sizeof(name), "a%d", i);
        a = add(g, "conv2d", name, a, -1, c29);
        snprintf(name, sizeof(name), "s%d", i);
        a = add(g, "silu", name, a, -1, none);
        snprintf(name, sizeof(name), "b%d", i);
        a = add(g, "conv2d", name, a, -1, c29);
        snprintf(name, sizeof(name), "g%d", i);
        const int gate = add(g, i ? "sigmoid" : "tanh", name, a, -1, none);
        snprintf(name, sizeof(name), "o%d", i);
        a = add(g, "add", name, a, skip, none);
        snprintf(name, sizeof(name), "m%d", i);
        a = add(g, "mul", name, a, gate, none);
    }
    int b = add(g, "slice", "some", a, -1,
                (FgAttr){.first = 3, .channels = 13});
    b = add(g, "conv2d", "b", b, -1, c13);
    b = add(g, "gelu", "gelu", b, -1, none);
    a = add(g, "concat", "cat", b, a, none);
    a = add(g, "layer_norm", "norm", a, -1, (FgAttr){.eps = 1});
    a = add(g, "conv2d", "mix", a, -1, c29);
    a = add(g, "add", "long", a, head, none);
    a = add(g, "mish", "mish", a, -1, none);
    a = add(g, "conv2d", "tail", a, -1, c12);
    add(g, "pixel_shuffle", "ps", a, -1, (FgAttr){.factor = 2});
}

/* most16: what 16-bit products may lose. */
static void check_graph(void (*make)(FgGraph *), FgBuild as, int w, int h,
                        double most16)
{
    FgModel *m = fg_model_alloc();
    assert_non_null(m);
    make(&m->graph);
    net_fill(&m->graph, &m->params);
    m->scale = as.scale;
    FgTensor in = net_picture(3, h, w);
    FgTensor want = net_forward(&m->graph, &m->params, &in);
    FgTensor got = run(m, plain(w, h), &in, as.scale);
    if (!net_same(&want, &got))
        fail_msg("differs by %g", net_max_diff(&want, &got));
    is_close(m, &in, &want, as.scale, FG_PREC_FP32, 1e-5);
    is_close(m, &in, &want, as.scale, FG_PREC_INT16, most16);
    same_bits_tiled(m, &as, w, h, FG_PREC_FP32);
    same_bits_tiled(m, &as, w - 3, h - 3, FG_PREC_FP32);
    same_bits_tiled(m, &as, w, h, FG_PREC_BF16);
    same_bits_tiled(m, &as, w, h, FG_PREC_INT16);
    fg_tensor_free(&in);
    fg_tensor_free(&want);
    fg_tensor_free(&got);
    fg_model_free(&m);
}

static void mixed_ops_tile(void **state)
{
    FgGraph g;
    FgReach reach;
    (void)state;
    mixed_graph(&g);
    assert_int_equal(fg_graph_reach(&g, &reach, NULL), 0);
    assert_int_equal(reach.align, 4);
    fg_graph_free(&g);
    check_graph(mixed_graph,
                (FgBuild){.family = "mixed", .channels_in = 3, .scale = 1}, 48,
                64, 4e-3);
}

static void gates_in_a_wave(void **state)
{
    /* Tiles overlap by much here: minutes where fused products are calls. */
#if defined(__x86_64__)
    const int big = fg_cpu_level() != FG_CPU_C;
#else
    const int big = 0;
#endif
    (void)state;
    check_graph(gates_graph, (FgBuild){.channels_in = 3, .scale = 2},
                big ? 93 : 23, big ? 71 : 19,
                1e-2); /* gates multiply what is off */
}

static void odd_tail_tiles(void **state)
{
    (void)state;
    check_graph(odd_tail_graph,
                (FgBuild){.family = "odd tail", .channels_in = 3, .scale = 2},
                50, 41, 4e-3);
}

/* The halo is what it has to be: a change one pixel outside the reach is not
 * seen, and somewhere at its rim it is. */
static void reach_is_exact(void **state)
{
    (void)state;
    for (size_t i = 0; i < NB_BUILDS; i++) {
        FgModel *m = net_model(&builds[i]);
        FgReach r;
        assert_int_equal(fg_graph_reach(&m->graph, &r, NULL), 0);
        const int s = builds[i].scale, at = 2 * r.radius + 3;
        const int n = 2 * at + 1;
        FgTensor in = net_picture(builds[i].channels_in, n, n);
        FgTensor a = run(m, plain(n, n), &in, s);
        fg_f32(&in, 0, at, at)[0] += 100;
        FgTensor b = run(m, plain(n, n), &in, s);
        int seen = 0;
        for (int y = 0; y < n * s; y++)
            for (int x = 0; x < n * s; x++)
                if (fg_f32(&a, 0, y, x)[0] != fg_f32(&b, 0, y, x)[0]) {
                    seen = seen > abs(x / s - at) ? seen : abs(x / s - at);
                    seen = seen > abs(y / s - at) ? seen : abs(y / s - at);
                }
        if (seen > r.radius || (seen < r.radius && s != 1 && r.radius > 2))
            fail_msg("network %zu: radius %d, seen %d", i, r.radius, seen);
        fg_tensor_free(&a);
        fg_tensor_free(&b);
        fg_tensor_free(&in);
        fg_model_free(&m);
    }
}

static void bad_values_are_reported(void **state)
{
    (void)state;
    FgModel *m = net_model(&builds[0]);
    FgTensor in = net_picture(1, 20, 20), out;
    FgPlan *p = plan_of(m, options(20, 20, 8, FG_PREC_FP32));
    assert_int_equal(fg_tensor_alloc(&out, (FgShape){1, 1, 40, 40}, FG_F32), 0);
    assert_int_equal(fg_plan_run(p, &in, &out), 0);
    fg_f32(&in, 0, 19, 3)[0] = INFINITY;
    assert_int_equal(fg_plan_run(p, &in, &out), -EDOM);
    fg_f32(&in, 0, 19, 3)[0] = NAN;
    assert_int_equal(fg_plan_run(p, &in, &out), -EDOM);
    fg_f32(&in, 0, 19, 3)[0] = 0;
    assert_int_equal(fg_plan_run(p, &in, &out), 0);
    FgTensor small = fg_tensor_window(&out, 0, 0, 38, 40);
    assert_int_equal(fg_plan_run(p, &in, &small), -EINVAL);
    fg_tensor_free(&in);
    in = net_picture(1, 20, 21);
    assert_int_equal(fg_plan_run(p, &in, &out), -EINVAL);
    fg_plan_free(&p);
    fg_plan_free(NULL);
    fg_tensor_free(&in);
    fg_tensor_free(&out);
    fg_model_free(&m);
}

/* The largest finite number passes, the next one does not. */
static void infinity_is_told_from_large(void **state)
{
    (void)state;
    FgModel *m = net_model(&builds[7]);
    FgTensor in = net_picture(3, 5, 5), out = net_picture(3, 5, 5);
    FgPlan *p = plan_of(m, options(5, 5, 0, FG_PREC_FP32));
    fg_f32(&in, 0, 4, 4)[2] = -FLT_MAX;
    assert_int_equal(fg_plan_run(p, &in, &out), 0);
    fg_f32(&in, 0, 4, 4)[2] = -INFINITY;
    assert_int_equal(fg_plan_run(p, &in, &out), -EDOM);
    fg_plan_free(&p);
    fg_tensor_free(&in);
    fg_tensor_free(&out);
    fg_model_free(&m);
}

static void bad_options_are_named(void **state)
{
    (void)state;
    FgModel *m = net_model(&builds[0]);
    FgPlan *p;
    FgError err = {{0}};
    FgPlanOptions o = options(8, 8, 0, FG_PREC_AUTO);
    o.device = "cuda:x";
    assert_int_equal(fg_plan_create(&p, m, &o, &err), -ENOTSUP);
    assert_non_null(strstr(err.text, "cuda:x"));
    setenv("FFGAN_CUDA", "/nowhere/ffgan-cuda.so", 1);
    o.device = "cuda:7";
    assert_int_equal(fg_plan_create(&p, m, &o, &err), -ENOENT);
    assert_non_null(strstr(err.text, "/nowhere/ffgan-cuda.so"));
    o = options(0, 8, 0, FG_PREC_AUTO);
    assert_int_equal(fg_plan_create(&p, m, &o, &err), -EINVAL);
    o = options(8, 8, -1, FG_PREC_AUTO);
    assert_int_equal(fg_plan_create(&p, m, &o, &err), -EINVAL);
    assert_null(p);
    fg_model_free(&m);
}

static int start(void **state)
{
    (void)state;
    return fg_pool_create(&pool, 3);
}

static int stop(void **state)
{
    (void)state;
    fg_pool_free(&pool);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equals_forward),
        cmocka_unit_test(tiles_change_no_bit),
        cmocka_unit_test(memory_limit_changes_no_bit),
        cmocka_unit_test(groups_change_no_bit),
        cmocka_unit_test(precisions_without_tiles),
        cmocka_unit_test(strides_change_no_bit),
        cmocka_unit_test(rows_taken_change_no_bit),
        cmocka_unit_test(rows_are_not_always_taken),
        cmocka_unit_test(rows_come_in_slices),
        cmocka_unit_test(bf16_is_close),
        cmocka_unit_test(mixed_ops_tile),
        cmocka_unit_test(odd_tail_tiles),
        cmocka_unit_test(gates_in_a_wave),
        cmocka_unit_test(reach_is_exact),
        cmocka_unit_test(bad_values_are_reported),
        cmocka_unit_test(infinity_is_told_from_large),
        cmocka_unit_test(bad_options_are_named),
    };
    printf("# seed %u\n", NET_SEED);
    return cmocka_run_group_tests(tests, start, stop);
}
