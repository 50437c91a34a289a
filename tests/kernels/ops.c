/* The op table. SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gradcheck.h"

#include <string.h>

static void every_name_is_found(void **state)
{
    static const char *const names[] = {
        "input",         "conv2d",     "deconv2d",   "bias",
        "relu",          "leaky_relu", "prelu",      "silu",
        "sigmoid",       "tanh",       "add",        "mul",
        "concat",        "scale",      "resize",     "pixel_shuffle",
        "avg_pool",      "max_pool",   "dense",      "pixel_unshuffle",
        "instance_norm", "batch_norm", "warp",       "pad",
        "slice",         "correlate",  "dropout",    "gelu",
        "mish",          "group_norm", "layer_norm", "mean",
        "resize_like"};
    int nb = 0;
    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        assert_string_equal(fg_op_find(names[i])->name, names[i]);
    while (fg_op_at(nb))
        nb++;
    assert_int_equal(nb, sizeof(names) / sizeof(names[0]));
    assert_null(fg_op_at(-1));
    assert_null(fg_op_find("conv"));
    assert_null(fg_op_find(""));
    assert_null(fg_op_find(NULL));
}

/* What the graph, the plan and the trainer rely on. */
static void rows_are_complete(void **state)
{
    (void)state;
    for (int i = 0; fg_op_at(i); i++) {
        const FgOp *const op = fg_op_at(i);
        assert_true(op->shape && op->f32.forward && op->f32.backward);
        assert_true(op->f64.forward && op->f64.backward);
        assert_true(op->min_in <= op->max_in && op->max_in <= FG_MAX_IN);
        assert_int_equal(!op->param[0], !op->param_dims);
        /* an optional bias is the last parameter */
        if (op->attrs & FG_ATTR_BIAS)
            assert_true(!strcmp(op->param[1], "bias") && !op->param[2]);
    }
}

static void input_checks_channels(void **state)
{
    (void)state;
    gc_refused(
        &(GcCase){"input", {.channels = 3}, .nb_in = 0, .in = {{1, 1, 4, 4}}});
}

/* Activations may write over their input, as the plan does. */
static void in_place(void **state)
{
    static const char *const names[] = {"relu",  "leaky_relu", "prelu",
                                        "silu",  "sigmoid",    "tanh",
                                        "scale", "bias"};
    (void)state;
    for (int i = 0; i < 16; i++) {
        const GcCase c = {
            names[i / 2], {.alpha = 0.25f}, .nb_in = 1, .in = {{2, 5, 3, 7}}};
        GcRun a, b;
        gc_open(&a, &c, i % 2 ? FG_F64 : FG_F32, 0, NULL);
        gc_open(&b, &c, i % 2 ? FG_F64 : FG_F32, 0, NULL);
        b.call.out = &b.in[0];
        gc_forward(&a);
        gc_forward(&b);
        for (size_t k = 0; k < gc_count(&a.out); k++)
            assert_true(gc_get(&a.out, k) == gc_get(&b.in[0], k));
        gc_close(&a);
        gc_close(&b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_name_is_found),
        cmocka_unit_test(rows_are_complete),
        cmocka_unit_test(input_checks_channels),
        cmocka_unit_test(in_place),
    };
    return cmocka_run_group_tests_name("kernels/ops", tests, NULL, NULL);
}
