/* Networks of the image-to-image families against PyTorch: outputs and all
 * gradients; sizes and reach. SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/kernels/fixture.h"

#include <errno.h>
#include <math.h>

#include "trainer/nets.h"
#include "trainer/tape.h"

static FgTensor pixels(const Fixture *f, const char *net, const char *what)
{
    char key[64];
    int d[4];
    size_t nb;
    double *v, *p;
    FgTensor t;

    snprintf(key, sizeof(key), "%s.%s", net, what);
    p = v = fixture_get(f, key, d, &nb);
    assert_non_null(v);
    assert_int_equal(
        fg_tensor_alloc(&t, (FgShape){d[0], d[1], d[2], d[3]}, FG_F32), 0);
    for (int n = 0; n < d[0]; n++)
        for (int c = 0; c < d[1]; c++)
            for (int y = 0; y < d[2]; y++)
                for (int x = 0; x < d[3]; x++)
                    fg_f32(&t, n, y, x)[c] = (float)*p++;
    free(v);
    return t;
}

static void near(const char *net, const char *what, const float *got,
                 const float *want, size_t nb)
{
    double most = 0;

    for (size_t i = 0; i < nb; i++)
        most = fmax(most, fabs(want[i]));
    for (size_t i = 0; i < nb; i++)
        /* Single precision through some ten layers and norms. */
        if (!(fabs((double)got[i] - want[i]) <= 2e-4 * most + 1e-6))
            fail_msg("%s %s: %zu is %.9g, not %.9g", net, what, i, got[i],
                     want[i]);
}

static void same(const Fixture *f, const char *net, const char *what,
                 const FgTensor *got)
{
    FgTensor want = pixels(f, net, what);
    const FgShape a = want.shape, b = got->shape;

    assert_true(a.n == b.n && a.c == b.c && a.h == b.h && a.w == b.w);
    near(net, what, got->data, want.data, (size_t)a.n * a.c * a.h * a.w);
    fg_tensor_free(&want);
}

/* Every trainable parameter has its recorded tensor, as a value or gradient. */
static void params(const Fixture *f, const char *net, FgParams *ps, int check)
{
    for (int i = 0; i < ps->nb; i++) {
        FgParam *p = &ps->p[i];
        const size_t nb = fg_param_count(p);
        char key[2 * FG_NAME_LEN];
        int d[4];
        size_t n;
        double *v;
        float *w;

        if (!p->trainable)
            continue;
        snprintf(key, sizeof(key), "%s.%c.%s", net, check ? 'g' : 'w', p->name);
        v = fixture_get(f, key, d, &n);
        if (!v || n != nb)
            fail_msg("%s: %zu elements, wanted %zu", key, v ? n : 0, nb);
        w = malloc(sizeof(*w) * nb);
        for (size_t k = 0; k < nb; k++)
            w[k] = (float)v[k];
        if (check)
            near(net, p->name, p->data, w, nb);
        else
            memcpy(p->data, w, sizeof(*w) * nb);
        free(w);
        free(v);
    }
}

static void check(const char *name, FgGraph *g)
{
    Fixture f;
    FgNet net;
    FgTape t;
    FgTensor in, dout;
    FgError err = {""};

    fixture_open(&f, "trainer/fixtures/style-nets.safetensors");
    if (fg_net_create(&net, "g", g, 1, &err))
        fail_msg("%s", err.text);
    fg_nets_constants(&net);
    params(&f, name, &net.set[FG_SET_PARAM], 0);
    in = pixels(&f, name, "in");
    dout = pixels(&f, name, "dout");
    if (fg_tape_create(&t, &net.graph, &net.set[FG_SET_PARAM], &net.grads,
                       in.shape, 1, NULL, &err))
        fail_msg("%s", err.text);
    fg_tensor_copy(fg_tape_input(&t), &in);
    assert_int_equal(fg_tape_forward(&t, 1), 0);
    same(&f, name, "out", fg_tape_output(&t));
    fg_tensor_copy(fg_tape_output_grad(&t), &dout);
    fg_net_zero_grads(&net);
    assert_int_equal(fg_tape_backward(&t, 1), 0);
    same(&f, name, "din", fg_tape_input_grad(&t));
    params(&f, name, &net.grads, 1);
    fg_tape_free(&t);
    fg_tensor_free(&in);
    fg_tensor_free(&dout);
    fg_net_free(&net);
    fixture_close(&f);
}

static void resnet(void **state)
{
    const FgNetSpec s = {3, 3, 1, 2, "instance", 0, 0};
    FgTaps taps;
    FgGraph g;

    (void)state;
    assert_int_equal(fg_build_resnet(&g, &s, &taps, NULL), 0);
    assert_int_equal(taps.nb, 4);
    check("resnet", &g);
}

static void encdec(void **state)
{
    const FgNetSpec s = {3, 3, 1, 2, "none", 1, 0};
    FgGraph g;

    (void)state;
    assert_int_equal(fg_build_encdec(&g, &s, NULL), 0);
    check("encdec", &g);
}

static void patch_critic(void **state)
{
    const FgNetSpec s = {3, 3, 0, 2, "instance", 0, 0};
    FgTaps taps;
    FgGraph g;

    (void)state;
    assert_int_equal(fg_build_patch_critic(&g, &s, &taps, NULL), 0);
    assert_int_equal(taps.nb, 3);
    check("patch", &g);
}

static void unet_critic(void **state)
{
    const FgNetSpec s = {3, 2, 0, 3, "none", 0, 0};
    FgTaps taps;
    FgGraph g;

    (void)state;
    assert_int_equal(fg_build_unet_critic(&g, &s, &taps, NULL), 0);
    assert_int_equal(taps.nb, 9);
    check("unet", &g);
}

/* The paper's critic sees squares of 70 pixels: moving a pixel 35 or more away
 * from the middle of an output's square changes nothing, 34 away does. */
static void seventy(void **state)
{
    const FgNetSpec s = {1, 1, 0, 3, "none", 0, 0};
    const FgShape in = {1, 1, 1, 256};
    FgGraph g;
    FgNet net;
    FgTape t;
    FgError err = {""};
    float *dx;
    int first = 256, last = -1, mid;

    (void)state;
    assert_int_equal(fg_build_patch_critic(&g, &s, NULL, NULL), 0);
    assert_int_equal(fg_net_create(&net, "d", &g, 1, &err), 0);
    for (int i = 0; i < net.set[0].nb; i++)
        for (size_t k = 0; k < fg_param_count(&net.set[0].p[i]); k++)
            net.set[0].p[i].data[k] = 1;
    if (fg_tape_create(&t, &net.graph, &net.set[0], &net.grads,
                       (FgShape){in.n, in.c, 256, in.w}, 1, NULL, &err))
        fail_msg("%s", err.text);
    for (int i = 0; i < 256 * 256; i++)
        ((float *)fg_tape_input(&t)->data)[i] = 1;
    assert_int_equal(fg_tape_forward(&t, 1), 0);
    fg_tensor_zero(fg_tape_output_grad(&t));
    mid = fg_tape_output(&t)->shape.w / 2;
    fg_f32(fg_tape_output_grad(&t), 0, mid, mid)[0] = 1;
    assert_int_equal(fg_tape_backward(&t, 1), 0);
    dx = fg_tape_input_grad(&t)->data;
    for (int y = 0; y < 256; y++)
        for (int x = 0; x < 256; x++)
            if (dx[y * 256 + x] != 0) {
                first = x < first ? x : first;
                last = x > last ? x : last;
            }
    assert_int_equal(last - first + 1, 70);
    fg_tape_free(&t);
    fg_net_free(&net);
}

static void refused(void **state)
{
    const struct {
        FgNetSpec s;
        const char *text;
    } bad[] = {
        {{2, 8, 1, 2, "none", 0, 0}, "channels is 2, allowed 1 or 3"},
        {{3, 0, 1, 2, "none", 0, 0}, "features is 0, allowed 1..256"},
        {{3, 8, 65, 2, "none", 0, 0}, "blocks is 65, allowed 0..64"},
        {{3, 8, 1, 5, "none", 0, 0}, "levels is 5, allowed 1..4"},
        {{3, 8, 1, 2, "batch", 0, 0}, "norm is 'batch', allowed none|instance"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        FgError err = {""};
        FgGraph g;

        assert_int_equal(fg_build_resnet(&g, &bad[i].s, NULL, &err), -EINVAL);
        if (!strstr(err.text, bad[i].text))
            fail_msg("'%s' lacks '%s'", err.text, bad[i].text);
        assert_int_equal(g.nb_nodes, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(resnet),       cmocka_unit_test(encdec),
        cmocka_unit_test(patch_critic), cmocka_unit_test(unet_critic),
        cmocka_unit_test(seventy),      cmocka_unit_test(refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
