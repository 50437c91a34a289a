/* Other programs' models: small files that PyTorch made, run by us, against
 * what PyTorch made of them. SPDX-License-Identifier: LGPL-2.1-or-later */
#include <dirent.h>
#include <errno.h>
#include <math.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fixture.h"

#include "kernels/import.h"
#include "kernels/plan.h"

static char cache[64];

static void path_of(char *path, const char *file)
{
    const char *const root = getenv("ROOT");
    snprintf(path, 4096, "%s/tests/kernels/import/%s", root ? root : ".", file);
}

static FgTensor to_nhwc(const double *v, const int d[4])
{
    FgTensor t;
    assert_int_equal(
        fg_tensor_alloc(&t, (FgShape){1, d[1], d[2], d[3]}, FG_F32), 0);
    for (int c = 0; c < d[1]; c++)
        for (int y = 0; y < d[2]; y++)
            for (int x = 0; x < d[3]; x++)
                fg_f32(&t, 0, y,
                       x)[c] = (float)v[((size_t)c * d[2] + y) * d[3] + x];
    return t;
}

/* The recorded input goes through the network. PyTorch summed in double, we
 * in float: 1e-4 of the largest value, as the tolerance says for
 * pictures, covers some tens of layers. */
static void run(const FgModel *m, const char *name, int plain,
                FgPrecision precision, double limit)
{
    Fixture f;
    char key[128];
    int di[4], dn[4];
    size_t nb;
    fixture_open(&f, "kernels/import/outputs.safetensors");
    snprintf(key, sizeof(key), "%s.in", name);
    double *const in = fixture_get(&f, key, di, &nb);
    snprintf(key, sizeof(key), "%s.out", name);
    double *const want = fixture_get(&f, key, dn, &nb);
    assert_non_null(in);
    assert_non_null(want);
    FgTensor a = to_nhwc(in, di), b = to_nhwc(want, dn), out;
    const FgPlanOptions o = {
        .max_w = di[3], .max_h = di[2], .plain = plain, .precision = precision};
    FgPlan *p = NULL;
    FgError err = {{0}};
    if (fg_plan_create(&p, m, &o, &err) < 0)
        fail_msg("%s: %s", name, err.text);
    assert_int_equal(fg_tensor_alloc(&out, b.shape, FG_F32), 0);
    assert_int_equal(fg_plan_run(p, &a, &out), 0);
    double worst = 0, top = 1;
    for (int y = 0; y < dn[2]; y++)
        for (int x = 0; x < dn[3] * dn[1]; x++) {
            const double w = fg_f32(&b, 0, y, 0)[x];
            worst = fmax(worst, fabs(w - fg_f32(&out, 0, y, 0)[x]));
            top = fmax(top, fabs(w));
        }
    print_message("# %s: largest difference %.2g of %.3g\n", name, worst, top);
    assert_true(worst < limit * top);
    fg_plan_free(&p);
    fg_tensor_free(&a);
    fg_tensor_free(&b);
    fg_tensor_free(&out);
    free(in);
    free(want);
    fixture_close(&f);
}

static const struct {
    const char *file, *family;
    int scale;
} cases[] = {
    {"compact.pth", "SRVGGNetCompact", 4},
    {"compact_x1.pth", "SRVGGNetCompact", 1},
    {"compact_strides.pth", "SRVGGNetCompact", 4},
    {"compact_half.pth", "SRVGGNetCompact", 4},
    {"compact_st.safetensors", "SRVGGNetCompact", 2},
    {"esrgan.pth", "ESRGAN (RRDBNet)", 4},
    {"esrgan_old.pth", "ESRGAN (RRDBNet)", 4},
    {"esrgan_trunk.pth", "ESRGAN (RRDBNet)", 4},
    {"esrgan_x2.safetensors", "ESRGAN (RRDBNet)", 2},
    {"esrgan_plus.pth", "ESRGAN (RRDBNet)", 4},
    {"3x_esrgan.pth", "ESRGAN (RRDBNet)", 3},
    {"span.pth", "SPAN", 2},
    {"span_nonorm.safetensors", "SPAN", 2},
    {"spanf.pth", "SPAN-F", 4},
    {"realplksr.pth", "PLKSR, RealPLKSR", 2},
    {"realplksr_ln.safetensors", "PLKSR, RealPLKSR", 2},
    {"realplksr_dysample.pth", "PLKSR, RealPLKSR", 2},
    {"realplksr_dysample3.safetensors", "PLKSR, RealPLKSR", 3},
    {"plksr.pth", "PLKSR, RealPLKSR", 3},
    {"tsr.pth", "TSR, TSSR, DISP", 4},
    {"tssr.safetensors", "TSR, TSSR, DISP", 2},
    {"errn.pth", "ERRN2", 4},
    {"espan.pth", "ESPAN", 4},
    {"spanv2.safetensors", "SPANV2", 4},
    {"pds.pth", "PDS", 4},
    {"dscf.pth", "DSCF (fused)", 4},
    {"nanosr.pth", "NanoSR", 4},
    {"esrnet.pth", "ESRNet", 2},
    {"pfdn.pth", "PFDN-Lite", 4},
    {"rlfn.pth", "RLFN", 2},
    {"rlfn_list.pth", "RLFN", 2},
    {"rlfn_adds.pth", "RLFN", 2},
    {"rlfn_deep.pth", "RLFN", 2},
    {"rlfn_bn.pth", "RLFN", 2},
    {"rlfn_feed.pth", "RLFN", 2},
    {"rlfn_bs.pth", "RLFN", 2},
    {"rlfn_ecb.pth", "RLFN", 4},
    {"rlfn_rep.pth", "RLFN", 2},
    {"rlfn_eval.pth", "RLFN", 2},
    {"rlfn_r2.pth", "RLFN", 2},
    {"eern.pth", "EERN, EECNet", 2},
    {"eecnet.pth", "EERN, EECNet", 2},
    {"rfdn.pth", "RFDN", 2},
    {"rfdn_gate.pth", "RFDN", 2},
    {"efdn.pth", "EFDN", 2},
    {"rcunet.pth", "RCUNet", 2},
    {"errn24.pth", "ERRN", 2},
    {"safmn.pth", "SAFMN", 2},
    {"safmn_deep.pth", "SAFMN", 2},
    {"safmnpp.pth", "SAFMN++, FRnet, ExpandRepNet", 2},
    {"frnet.pth", "SAFMN++, FRnet, ExpandRepNet", 2},
    {"expandrep.pth", "SAFMN++, FRnet, ExpandRepNet", 2},
    {"mosr.pth", "MoSR", 2},
    {"mosr_gps.safetensors", "MoSR", 4},
    {"mosr_dys.pth", "MoSR", 2},
    {"ifnet.pth", "IFNet", 1},
    {"ifnet_encoder.safetensors", "IFNet", 1},
    {"ncnn_ifnet.param", NULL, 1},
    {"onnx_compact.onnx", NULL, 2},
    {"onnx_esrgan_x2.onnx", NULL, 2},
    {"onnx_span.onnx", NULL, 4},
    {"onnx_plksr.onnx", NULL, 2},
    {"onnx_realplksr.onnx", NULL, 2},
    {"onnx_norms.onnx", NULL, 3},
    {"onnx_norms_14.onnx", NULL, 3},
    {"onnx_norms_21.onnx", NULL, 3},
    {"onnx_plain.onnx", NULL, 4},
    {"onnx_esa.onnx", NULL, 2},
    {"onnx_esa_static.onnx", NULL, 2},
    {"onnx_mixed.onnx", NULL, 2},
    {"onnx_static.onnx", NULL, 2},
    {"onnx_nhwc.onnx", NULL, 2},
};
enum { NB_CASES = sizeof(cases) / sizeof(*cases) };

static FgModel *read_case(const char *file)
{
    char path[4096];
    FgModel *m = NULL;
    FgError err = {{0}};
    path_of(path, file);
    if (fg_model_read(&m, path, &err) < 0)
        fail_msg("%s", err.text);
    return m;
}

static void outputs(void **state)
{
    (void)state;
    for (int i = 0; i < NB_CASES; i++) {
        char name[64];
        snprintf(name, sizeof(name), "%.*s", (int)strcspn(cases[i].file, "."),
                 cases[i].file);
        FgModel *m = read_case(cases[i].file);
        assert_int_equal(m->scale, cases[i].scale);
        assert_int_equal(m->luma, 0);
        const char *const family = fg_model_meta(m, "ffgan.family");
        assert_int_equal(!family, !cases[i].family);
        if (family)
            assert_string_equal(family, cases[i].family);
        run(m, name, 1, FG_PREC_FP32, 1e-4);
        run(m, name, 0, FG_PREC_FP32, 1e-4);
        /* 16-bit products: a hundredth of the range, no exactness. */
        run(m, name, 0, FG_PREC_AUTO, 1e-2);
        fg_model_free(&m);
    }
}

static int count_files(const char *dir)
{
    DIR *d = opendir(dir);
    int n = 0;
    assert_non_null(d);
    for (const struct dirent *e; (e = readdir(d));)
        n += e->d_name[0] != '.';
    closedir(d);
    return n;
}

/* The second reading comes from the cache and is the same model; a spoilt
 * entry is made again; a folder that cannot be written does no harm. */
static void cached(void **state)
{
    char dir[128], path[512];
    FgModel *a = read_case("compact.pth"), *b = read_case("compact.pth");
    (void)state;
    assert_string_equal(a->sha256, b->sha256);
    assert_int_equal(a->params.nb, b->params.nb);
    char *const ja = fg_graph_to_json(&a->graph);
    char *const jb = fg_graph_to_json(&b->graph);
    assert_string_equal(ja, jb);
    free(ja);
    free(jb);
    snprintf(dir, sizeof(dir), "%s/ffgan/models", cache);
    const int files = count_files(dir);
    assert_true(files >= 1);
    snprintf(path, sizeof(path), "%s/%s-%d.safetensors", dir, a->sha256,
             FG_IMPORT_VERSION);
    assert_int_equal(truncate(path, 100), 0);
    fg_model_free(&b);
    b = read_case("compact.pth");
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    assert_true(st.st_size > 1000);
    assert_int_equal(count_files(dir), files);
    setenv("XDG_CACHE_HOME", "/proc/nowhere", 1);
    fg_model_free(&b);
    b = read_case("compact.pth");
    setenv("XDG_CACHE_HOME", cache, 1);
    fg_model_free(&a);
    fg_model_free(&b);
}

static unsigned char *load(const char *file, size_t *size)
{
    char path[4096];
    path_of(path, file);
    FILE *const f = fopen(path, "rb");
    assert_non_null(f);
    fseek(f, 0, SEEK_END);
    *size = (size_t)ftell(f);
    rewind(f);
    unsigned char *const p = malloc(*size);
    assert_non_null(p);
    assert_int_equal(fread(p, 1, *size, f), *size);
    fclose(f);
    return p;
}

static int parse(const void *p, size_t size, FgError *err)
{
    FgModel *m = NULL;
    const FgImportFile f = {.data = p, .size = size, .name = "x"};
    const int rc = fg_import_parse(&m, &f, err);
    fg_model_free(&m);
    return rc;
}

/* Every place where one text stands becomes another of the same length. */
static void swap(unsigned char *p, size_t size, const char *from,
                 const char *to)
{
    const size_t n = strlen(from);
    int found = 0;
    assert_int_equal(n, strlen(to));
    for (size_t i = 0; i + n <= size; i++)
        if (!memcmp(p + i, from, n)) {
            memcpy(p + i, to, n);
            found++;
        }
    assert_true(found > 0);
}

static void refused(const char *file, const char *from, const char *to,
                    const char *words)
{
    size_t size;
    FgError err = {{0}};
    unsigned char *const p = load(file, &size);
    if (from)
        swap(p, size, from, to);
    assert_true(parse(p, size, &err) < 0);
    if (!strstr(err.text, words))
        fail_msg("'%s' does not say '%s'", err.text, words);
    free(p);
}

static void errors(void **state)
{
    (void)state;
    refused("compact_st.safetensors", "body.2.", "bodi.2.",
            "looks like SRVGGNetCompact, but 1 of its tensors are missing: "
            "body.2.weight");
    refused("esrgan_x2.safetensors", "rdb2.conv", "rdx2.conv",
            "5 of its tensors are missing: body.0.rdb2.conv1.weight, "
            "body.0.rdb2.conv2.weight, body.0.rdb2.conv3.weight, ...");
    refused("esrgan_x2.safetensors", "body.0.rdb1.conv1", "boby.0.rdb1.conv1",
            "of no family that is known, the first are '");
    refused("compact_st.safetensors", "[6,3,3,3]", "[6,9,3,1]",
            "it takes 9 channels, expected 3 or 1");
    refused("esrgan.pth", "params_ema", "paramz_ema",
            "no dictionary of tensors, but one of 'paramz_ema', 'step'");
    refused("span_nonorm.safetensors", "no_norm", "no_rnom",
            "has 1 tensors that it does not have: no_rnom");
    refused("onnx_esa.onnx", "half_pixel", "asymmetric",
            "with half_pixel coordinates also another value's height");
}

/* ncnn: the text, a 0xff byte, the weights, as the fuzzer's seed has them. */
static void refused_ncnn(const char *from, const char *to, const char *words)
{
    size_t size;
    FgError err = {{0}};
    FgModel *m = NULL;
    unsigned char *const p = load("../../fuzz/import_ncnn/net.ncnn", &size);
    if (from)
        swap(p, size, from, to);
    const unsigned char *const cut = memchr(p, 0xff, size);
    assert_non_null(cut);
    const FgImportFile f = {.data = p,
                            .size = (size_t)(cut - p),
                            .more = cut + 1,
                            .more_size = size - (size_t)(cut - p) - 1,
                            .name = "x"};
    const int rc = fg_import_parse(&m, &f, &err);
    assert_int_equal(rc < 0, words != NULL);
    if (words && !strstr(err.text, words))
        fail_msg("'%s' does not say '%s'", err.text, words);
    fg_model_free(&m);
    free(p);
}

/* One convolution by ncnn's KEYS, its weights all zero. */
static void refused_layer(const char *keys, const char *words)
{
    static const unsigned char zeros[4 + 4 * 135];
    char text[200];
    FgError err = {{0}};
    FgModel *m = NULL;
    const int n = snprintf(text, sizeof(text),
                           "7767517\n2 2\nInput in 0 1 data\nConvolution c 1 1 "
                           "data out 1=3 4=1 %s\n",
                           keys);
    double nb = 0;
    assert_int_equal(sscanf(strstr(keys, "6="), "6=%lf", &nb), 1);
    const FgImportFile f = {.data = text,
                            .size = (size_t)n,
                            .more = zeros,
                            .more_size = 4 + 4 * (size_t)nb,
                            .name = "x"};
    assert_true(fg_import_parse(&m, &f, &err) < 0);
    if (!strstr(err.text, words))
        fail_msg("'%s' does not say '%s'", err.text, words);
}

/* Each reader: a wrong scale, channels, weights that are missing, operators
 * that are unknown. The first three are named, and what was expected. */
static void every_reader(void **state)
{
    (void)state;
    refused("compact.pth", "body.2.", "bodi.2.",
            "looks like SRVGGNetCompact, but 1 of its tensors are missing: "
            "body.2.weight");
    refused("realplksr.pth", "lk.conv", "lx.conv",
            "of no family that is known");
    refused("spanf.pth", "block_2.c", "block_9.c",
            "looks like SPAN-F, but has 24 tensors that it does not have: "
            "block_9.c1_r.eval_conv.weight, block_9.c1_r.eval_conv.bias, "
            "block_9.c2_r.eval_conv.weight, ...");
    refused("onnx_compact.onnx", "PRelu", "QRelu",
            "operators that are not known: 'QRelu'; `ffgan model formats`");
    refused("onnx_compact.onnx", "DepthToSpace", "SpaceToDepth",
            "does not fit");
    refused_ncnn(NULL, NULL, NULL);
    refused_ncnn("PReLU", "QReLU",
                 "layers that are not known: 'QReLU'; `ffgan model formats`");
    refused_ncnn("0=4 1=3", "0=5 1=3", "its weights do not fit its input's");
    refused_ncnn("9=2 -23310=1,2.000000e-01", "9=6 -23310=1,20000200e-01",
                 "attr 'alpha' is 2.00002e+06, allowed -1e+06..1e+06");
    refused_ncnn("q 1 1 z w 0=2", "q 1 1 z w 0=3", "does not fit");
    refused_ncnn("r 1 1 b v 0=1 1=2.0 2=2.0", "r 1 1 b v 0=1 1=2.0 2=3.0",
                 "allowed are factors, not sizes, the same along both axes");
    refused_layer("0=5 6=135", "it makes 5 channels from 3, expected 3 from 3 "
                               "or 1 from 1");
    refused_layer("0=3 3=2 6=81", "expected the same or 2 to 16 times as many "
                                  "along each side");
    refused_layer("0=3 6=108", "its weights do not fit its input's channels");
}

/* A whole .param, without weights: taken, or its error has the words. */
static void param(const char *layers, const char *words)
{
    char text[600];
    static const float numbers[4] = {2, 3, 4, 5};
    FgError err = {{0}};
    FgModel *m = NULL;
    const int n = snprintf(text, sizeof(text), "7767517\n9 9\n%s", layers);
    const FgImportFile f = {.data = text,
                            .size = (size_t)n,
                            .more = numbers,
                            .more_size = strstr(layers, "2=4") ? 16 : 12,
                            .name = "x"};
    assert_int_equal(fg_import_parse(&m, &f, &err) < 0, words != NULL);
    if (words && !strstr(err.text, words))
        fail_msg("'%s' does not say '%s'", err.text, words);
    fg_model_free(&m);
}

#define THREE "Input a 0 1 in1\nInput b 0 1 in2\nInput c 0 1 in0\n"
#define NUMBERS "MemoryData m 0 1 m 0=1 1=1 2=3\n"

/* What RIFE's files have besides: three inputs, numbers, cuts, motion. */
static void frames(void **state)
{
    (void)state;
    param(THREE NUMBERS "BinaryOp d 2 1 m in0 out 0=1\n", NULL);
    param(THREE NUMBERS "BinaryOp d 2 1 in2 m out 0=2\n",
          "its numbers are not one, or one for each channel");
    param(THREE NUMBERS "BinaryOp d 2 1 m in0 out 0=3\n",
          "allowed are add, sub, mul, div, rsub");
    param(THREE NUMBERS "ReLU d 1 1 m out\n",
          "an input that is numbers, not a picture");
    param(THREE "MemoryData m 0 1 m 0=2 1=1 2=3\n",
          "allowed is one number for each channel");
    param(THREE NUMBERS "rife.Warp d 2 1 in0 in1 out\n", "flow is 1x3x");
    param(THREE NUMBERS "Crop d 1 1 in0 out -23309=1,0 -23310=1,1 -23311=1,2\n",
          "allowed is a cut of the channels");
    param(THREE NUMBERS "Crop d 1 1 in0 out -23309=1,3 -23310=1,9 -23311=1,0\n",
          "it leaves none of its input's channels");
    param(THREE NUMBERS "UnaryOp d 1 1 in0 out 0=7\n",
          "allowed are neg, square, tanh");
    param("Input a 0 1 in0\nInput b 0 1 in1\nReLU d 1 1 in0 out\n",
          "it has 2 inputs, expected 1 (a picture) or 3 (two frames");
    param(THREE "MemoryData m 0 1 m 0=1 1=1 2=4\nReLU d 1 1 in2 out\n",
          "gives 1 channels, its place and task need 3");
}

/* Inputs by their names, not by the order of their lines; numbers on either
 * side of every operation; a convolution that takes factors into itself. */
static void frame_values(void **state)
{
    static const char *const ops[] = {
        "BinaryOp d 2 1 m in0 o 0=0\n", "BinaryOp d 2 1 m in0 o 0=1\n",
        "BinaryOp d 2 1 in0 m o 0=1\n", "BinaryOp d 2 1 in0 m o 0=2\n",
        "BinaryOp d 2 1 in0 m o 0=3\n", "BinaryOp d 2 1 m in0 o 0=7\n",
        "BinaryOp d 2 1 in0 m o 0=7\n"};
    (void)state;
    for (int k = 0; k < 7; k++) {
        char text[600];
        const float numbers[3] = {2, 3, 4};
        FgError err = {{0}};
        FgModel *m = NULL;
        FgPlan *p = NULL;
        FgTensor a, b;
        const int n = snprintf(text, sizeof(text), "7767517\n9 9\n%s%s%s%s",
                               THREE, NUMBERS, ops[k],
                               "UnaryOp u 1 1 in1 v 0=1\n"
                               "BinaryOp e 2 1 v in2 w 0=2\n"
                               "BinaryOp f 2 1 o w out 0=0\n");
        const FgImportFile f = {text, numbers, (size_t)n, 12, "x"};
        if (fg_import_parse(&m, &f, &err) < 0)
            fail_msg("%s", err.text);
        assert_int_equal(fg_tensor_alloc(&a, (FgShape){1, 7, 1, 1}, FG_F32), 0);
        assert_int_equal(fg_tensor_alloc(&b, (FgShape){1, 3, 1, 1}, FG_F32), 0);
        for (int c = 0; c < 7; c++)
            fg_f32(&a, 0, 0, 0)[c] = 0.5f + 0.25f * (float)c;
        const FgPlanOptions o = {
            .max_w = 1, .max_h = 1, .precision = FG_PREC_FP32};
        assert_int_equal(fg_plan_create(&p, m, &o, &err), 0);
        assert_int_equal(fg_plan_run(p, &a, &b), 0);
        for (int c = 0; c < 3; c++) {
            const float x = fg_f32(&a, 0, 0, 0)[c], q = numbers[c];
            const float y = fg_f32(&a, 0, 0, 0)[c + 3];
            const float r[] = {q + x, q - x, x - q, x * q, x / q, x - q, q - x};
            assert_float_equal(fg_f32(&b, 0, 0, 0)[c], r[k] - y * 2.0f, 1e-6);
        }
        fg_plan_free(&p);
        fg_model_free(&m);
        fg_tensor_free(&a);
        fg_tensor_free(&b);
    }
}

/* A global that would run something, an opcode that would, and a file cut
 * anywhere: refused, with a reason, without harm. */
static void hostile(void **state)
{
    size_t size;
    FgError err = {{0}};
    (void)state;
    refused("compact.pth", "_rebuild_tensor_v2", "_rebuild_tensor_v7",
            "data.pkl names 'torch._utils._rebuild_tensor_v7'");
    refused("compact_x1.pth", "_rebuild_tensor_v2", "os.system_________",
            "nothing is executed");
    refused("compact.pth", "FloatStorage", "EvilsStorage", "EvilsStorage");
    unsigned char *const p = load("compact_x1.pth", &size);
    for (size_t n = 0; n < size; n += 7)
        assert_true(parse(p, n, &err) < 0);
    free(p);
    assert_int_equal(parse("\x80\x02\x8a\nl\xfc\x9c\x46\xf9 j\xa8P", 14, &err),
                     -ENOTSUP);
    assert_non_null(strstr(err.text, "torch.save(torch.load("));
}

/* A TorchScript file has compressed entries, and is named for what it is. */
static void torchscript(void **state)
{
    size_t size;
    FgError err = {{0}};
    (void)state;
    unsigned char *const p = load("compact_x1.pth", &size);
    swap(p, size, "/.format_version", "/constants.pkl.n");
    unsigned char *const entry = memmem(p, size, "PK\1\2", 4);
    assert_non_null(entry);
    entry[10] = 8;
    assert_int_equal(parse(p, size, &err), -ENOTSUP);
    assert_non_null(strstr(err.text, "a TorchScript program"));
    free(p);
}

/* Single bytes of the directory and the pickle changed: whatever comes, the
 * sanitizers watch. */
static void mutated(void **state)
{
    size_t size;
    FgError err;
    (void)state;
    unsigned char *const p = load("compact_x1.pth", &size);
    for (size_t i = 0; i < size; i += getenv("LESS") ? 13 : 3) {
        const unsigned char had = p[i];
        p[i] ^= 1 << i % 8;
        parse(p, size, &err);
        p[i] = 0xff;
        parse(p, size, &err);
        p[i] = had;
    }
    assert_int_equal(parse(p, size, &err), 0);
    free(p);
}

/* One Conv of x [1,3,8,8], its weights 16-bit floats listed one by one, as
 * onnx.helper writes them. */
static const char tiny_onnx[] =
    "\010\010:b\012\035\012\001x\012\001w\022\001y\042\004Conv*"
    "\014\012\005group\030\003\240\001\002\022\001g*\026\010\003"
    "\010\001\010\001\010\001\020\012*\007\200x\200p\200\200\001B"
    "\001wZ\033\012\001x\022\026\012\024\010\001\022\020\012\002"
    "\010\001\012\002\010\003\012\002\010\010\012\002\010\010b"
    "\011\012\001y\022\004\012\002\010\001B\004\012\000\020\021";

/* The file as it is; with sizes that are open, of other channels, or of
 * channels at the end that no Transpose brings to the front. */
static void onnx_inputs(void **state)
{
    static const struct {
        char dim[4];
        const char *words;
    } tries[] = {{{3, 8, 8}, NULL},
                 {{4, 8, 8}, "its input's sizes are 1, 4, 8, 8 (0 = open)"},
                 {{0, 8, 8}, "expected N, C, H, W or N, H, W, C, and C"},
                 {{8, 8, 3}, "a picture as N, H, W, C, expected N, C, H, W"}};
    const size_t size = sizeof(tiny_onnx) - 1;
    static const char shape[] = "\012\002\010\001\012\002\010\003";
    (void)state;
    for (size_t i = 0; i < sizeof(tries) / sizeof(*tries); i++) {
        unsigned char p[sizeof(tiny_onnx)];
        FgModel *m = NULL;
        FgError err = {{0}};
        memcpy(p, tiny_onnx, sizeof(p));
        unsigned char *const at = memmem(p, size, shape, 8);
        assert_non_null(at);
        for (int k = 0; k < 3; k++)
            at[7 + 4 * k] = (unsigned char)tries[i].dim[k];
        const FgImportFile f = {.data = p, .size = size, .name = "x"};
        assert_int_equal(fg_import_parse(&m, &f, &err) < 0,
                         tries[i].words != NULL);
        if (tries[i].words && !strstr(err.text, tries[i].words))
            fail_msg("'%s' does not say '%s'", err.text, tries[i].words);
        if (m) {
            const float *const w = m->params.p[0].data;
            assert_true(w[0] == 1 && w[1] == 0.5f && w[2] == 2);
        }
        fg_model_free(&m);
    }
}

static int setup(void **state)
{
    (void)state;
    strcpy(cache, "/tmp/ffgan-import-XXXXXX");
    if (!mkdtemp(cache))
        return -1;
    return setenv("XDG_CACHE_HOME", cache, 1);
}

static int teardown(void **state)
{
    char command[128];
    (void)state;
    snprintf(command, sizeof(command), "rm -rf %s", cache);
    return system(command);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(outputs),     cmocka_unit_test(cached),
        cmocka_unit_test(errors),      cmocka_unit_test(every_reader),
        cmocka_unit_test(frames),      cmocka_unit_test(frame_values),
        cmocka_unit_test(torchscript), cmocka_unit_test(hostile),
        cmocka_unit_test(mutated),     cmocka_unit_test(onnx_inputs),
    };
    return cmocka_run_group_tests_name("kernels/import", tests, setup,
                                       teardown);
}
