/* Adversarial losses of critics whose outputs stay in GPU memory: gradients to
 * the bit of the host's, sums but for their order, and what is copied. The
 * kernels' sources run on the CPU; no GPU is touched.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/op.h"
#include "tests/kernels/cuda.h"
#include "tests/trainer/gpu_run.h"
#include "trainer/loss_adv.h"
#include "trainer/loss_tape.h"
#include "trainer/lot.h"
#include "trainer/net.h"

enum { KINDS = 6, KEPT = FG_KEEP_OUTPUT | FG_KEEP_GRADIENT | FG_KEEP_SLOPE };

static const char *const names[KINDS] = {"bce",   "bce_logits", "lsgan",
                                         "hinge", "wgan",       "relativistic"};

typedef struct Critic {
    FgPool *pool;
    FgExecutor *ex;
    FgGpu *gpu;
    FgNet net;
    FgTape real, fake;
} Critic;

static void fill(const FgTensor *t, uint32_t stream)
{
    float *const v = t->data;

    for (int i = 0; i < t->shape.n * (int)t->image; i++) {
        const uint32_t c[4] = {(uint32_t)i, stream, 0, 0}, k[2] = {7, 1};
        uint32_t q[4];

        fg_philox(c, k, q);
        v[i] = (float)(q[0] * 0x1p-29 - 4);
    }
}

static int add(FgGraph *g, const char *op, const char *name, int a, FgAttr attr)
{
    const int i = fg_graph_op(g, op, name, a, -1, attr);

    assert_true(i >= 0);
    return i;
}

static void open_critic(Critic *c, const char *kind, const char *precision,
                        FgShape in)
{
    FgAttr conv = {
        .channels = 3, .kernel = 4, .stride = 2, .pad = 1, .groups = 1};
    FgGraph g = {0};
    FgError err = {""};
    int x = add(&g, "input", "input", -1, (FgAttr){.channels = 3});

    memset(c, 0, sizeof(*c));
    open_device(&c->pool, &c->ex, &c->gpu, "cuda", precision);
    x = add(&g, "conv2d", "c0", x, conv);
    x = add(&g, "leaky_relu", "a0", x, (FgAttr){.alpha = 0.2F});
    conv = (FgAttr){
        .channels = 2, .kernel = 3, .stride = 1, .pad = 1, .groups = 1};
    x = add(&g, "conv2d", "c1", x, conv);
    if (!strcmp(kind, "bce"))
        add(&g, "sigmoid", "p", x, (FgAttr){0});
    ok(fg_net_create(&c->net, "d", &g, 5, &err), &err);
    for (int i = 0; i < 2; i++)
        ok(fg_tape_create(i ? &c->fake : &c->real, &c->net.graph,
                          &c->net.set[FG_SET_PARAM], &c->net.grads, in, 1,
                          c->ex, &err),
           &err);
    fill(fg_tape_input(&c->real), 1);
    fill(fg_tape_input(&c->fake), 2);
}

static void close_critic(Critic *c)
{
    fg_tape_free(&c->real);
    fg_tape_free(&c->fake);
    fg_net_free(&c->net);
    fg_gpu_close(&c->gpu);
    fg_pool_free(&c->pool);
}

static size_t take(const FgParams *ps, float *to)
{
    size_t nb = 0;

    fg_params_host(ps, 0);
    for (int i = 0; i < ps->nb; nb += fg_param_count(&ps->p[i++]))
        memcpy(to + nb, ps->p[i].data, fg_param_count(&ps->p[i]) * sizeof(*to));
    return nb;
}

enum { MOST = 1024 };
typedef struct Result {
    FgVerdict said[3];
    float grad[3][MOST];
    uint64_t up[3], down[3]; /* of the loss alone */
    int64_t waits[3];
} Result;

/* A critic's step, its real side alone, a generator's. */
static void one(Critic *c, int kind, int what, Result *r)
{
    const int pairs = fg_adv_pairs(kind);
    FgTape *const real = what < 2 || pairs ? &c->real : NULL;
    FgTape *const fake = what == 1 && !pairs ? NULL : &c->fake;

    fg_net_zero_grads(&c->net);
    r->up[what] = c->gpu->up;
    r->down[what] = c->gpu->down;
    r->waits[what] = c->gpu->waits;
    r->said[what] = what < 2 ? fg_tape_adv_critic(kind, 0.75, real, fake)
                             : fg_tape_adv_generator(kind, 0.75, real, fake);
    r->up[what] = c->gpu->up - r->up[what];
    r->down[what] = c->gpu->down - r->down[what];
    r->waits[what] = c->gpu->waits - r->waits[what];
    if (real && what < 2)
        assert_int_equal(fg_tape_backward(real, 1), 0);
    if (fake)
        assert_int_equal(fg_tape_backward(fake, 1), 0);
    assert_true(take(&c->net.grads, r->grad[what]) <= MOST);
    ok(c->gpu->rc, &c->gpu->err);
}

static void run(const char *name, const char *precision, FgShape in, int there,
                Result *r)
{
    const int kind = fg_adv_find(name);
    Critic c;

    memset(r, 0, sizeof(*r));
    open_critic(&c, name, precision, in);
    if (there) {
        fg_tape_keep(&c.real, KEPT);
        fg_tape_keep(&c.fake, KEPT);
    }
    for (int what = 0; what < 3; what++) {
        assert_int_equal(fg_tape_forward(&c.real, 1), 0);
        assert_int_equal(fg_tape_forward(&c.fake, 1), 0);
        one(&c, kind, what, r);
    }
    close_critic(&c);
}

static void close_to(double a, double b, const char *name)
{
    if (!(fabs(a - b) <= 1e-12 * (fabs(a) + 1)))
        fail_msg("%s: %.17g, wanted %.17g", name, b, a);
}

static void compare(const char *name, const char *precision, FgShape in)
{
    Result a, b;

    run(name, precision, in, 0, &a);
    run(name, precision, in, 1, &b);
    for (int what = 0; what < 3; what++) {
        const FgVerdict *x = &a.said[what], *y = &b.said[what];

        assert_true(x->loss != 0);
        close_to(x->loss, y->loss, name);
        close_to(x->real, y->real, name);
        close_to(x->fake, y->fake, name);
        for (int i = 0; i < MOST; i++)
            if (memcmp(&a.grad[what][i], &b.grad[what][i], sizeof(float)) != 0)
                fail_msg("%s %s: gradient %d is %g, wanted %g", name, precision,
                         i, (double)b.grad[what][i], (double)a.grad[what][i]);
        /* The sums of 64 blocks, of each side, once. */
        assert_int_equal(b.up[what], 0);
        assert_true(b.down[what] <= (uint64_t)64 * 3 * 2 * sizeof(double));
        assert_int_equal(b.waits[what], 1);
    }
}

static void all_kinds(const char *precision)
{
    for (int i = 0; i < KINDS; i++) {
        compare(names[i], precision, (FgShape){3, 3, 22, 18});
        compare(names[i], precision, (FgShape){2, 3, 4, 6}); /* 24 outputs */
    }
}

static void in_fp32(void **state)
{
    (void)state;
    all_kinds("fp32");
}

static void in_fp16(void **state)
{
    (void)state;
    all_kinds("fp16");
}

static void in_bf16(void **state)
{
    (void)state;
    all_kinds("bf16");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(in_fp32),
        cmocka_unit_test(in_fp16),
        cmocka_unit_test(in_bf16),
    };
    return cmocka_run_group_tests(tests, use_emulated, NULL);
}
