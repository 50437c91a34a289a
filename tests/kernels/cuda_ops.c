/* Every op on a GPU, its kernel's source run on the CPU between guard bytes:
 * value by value what the op in kernels/ makes. No GPU is touched here.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "net.h"

#include <stdio.h>

#include "cuda.h"
#include "kernels/cuda.h"
#include "kernels/plan.h"

/* What the op is given besides the network's values. */
enum { ALONE, SAME, PIXEL, CHANNEL, ONE, FLOW, SMALL };

typedef struct Case {
    const char *op;
    FgAttr attr;
    int c, h, w; /* of its input */
    int other;   /* its second input */
} Case;

#define CONV(oc, k, s, p, g)                                                   \
    .channels = oc, .kernel = k, .stride = s, .pad = p, .groups = g
#define POOL(k, s, p) .kernel = k, .stride = s, .pad = p

static const Case cases[] = {
    /* Convolutions that tensor cores do not take, and some that they do. */
    {"conv2d", {CONV(5, 3, 1, 1, 1), .bias = 1}, 7, 9, 13, ALONE},
    {"conv2d", {CONV(6, 5, 1, 2, 1)}, 3, 9, 13, ALONE},
    {"conv2d", {CONV(6, 3, 1, 1, 6), .bias = 1}, 6, 9, 13, ALONE},
    {"conv2d", {CONV(9, 3, 1, 1, 3), .bias = 1}, 6, 9, 13, ALONE},
    {"conv2d", {CONV(5, 3, 2, 1, 1), .bias = 1}, 7, 10, 14, ALONE},
    {"conv2d", {CONV(5, 2, 2, 0, 1), .bias = 1}, 7, 10, 14, ALONE},
    {"conv2d", {CONV(4, 5, 1, 2, 1), .pad_mode = 1}, 3, 9, 13, ALONE},
    {"conv2d", {CONV(4, 5, 1, 2, 1), .pad_mode = 2}, 3, 9, 13, ALONE},
    {"conv2d", {CONV(4, 5, 1, 2, 1), .pad_mode = 3}, 3, 9, 13, ALONE},
    {"conv2d", {CONV(17, 3, 1, 1, 1), .pad_mode = 1}, 19, 9, 13, ALONE},
    {"conv2d", {CONV(17, 3, 1, 1, 1), .pad_mode = 2}, 19, 9, 13, ALONE},
    {"conv2d", {CONV(17, 3, 1, 1, 1), .pad_mode = 3}, 19, 9, 13, ALONE},
    {"conv2d", {CONV(33, 1, 1, 0, 1), .bias = 1}, 40, 9, 13, ALONE},
    {"deconv2d", {CONV(5, 3, 1, 1, 1), .bias = 1}, 7, 9, 13, ALONE},
    {"deconv2d", {CONV(5, 4, 2, 1, 1), .bias = 1}, 7, 9, 13, ALONE},
    {"deconv2d", {CONV(5, 2, 2, 0, 1)}, 3, 9, 13, ALONE},
    {"deconv2d", {CONV(3, 5, 3, 1, 1), .bias = 1}, 4, 7, 5, ALONE},
    {"deconv2d", {CONV(6, 4, 2, 1, 3), .bias = 1}, 9, 9, 13, ALONE},
    {"deconv2d", {CONV(16, 4, 2, 1, 1), .bias = 1}, 24, 5, 7, ALONE},
    {"dense", {.channels = 13, .bias = 1}, 13, 9, 13, ALONE},
    {"dense", {.channels = 5}, 5, 9, 13, ALONE},
    /* Element by element. */
    {"bias", {0}, 5, 9, 13, ALONE},
    {"relu", {0}, 5, 9, 13, ALONE},
    {"leaky_relu", {.alpha = 0.2f}, 5, 9, 13, ALONE},
    {"prelu", {0}, 5, 9, 13, ALONE},
    {"scale", {.alpha = -1.5f}, 5, 9, 13, ALONE},
    {"sigmoid", {0}, 5, 9, 13, ALONE},
    {"silu", {0}, 5, 9, 13, ALONE},
    {"tanh", {0}, 5, 9, 13, ALONE},
    {"gelu", {0}, 5, 9, 13, ALONE},
    {"mish", {0}, 5, 9, 13, ALONE},
    {"dropout", {.alpha = 0.5f}, 5, 9, 13, ALONE},
    {"add", {0}, 5, 9, 13, SAME},
    {"add", {0}, 5, 9, 13, PIXEL},
    {"add", {0}, 5, 9, 13, CHANNEL},
    {"add", {0}, 5, 9, 13, ONE},
    {"mul", {0}, 5, 9, 13, SAME},
    {"mul", {0}, 5, 9, 13, PIXEL},
    {"mul", {0}, 5, 9, 13, CHANNEL},
    {"mul", {0}, 5, 9, 13, ONE},
    {"batch_norm", {.eps = 1e-5f}, 5, 9, 13, ALONE},
    /* Places. */
    {"slice", {.channels = 4, .first = 3}, 9, 9, 13, ALONE},
    {"slice", {.channels = 1, .first = 8}, 9, 9, 13, ALONE},
    {"concat", {0}, 5, 9, 13, SAME},
    {"concat", {0}, 8, 9, 13, CHANNEL},
    {"pixel_shuffle", {.factor = 2}, 12, 9, 13, ALONE},
    {"pixel_shuffle", {.factor = 3}, 9, 5, 7, ALONE},
    {"pixel_unshuffle", {.factor = 2}, 3, 10, 14, ALONE},
    {"pixel_unshuffle", {.factor = 3}, 2, 9, 15, ALONE},
    {"resize", {.factor = 2, .mode = 0}, 3, 9, 13, ALONE},
    {"resize", {.factor = 2, .mode = 1}, 3, 9, 13, ALONE},
    {"resize", {.factor = 2, .mode = 2}, 3, 9, 13, ALONE},
    {"resize", {.factor = 3, .mode = 0}, 3, 9, 13, ALONE},
    {"resize", {.factor = 3, .mode = 1}, 3, 9, 13, ALONE},
    {"resize", {.factor = 3, .mode = 2}, 3, 9, 13, ALONE},
    {"resize", {.factor = 5, .mode = 2}, 1, 3, 2, ALONE},
    {"resize_like", {0}, 5, 23, 29, SMALL},
    {"avg_pool", {POOL(3, 1, 1)}, 5, 9, 13, ALONE},
    {"avg_pool", {POOL(2, 2, 0)}, 5, 10, 14, ALONE},
    {"avg_pool", {POOL(3, 2, 1)}, 5, 10, 14, ALONE},
    {"max_pool", {POOL(3, 1, 1)}, 5, 9, 13, ALONE},
    {"max_pool", {POOL(2, 2, 0)}, 5, 10, 14, ALONE},
    {"max_pool", {POOL(5, 2, 2)}, 5, 10, 14, ALONE},
    {"pad", {.pad = 2, .pad_mode = 0}, 5, 9, 13, ALONE},
    {"pad", {.pad = 2, .pad_mode = 1}, 5, 9, 13, ALONE},
    {"pad", {.pad = 2, .pad_mode = 2}, 5, 9, 13, ALONE},
    {"pad", {.pad = 2, .pad_mode = 3}, 5, 9, 13, ALONE},
    {"warp", {0}, 3, 9, 13, FLOW},
    /* Sums. */
    {"correlate", {.kernel = 1}, 5, 9, 13, SAME},
    {"correlate", {.kernel = 5}, 5, 9, 13, SAME},
    {"instance_norm", {.eps = 1e-5f}, 5, 9, 13, ALONE},
    {"group_norm", {.groups = 3, .eps = 1e-5f}, 6, 9, 13, ALONE},
    {"group_norm", {.groups = 1, .eps = 1e-3f}, 5, 9, 13, ALONE},
    {"layer_norm", {.eps = 1e-6f}, 7, 9, 13, ALONE},
};
#define NB_CASES (sizeof(cases) / sizeof(*cases))

static int op(FgGraph *g, const char *op, const char *name, int a, int b,
              FgAttr attr)
{
    const int i = fg_graph_op(g, op, name, a, b, attr);
    assert_true(i >= 0);
    return i;
}

/* Channels of the network's values: positive and negative. */
static int values(FgGraph *g, const char *name, int channels)
{
    return op(g, "conv2d", name, 0, -1,
              (FgAttr){.channels = channels,
                       .kernel = 1,
                       .stride = 1,
                       .groups = 1,
                       .bias = 1});
}

static int second(FgGraph *g, const Case *c)
{
    int v;
    switch (c->other) {
    case SAME:
    case SMALL:
        return values(g, "second", c->c);
    case PIXEL:
        return op(g, "mean", "mean", values(g, "second", c->c), -1,
                  (FgAttr){0});
    case CHANNEL:
        return values(g, "second", 1);
    case ONE:
        return op(g, "mean", "mean", values(g, "second", 1), -1, (FgAttr){0});
    case FLOW: /* over the borders, too */
        v = values(g, "second", 2);
        return op(g, "scale", "far", v, -1, (FgAttr){.alpha = 6});
    default:
        return -1;
    }
}

/* Neither the first nor the last: nothing is folded into the op. */
static FgModel *network(const Case *c)
{
    FgModel *m = fg_model_alloc();
    assert_non_null(m);
    FgGraph *g = &m->graph;
    op(g, "input", "in", -1, -1, (FgAttr){.channels = 3});
    const int b = second(g, c), a = values(g, "first", c->c);
    const int shifted = op(g, "bias", "shift", a, -1, (FgAttr){0});
    const int pixel = !strcmp(c->op, "dense");
    const int from = pixel ? op(g, "mean", "pixel", shifted, -1, (FgAttr){0})
                     : c->other == SMALL ? op(g, "max_pool", "small", shifted,
                                              -1, (FgAttr){POOL(7, 3, 0)})
                                         : shifted;
    int v = op(g, c->op, "op", from, b, c->attr);
    if (pixel) /* as gates by channel have it */
        v = op(g, "mul", "gate", shifted, v, (FgAttr){0});
    if (!strcmp(c->op, "pad")) /* the size is taken back */
        v = op(g, "conv2d", "taken", v, -1,
               (FgAttr){CONV(3, 2 * c->attr.pad + 1, 1, 0, 1)});
    op(g, "scale", "out", v, -1, (FgAttr){.alpha = 0.5f});
    net_fill(g, &m->params);
    m->scale = 1;
    return m;
}

static double top_of(const FgTensor *t)
{
    FgTensor zero;
    assert_int_equal(fg_tensor_alloc(&zero, t->shape, FG_F32), 0);
    fg_tensor_zero(&zero);
    const double top = net_max_diff(t, &zero);
    fg_tensor_free(&zero);
    return fmax(top, 1);
}

static void one(const Case *c, FgPrecision precision, double most)
{
    FgModel *m = network(c);
    FgTensor in = net_picture(3, c->h, c->w), got;
    FgTensor want = net_forward(&m->graph, &m->params, &in);
    const FgPlanOptions o = {
        .device = "cuda", .precision = precision, .max_w = c->w, .max_h = c->h};
    FgError err = {{0}};
    FgPlan *p;
    if (fg_plan_create(&p, m, &o, &err) < 0)
        fail_msg("%s: %s", c->op, err.text);
    assert_int_equal(fg_tensor_alloc(&got, want.shape, FG_F32), 0);
    for (int i = 0; i < 2; i++) { /* the second is a replay */
        fg_tensor_zero(&got);
        assert_int_equal(fg_plan_run(p, &in, &got), 0);
        const double d = net_max_diff(&want, &got) / top_of(&want);
        if (!(d <= most))
            fail_msg("case %d, %s, precision %d: differs by %g",
                     (int)(c - cases), c->op, precision, d);
    }
    fg_plan_free(&p);
    fg_tensor_free(&want);
    fg_tensor_free(&got);
    fg_tensor_free(&in);
    fg_model_free(&m);
}

/* Tolerances, of the largest value: the order of a sum; some roundings to 11
 * and 8 bits, which norms enlarge. */
static void in_fp32(void **state)
{
    (void)state;
    for (size_t i = 0; i < NB_CASES; i++)
        one(&cases[i], FG_PREC_FP32, 4e-6);
}

static void in_fp16(void **state)
{
    (void)state;
    for (size_t i = 0; i < NB_CASES; i++)
        one(&cases[i], FG_PREC_AUTO, 4e-3);
}

static void in_bf16(void **state)
{
    (void)state;
    for (size_t i = 0; i < NB_CASES; i++)
        if (cases[i].other != FLOW && strcmp(cases[i].op, "correlate") != 0)
            one(&cases[i], FG_PREC_BF16, 3e-2);
}

/* A row of the op table that the table above does not have is a hole. */
static void all_ops_are_here(void **state)
{
    (void)state;
    for (int i = 1; fg_op_at(i); i++) {
        const char *const name = fg_op_at(i)->name;
        int found = !strcmp(name, "mean");
        for (size_t k = 0; k < NB_CASES; k++)
            found |= !strcmp(name, cases[k].op);
        if (!found)
            fail_msg("no case of %s", name);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_ops_are_here),
        cmocka_unit_test(in_fp32),
        cmocka_unit_test(in_fp16),
        cmocka_unit_test(in_bf16),
    };
    return cmocka_run_group_tests(tests, use_emulated, NULL);
}
