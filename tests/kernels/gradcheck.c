/* Checks of one op: see gradcheck.h.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gradcheck.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { GAP = 3, SEED = 20240607 };

static double noise(uint32_t what, size_t i)
{
    const uint32_t counter[4] = {(uint32_t)i, what, 0, 0};
    const uint32_t key[2] = {SEED, 0};
    uint32_t out[4];
    fg_philox(counter, key, out);
    return (float)(out[0] / 2147483648.0 - 1);
}

static size_t place(const FgTensor *t, size_t i)
{
    const FgShape s = t->shape;
    const size_t k = i % s.c, x = i / s.c % s.w, y = i / s.c / s.w % s.h;
    const size_t n = i / s.c / s.w / s.h;
    return n * t->image + y * t->row + x * t->pitch + k;
}

double gc_get(const FgTensor *t, size_t i)
{
    const size_t at = place(t, i);
    return t->dtype == FG_F64 ? ((double *)t->data)[at]
                              : (double)((float *)t->data)[at];
}

void gc_set(const FgTensor *t, size_t i, double v)
{
    const size_t at = place(t, i);
    if (t->dtype == FG_F64)
        ((double *)t->data)[at] = v;
    else
        ((float *)t->data)[at] = (float)v;
}

size_t gc_count(const FgTensor *t)
{
    return (size_t)t->shape.n * t->shape.c * t->shape.h * t->shape.w;
}

/* Everything NaN at first: gaps that are read, and outputs that are not
 * written, show. */
static void make(FgTensor *t, FgShape s, FgDtype dtype, int strided)
{
    const int gap = strided ? GAP : 0;
    const int pitch = s.c + gap;
    const ptrdiff_t row = (ptrdiff_t)s.w * pitch + gap, image = s.h * row + gap;
    const FgShape all = {1, (int)(s.n * image), 1, 1};
    assert_int_equal(fg_tensor_alloc(t, all, dtype), 0);
    for (size_t i = 0; i < gc_count(t); i++)
        gc_set(t, i, NAN);
    t->shape = s;
    t->pitch = pitch;
    t->row = row;
    t->image = image;
}

/* The gaps must still be NaN: makes each element NaN and looks at all. */
static void assert_gaps(const FgTensor *t)
{
    FgTensor all = *t;
    all.shape = (FgShape){1, (int)(t->shape.n * t->image), 1, 1};
    all.pitch = all.shape.c;
    for (size_t i = 0; i < gc_count(t); i++)
        gc_set(t, i, NAN);
    for (size_t i = 0; i < gc_count(&all); i++)
        assert_true(isnan(gc_get(&all, i)));
}

static void fill(const FgTensor *t, uint32_t what, double range, double away)
{
    for (size_t i = 0; i < gc_count(t); i++) {
        const double v = noise(what, i) * (range - away);
        gc_set(t, i, (float)(v < 0 ? v - away : v + away));
    }
}

static int param_count(const FgNode *n)
{
    int k = 0;
    while (k < FG_MAX_PARAM && n->op->param[k])
        k++;
    return (n->op->attrs & FG_ATTR_BIAS) && !n->attr.bias ? k - 1 : k;
}

static int is_statistic(const FgNode *n, int k)
{
    return !strncmp(n->op->param[k], "running", 7);
}

static void open_params(GcRun *r)
{
    for (int k = 0; k < r->call.nb_param; k++) {
        int d[4] = {1, 1, 1, 1};
        const int nb = r->node.op->param_dims(&r->node, r->shape, k, d);
        assert_in_range(nb, 1, 4);
        const FgShape s = {d[0], nb > 1 ? d[1] : 1, nb > 2 ? d[2] : 1,
                           nb > 3 ? d[3] : 1};
        assert_int_equal(fg_tensor_alloc(&r->param[k], s, r->dtype), 0);
        assert_int_equal(fg_tensor_alloc(&r->dparam[k], s, r->dtype), 0);
        fill(&r->param[k], 100 + k, 1, 0);
        if (!strcmp(r->node.op->param[k], "running_var"))
            for (size_t i = 0; i < gc_count(&r->param[k]); i++)
                gc_set(&r->param[k], i, 0.25f + fabs(noise(100 + k, i)));
        r->call.param[k] = &r->param[k];
        r->call.dparam[k] = is_statistic(&r->node, k) ? NULL : &r->dparam[k];
    }
}

static void open_scratch(GcRun *r, FgExecutor *ex)
{
    const FgOp *const op = r->node.op;
    r->scratch_size = op->scratch
                          ? op->scratch(&r->node, r->shape, &r->out_shape,
                                        r->dtype, fg_threads(ex))
                          : 0;
    /* exactly as asked for, so that the address sanitizer sees overruns */
    assert_int_equal(
        posix_memalign(&r->scratch, 64, r->scratch_size ? r->scratch_size : 1),
        0);
    memset(r->scratch, 0xff, r->scratch_size); /* NaNs */
    r->call.scratch = r->scratch;
    r->call.ex = ex;
}

void gc_open(GcRun *r, const GcCase *c, FgDtype dtype, int strided,
             FgExecutor *ex)
{
    FgError err = {{0}};
    memset(r, 0, sizeof(*r));
    snprintf(r->node.name, sizeof(r->node.name), "node");
    r->node.op = fg_op_find(c->op);
    assert_non_null(r->node.op);
    r->node.attr = c->attr;
    r->node.nb_in = r->call.nb_in = c->nb_in;
    r->node.nb_param = r->call.nb_param = param_count(&r->node);
    r->dtype = dtype;
    memcpy(r->shape, c->in, sizeof(r->shape));
    if (r->node.op->shape(&r->node, c->in, &r->out_shape, &err) < 0)
        fail_msg("%s: %s", c->op, err.text);
    for (int k = 0; k < c->nb_in; k++) {
        make(&r->in[k], c->in[k], dtype, strided);
        make(&r->din[k], c->in[k], dtype, strided);
        fill(&r->in[k], k, c->range > 0 ? c->range : 1, c->away);
        r->call.in[k] = &r->in[k];
        r->call.din[k] = &r->din[k];
    }
    make(&r->out, r->out_shape, dtype, strided);
    make(&r->dout, r->out_shape, dtype, strided);
    fill(&r->dout, 50, 1, 0);
    r->call.node = &r->node;
    r->call.out = &r->out;
    r->call.dout = &r->dout;
    r->call.training = c->training;
    open_params(r);
    open_scratch(r, ex);
}

void gc_close(GcRun *r)
{
    for (int k = 0; k < FG_MAX_IN; k++) {
        fg_tensor_free(&r->in[k]);
        fg_tensor_free(&r->din[k]);
    }
    for (int k = 0; k < FG_MAX_PARAM; k++) {
        fg_tensor_free(&r->param[k]);
        fg_tensor_free(&r->dparam[k]);
    }
    fg_tensor_free(&r->out);
    fg_tensor_free(&r->dout);
    free(r->scratch);
    memset(r, 0, sizeof(*r));
}

static const FgOpFn *functions(const GcRun *r)
{
    return r->dtype == FG_F64 ? &r->node.op->f64 : &r->node.op->f32;
}

void gc_forward(GcRun *r)
{
    assert_int_equal(functions(r)->forward(&r->call), 0);
}

void gc_backward(GcRun *r)
{
    assert_int_equal(functions(r)->backward(&r->call), 0);
}

static void assert_near(const char *what, size_t i, double got, double want,
                        double tol)
{
    if (!(fabs(got - want) <= tol * (1 + fabs(want))))
        fail_msg("%s[%zu] is %.9g, wanted %.9g (tolerance %g)", what, i, got,
                 want, tol);
}

static void assert_all_near(const char *what, const FgTensor *a,
                            const FgTensor *b, double tol)
{
    assert_int_equal(gc_count(a), gc_count(b));
    for (size_t i = 0; i < gc_count(a); i++)
        assert_near(what, i, gc_get(a, i), gc_get(b, i), tol);
}

static void assert_same_bits(const char *what, const FgTensor *a,
                             const FgTensor *b)
{
    for (size_t i = 0; i < gc_count(a); i++) {
        const double u = gc_get(a, i), v = gc_get(b, i);
        if (memcmp(&u, &v, sizeof(u)))
            fail_msg("%s[%zu] is %.9g or %.9g, wanted the same bits", what, i,
                     u, v);
    }
}

static double loss(GcRun *r)
{
    double sum = 0;
    gc_forward(r);
    for (size_t i = 0; i < gc_count(&r->out); i++)
        sum += gc_get(&r->out, i) * gc_get(&r->dout, i);
    return sum;
}

/* d loss / d t against central differences of r, whose step leaves an error
 * of h^2 and a rounding noise of 1e-16 / h: about 1e-10 each. */
static void check_fd(GcRun *r, const char *what, const FgTensor *t,
                     const FgTensor *grad, double tol)
{
    const double h = 1e-5;
    for (size_t i = 0; i < gc_count(t); i++) {
        const double v = gc_get(t, i);
        gc_set(t, i, v + h);
        const double up = loss(r);
        gc_set(t, i, v - h);
        const double down = loss(r);
        gc_set(t, i, v);
        assert_near(what, i, gc_get(grad, i), (up - down) / (2 * h), tol);
    }
}

static void check_gradients(const GcCase *c)
{
    const double tol = c->tol_fd > 0 ? c->tol_fd : 1e-6;
    GcRun r;
    gc_open(&r, c, FG_F64, 0, NULL);
    gc_forward(&r);
    gc_backward(&r);
    for (int k = 0; k < c->nb_in; k++)
        check_fd(&r, k ? "second input's gradient" : "input gradient", &r.in[k],
                 &r.din[k], tol);
    for (int k = 0; k < r.call.nb_param; k++)
        if (r.call.dparam[k])
            check_fd(&r, r.node.op->param[k], &r.param[k], &r.dparam[k], tol);
    gc_close(&r);
}

/* <A x, r> = <x, A^T r>. */
static void check_adjoint(const GcCase *c)
{
    double left, right = 0;
    GcRun r;
    gc_open(&r, c, FG_F64, 0, NULL);
    for (int k = 0; k < r.call.nb_param; k++)
        if (!strcmp(r.node.op->param[k], "bias"))
            fg_tensor_zero(&r.param[k]);
    left = loss(&r);
    gc_backward(&r);
    for (int k = 0; k < c->nb_in; k++)
        for (size_t i = 0; i < gc_count(&r.in[k]); i++)
            right += gc_get(&r.in[k], i) * gc_get(&r.din[k], i);
    assert_near("adjoint", 0, left, right, 1e-12);
    gc_close(&r);
}

static void compare(GcRun *a, GcRun *b, double tol)
{
    for (int k = -1; k < a->call.nb_in; k++) {
        const FgTensor *const u = k < 0 ? &a->out : &a->din[k];
        const FgTensor *const v = k < 0 ? &b->out : &b->din[k];
        const char *const what = k < 0 ? "output" : "input gradient";
        if (tol > 0)
            assert_all_near(what, u, v, tol);
        else
            assert_same_bits(what, u, v);
    }
    for (int k = 0; k < a->call.nb_param; k++) {
        if (tol > 0) {
            assert_all_near("parameter", &a->param[k], &b->param[k], tol);
            assert_all_near("parameter gradient", &a->dparam[k], &b->dparam[k],
                            tol);
        } else {
            assert_same_bits("parameter", &a->param[k], &b->param[k]);
            assert_same_bits("parameter gradient", &a->dparam[k],
                             &b->dparam[k]);
        }
    }
}

static void open_and_run(GcRun *r, const GcCase *c, FgDtype dtype, int strided,
                         FgExecutor *ex)
{
    gc_open(r, c, dtype, strided, ex);
    gc_forward(r);
    gc_backward(r);
}

static void check_float(const GcCase *c)
{
    GcRun a, b;
    open_and_run(&a, c, FG_F32, 0, NULL);
    open_and_run(&b, c, FG_F64, 0, NULL);
    compare(&a, &b, c->tol32 > 0 ? c->tol32 : 1e-5);
    gc_close(&a);
    gc_close(&b);
}

static void check_strides_and_threads(const GcCase *c, FgDtype dtype)
{
    FgPool *pool;
    GcRun a, b, t;
    assert_int_equal(fg_pool_create(&pool, 3), 0);
    open_and_run(&a, c, dtype, 0, NULL);
    open_and_run(&b, c, dtype, 1, NULL);
    open_and_run(&t, c, dtype, 1, fg_pool_executor(pool));
    compare(&a, &b, 0);
    compare(&a, &t, 0);
    assert_gaps(&b.out);
    assert_gaps(&t.out);
    for (int k = 0; k < c->nb_in; k++) {
        assert_gaps(&b.din[k]);
        assert_gaps(&t.din[k]);
    }
    gc_close(&a);
    gc_close(&b);
    gc_close(&t);
    fg_pool_free(&pool);
}

/* din_add adds, dparam always adds, and what is not wanted is skipped. */
static void check_adding(const GcCase *c, FgDtype dtype)
{
    const double tol = dtype == FG_F64 ? 1e-12 : 1e-5;
    GcRun a, b;
    open_and_run(&a, c, dtype, 0, NULL);
    gc_open(&b, c, dtype, 0, NULL);
    gc_forward(&b);
    for (int k = 0; k < c->nb_in; k++) {
        b.call.din_add[k] = 1;
        fill(&b.din[k], 60, 1, 0);
    }
    gc_backward(&b);
    gc_backward(&a); /* twice: the parameters' gradients double */
    for (int k = 0; k < c->nb_in; k++)
        for (size_t i = 0; i < gc_count(&b.din[k]); i++)
            assert_near("added gradient", i, gc_get(&b.din[k], i),
                        gc_get(&a.din[k], i) + noise(60, i), tol);
    for (int k = 0; k < a.call.nb_param; k++)
        for (size_t i = 0; i < gc_count(&b.dparam[k]); i++)
            assert_near("added parameter gradient", i, gc_get(&a.dparam[k], i),
                        2 * gc_get(&b.dparam[k], i), tol);
    memset(a.call.din, 0, sizeof(a.call.din));
    memset(a.call.dparam, 0, sizeof(a.call.dparam));
    gc_backward(&a);
    gc_close(&a);
    gc_close(&b);
}

void gc_check(const GcCase *c)
{
    check_gradients(c);
    check_float(c);
    for (int d = 0; d < 2; d++) {
        check_strides_and_threads(c, d ? FG_F64 : FG_F32);
        check_adding(c, d ? FG_F64 : FG_F32);
    }
    if (c->linear)
        check_adjoint(c);
}

void gc_refused(const GcCase *c)
{
    FgNode n = {.name = "thenode"};
    FgShape out;
    FgError err = {{0}};
    n.op = fg_op_find(c->op);
    assert_non_null(n.op);
    n.attr = c->attr;
    n.nb_in = c->nb_in;
    assert_int_equal(n.op->shape(&n, c->in, &out, &err), -EINVAL);
    assert_non_null(strstr(err.text, "thenode"));
}

void gc_expect(const GcCase *c, const double *const in[],
               const double *const param[], const double *want, double tol)
{
    for (int d = 0; d < 2; d++) {
        GcRun r;
        gc_open(&r, c, d ? FG_F64 : FG_F32, 0, NULL);
        for (int k = 0; in && k < c->nb_in; k++)
            for (size_t i = 0; i < gc_count(&r.in[k]); i++)
                gc_set(&r.in[k], i, in[k][i]);
        for (int k = 0; param && k < r.call.nb_param; k++)
            for (size_t i = 0; i < gc_count(&r.param[k]); i++)
                gc_set(&r.param[k], i, param[k][i]);
        gc_forward(&r);
        for (size_t i = 0; i < gc_count(&r.out); i++)
            assert_near("output", i, gc_get(&r.out, i), want[i], tol);
        gc_close(&r);
    }
}
