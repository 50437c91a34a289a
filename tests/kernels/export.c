/* Exports: every op goes out as ONNX, and what cannot be is said.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kernels/export.h"
#include "kernels/op.h"

enum { C = 4 };

/* The op alone, of a picture; a flow is two of its channels. */
static FgModel *one_op(const FgOp *op)
{
    const FgAttr attr = {.channels = C,
                         .kernel = 3,
                         .stride = 1,
                         .pad = 1,
                         .groups = 1,
                         .bias = 1,
                         .factor = 2,
                         .alpha = 0.5f,
                         .eps = 1e-5f,
                         .momentum = 0.1f};
    FgModel *m = fg_model_alloc();
    FgGraph *g = &m->graph;
    FgError err = {""};
    const int in = fg_graph_op(g, "input", "input", -1, -1,
                               (FgAttr){.channels = C});
    const int flow = fg_graph_op(g, "slice", "flow", in, -1,
                                 (FgAttr){.channels = 2});
    const int warps = !strcmp(op->name, "warp");
    int x = fg_graph_op(g, op->name, "the.op", in,
                        op->min_in < 2 ? -1
                        : warps        ? flow
                                       : in,
                        attr);
    if (x < 0)
        fail_msg("%s cannot be added", op->name);
    if (fg_graph_params(g, &m->params, &err) < 0)
        fail_msg("%s", err.text);
    m->scale = 1;
    return m;
}

static int has(const char *path, const char *word)
{
    static char text[1 << 20];
    FILE *const f = fopen(path, "rb");
    assert_non_null(f);
    const size_t n = fread(text, 1, sizeof(text), f);
    fclose(f);
    return memmem(text, n, word, strlen(word)) != NULL;
}

/* With open sizes and with one; the file names the op's node. dense is fixed
 * to a size, which its weights say. */
static void every_op(void **state)
{
    (void)state;
    for (int i = 1; fg_op_at(i); i++) {
        const FgOp *const op = fg_op_at(i);
        char path[64];
        FgError err = {""};
        FgModel *m = one_op(op);
        const int dense = !strcmp(op->name, "dense");
        snprintf(path, sizeof(path), "/tmp/ffgan-export-%d.onnx",
                 (int)getpid());
        for (int fixed = dense; fixed < 2; fixed++) {
            const int side = fixed ? 64 : 0;
            if (fg_export_onnx(m, path, side, side, &err) < 0)
                fail_msg("%s: %s", op->name, err.text);
            assert_true(has(path, "the.op"));
        }
        if (dense) {
            assert_int_equal(fg_export_onnx(m, path, 0, 0, &err), -EINVAL);
            assert_non_null(strstr(err.text, "--size WxH"));
            assert_int_equal(fg_export_onnx(m, path, 32, 64, &err), -EINVAL);
            assert_non_null(strstr(err.text, "takes 16384 values, and gets "
                                             "4x64x32"));
        }
        unlink(path);
        fg_model_free(&m);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_op)};
    return cmocka_run_group_tests_name("kernels/export", tests, NULL, NULL);
}
