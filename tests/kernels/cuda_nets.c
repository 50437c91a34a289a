/* Whole networks on a GPU, its kernels' sources run on the CPU: what the CPU
 * makes of them, for other programs' families, generators and the looks that
 * ship. No GPU is touched here. SPDX-License-Identifier: LGPL-2.1-or-later */
#include "net.h"

#include <stdio.h>

#include "cuda.h"
#include "kernels/generator.h"
#include "kernels/plan.h"
#include "tests/generators.h"

static FgModel *read_model(const char *folder, const char *file)
{
    const char *const root = getenv("ROOT");
    char path[4096];
    FgModel *m = NULL;
    FgError err = {{0}};
    snprintf(path, sizeof(path), "%s/%s/%s", root ? root : ".", folder, file);
    if (fg_model_read(&m, path, &err) < 0)
        fail_msg("%s", err.text);
    return m;
}

static FgTensor run(const FgModel *m, const char *name, const char *device,
                    FgPrecision precision, int tile, const FgTensor *in)
{
    const FgPlanOptions o = {.device = device,
                             .precision = precision,
                             .max_w = in->shape.w,
                             .max_h = in->shape.h,
                             .tile = tile};
    FgError err = {{0}};
    FgPlanInfo i;
    FgTensor out;
    FgPlan *p;
    if (fg_plan_create(&p, m, &o, &err) < 0)
        fail_msg("%s: %s", name, err.text);
    fg_plan_info(p, &i);
    const FgShape s = {1, i.channels_out, in->shape.h * i.scale_num,
                       in->shape.w * i.scale_num};
    assert_int_equal(i.scale_den, 1);
    assert_int_equal(fg_tensor_alloc(&out, s, FG_F32), 0);
    fg_tensor_zero(&out);
    for (int k = 0; k < (tile ? 1 : 2); k++) /* the second is a replay */
        assert_int_equal(fg_plan_run(p, in, &out), 0);
    fg_plan_free(&p);
    return out;
}

/* Largest difference, of the largest value or 1. */
static double differ(const FgTensor *a, const FgTensor *b)
{
    double top = 1;
    for (int y = 0; y < a->shape.h; y++)
        for (int x = 0; x < a->shape.w; x++)
            for (int c = 0; c < a->shape.c; c++)
                top = fmax(top, fabs((double)fg_f32(a, 0, y, x)[c]));
    return net_max_diff(a, b) / top;
}

static void compare(const FgModel *m, const char *name, const FgTensor *in,
                    FgPrecision precision, int tile, double most)
{
    FgTensor want = run(m, name, "cpu", FG_PREC_FP32, 0, in);
    FgTensor got = run(m, name, "cuda", precision, tile, in);
    const double d = differ(&want, &got);
    if (!(d <= most))
        fail_msg("%s, precision %d, tile %d: differs by %g", name, precision,
                 tile, d);
    fg_tensor_free(&want);
    fg_tensor_free(&got);
}

/* Sums in another order; roundings to 11 bits through all layers. */
static const double in_fp32 = 2e-5, in_fp16 = 1e-2;

static void check_net(const FgModel *m, const char *name, int w, int h)
{
    FgTensor in = net_picture(m->graph.nodes[0].attr.channels, h, w);
    compare(m, name, &in, FG_PREC_FP32, 0, in_fp32);
    compare(m, name, &in, FG_PREC_AUTO, 0, in_fp16);
    fg_tensor_free(&in);
}

/* Sides that the strides divide: a picture's borders are repeated on the CPU,
 * too. IFNet works at 1/64. */
static const struct {
    const char *file;
    int w, h;
} imports[] = {
    {"compact.pth", 13, 9},
    {"compact_st.safetensors", 13, 9},
    {"esrgan.pth", 13, 9},
    {"esrgan_trunk.pth", 13, 9},
    {"esrgan_x2.safetensors", 13, 9},
    {"esrgan_plus.pth", 13, 9},
    {"3x_esrgan.pth", 13, 9},
    {"span.pth", 13, 9},
    {"spanf.pth", 13, 9},
    {"realplksr.pth", 13, 9},
    {"realplksr_ln.safetensors", 13, 9},
    {"realplksr_dysample.pth", 13, 9},
    {"realplksr_dysample3.safetensors", 13, 9},
    {"plksr.pth", 13, 9},
    {"ifnet.pth", 64, 64},
    {"ifnet_encoder.safetensors", 64, 64},
    {"onnx_norms.onnx", 13, 9},
    {"onnx_plain.onnx", 13, 9},
    {"onnx_mixed.onnx", 13, 9},
};

static void imported_families(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(imports) / sizeof(*imports); i++) {
        FgModel *m = read_model("tests/kernels/import", imports[i].file);
        check_net(m, imports[i].file, imports[i].w, imports[i].h);
        fg_model_free(&m);
    }
}

static void tiles_of_a_family(void **state)
{
    (void)state;
    FgModel *m = read_model("tests/kernels/import", "esrgan.pth");
    FgTensor in = net_picture(3, 21, 34);
    compare(m, "esrgan", &in, FG_PREC_FP32, 12, in_fp32);
    fg_tensor_free(&in);
    fg_model_free(&m);
}

static void shipped_looks(void **state)
{
    (void)state;
    FgModel *m = read_model("presets/weights", "ink-look.safetensors");
    check_net(m, "ink-look", 20, 12);
    fg_model_free(&m);
    FgError err = {{0}};
    m = gen_model("image-norm", &err);
    assert_non_null(m);
    check_net(m, "instance norm", 21, 13);
    fg_model_free(&m);
}

static FgTensor generate(const FgModel *m, const char *name, const char *device,
                         FgPrecision precision, int w, int h)
{
    static const FgMoment moments[] = {{1, {{7, 0, 1}}, 1},
                                       {1, {{9, 0, 1}}, 1}};
    const FgGeneratorOptions o = {
        .device = device, .precision = precision, .w = w, .h = h};
    FgGenerator *g;
    FgTensor v, t;
    FgError err = {{0}};
    if (fg_generator_create(&g, m, &o, &err) < 0)
        fail_msg("%s: %s", name, err.text);
    for (int i = 0; i < 2; i++)
        if (fg_generator_run(g, &moments[i], &v, &err) < 0)
            fail_msg("%s: %s", name, err.text);
    assert_int_equal(fg_tensor_alloc(&t, v.shape, FG_F32), 0);
    fg_tensor_copy(&t, &v);
    fg_generator_free(&g);
    return t;
}

static void check_generator(const FgModel *m, const char *name, int w, int h)
{
    static const FgPrecision precisions[] = {FG_PREC_FP32, FG_PREC_AUTO};
    FgTensor want = generate(m, name, "cpu", FG_PREC_FP32, w, h);
    for (int i = 0; i < 2; i++) {
        FgTensor got = generate(m, name, "cuda", precisions[i], w, h);
        const double d = differ(&want, &got);
        if (!(d <= (i ? in_fp16 : in_fp32)))
            fail_msg("%s, precision %d: differs by %g", name, precisions[i], d);
        fg_tensor_free(&got);
    }
    fg_tensor_free(&want);
}

static void generators(void **state)
{
    static const char *const kinds[] = {"dcgan", "dcgan-alpha", "texture",
                                        "plate"};
    (void)state;
    for (int i = 0; i < 4; i++) {
        FgError err = {{0}};
        FgModel *m = gen_model(kinds[i], &err);
        assert_non_null(m);
        check_generator(m, kinds[i], 37, 21);
        fg_model_free(&m);
    }
}

/* Layers of 256 channels, kernel 4, batch norms. */
static void shipped_generator(void **state)
{
    (void)state;
    FgModel *m = read_model("presets/weights", "dcgan-cifar.safetensors");
    check_generator(m, "dcgan-cifar", 32, 32);
    fg_model_free(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(imported_families),
        cmocka_unit_test(tiles_of_a_family),
        cmocka_unit_test(shipped_looks),
        cmocka_unit_test(generators),
        cmocka_unit_test(shipped_generator),
    };
    return cmocka_run_group_tests(tests, use_emulated, NULL);
}
