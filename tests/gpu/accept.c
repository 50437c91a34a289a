/* What tests/gpu/run asks of the plug-in, on a GPU or a stand-in.
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 *   accept device              "90 NAME": compute capability; needs no plug-in
 *   accept cudnn               what cuDNN says of the GPU (JSON), or why not
 *   accept frames FILE         frames of every kind through small networks
 *   accept compare A B         two such files: JSON, exit 1 if they differ
 *   accept parity MODEL W H T  a picture on the CPU (fp32) and the GPU (auto);
 *                              T: allowed difference, of the largest value
 *   accept fp8 MODEL W H       a picture in fp8 by a card made here: JSON, exit
 *                              1 if it is further from fp32 than that says
 *   accept speed MODEL W H S [fp8]  NV12 frames in GPU memory for S seconds:
 *                              JSON */
#include <dlfcn.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "kernels/calibrate.h"
#include "kernels/cuda_plan.h"
#include "kernels/graph.h"
#include "kernels/model.h"
#include "kernels/op.h"
#include "kernels/plan_priv.h"

enum { SETS = 4 }; /* frames in turn, so that caches keep none */

static int die(const char *what, const FgError *err)
{
    fprintf(stderr, "accept: %s: %s\n", what, err ? err->text : "failed");
    exit(1);
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static uint32_t noise(uint32_t i, uint32_t stream)
{
    const uint32_t counter[4] = {i, stream, 0, 0}, key[2] = {20240607, 1};
    uint32_t r[4];
    fg_philox(counter, key, r);
    return r[0];
}

/* ---- the device ---- */

static int device(void)
{
    int (*init)(unsigned), (*get)(int *, int), (*attribute)(int *, int, int),
        (*name)(char *, int, int);
    void *const so = dlopen("libcuda.so.1", RTLD_NOW);
    void *f[4];
    static const char *const names[] = {
        "cuInit", "cuDeviceGet", "cuDeviceGetAttribute", "cuDeviceGetName"};
    char text[128] = "";
    int d, major, minor;
    for (int i = 0; i < 4; i++)
        f[i] = so ? dlsym(so, names[i]) : NULL;
    memcpy(&init, &f[0], sizeof(init));
    memcpy(&get, &f[1], sizeof(get));
    memcpy(&attribute, &f[2], sizeof(attribute));
    memcpy(&name, &f[3], sizeof(name));
    if (!init || !get || !attribute || !name || init(0) || get(&d, 0) ||
        attribute(&major, 75, d) || attribute(&minor, 76, d) ||
        name(text, sizeof(text), d)) {
        fprintf(stderr, "accept: no GPU, or no driver\n");
        return 1;
    }
    printf("%d%d %s\n", major, minor, text);
    return 0;
}

/* ---- models ---- */

static FgModel *read_model(const char *path)
{
    FgModel *m = NULL;
    FgError err = {{0}};
    if (fg_model_read(&m, path, &err) < 0)
        die(path, &err);
    return m;
}

static FgModel *small_model(int channels)
{
    const FgBuild b = {"compact", channels, 2, 16, 2, "relu", "bicubic", 0};
    FgModel *m = fg_model_alloc();
    FgError err = {{0}};
    if (!m || fg_graph_build(&m->graph, &b, &err) < 0 ||
        fg_graph_params(&m->graph, &m->params, &err) < 0)
        die("a small network", &err);
    fg_graph_init_params(&m->graph, &m->params, 1);
    m->scale = b.scale;
    m->luma = channels == 1;
    return m;
}

static FgPlan *plan_of(const FgModel *m, const char *dev, int precision, int w,
                       int h)
{
    const FgPlanOptions o = {.device = dev,
                             .precision = (FgPrecision)precision,
                             .max_w = w,
                             .max_h = h};
    FgError err = {{0}};
    FgPlan *p;
    if (fg_plan_create(&p, m, &o, &err) < 0)
        die("a plan", &err);
    return p;
}

/* ---- frames in GPU memory ---- */

typedef struct Kind {
    const char *name;
    FgCudaFrame f; /* all but sizes and places */
} Kind;

static const Kind kinds[] = {
    {"nv12", {FG_CUDA_NV, 0, 0, 1, 1, 8, 0, {0}, {0}, {0}, 0}},
    {"p010", {FG_CUDA_NV, 0, 0, 1, 1, 10, 6, {0}, {0}, {0}, 0}},
    {"yuv420p", {FG_CUDA_YUV, 0, 0, 1, 1, 8, 0, {0}, {0}, {0}, 0}},
    {"yuv444p16", {FG_CUDA_YUV, 0, 0, 0, 0, 16, 0, {0}, {0}, {0}, 0}},
    {"rgb0", {FG_CUDA_RGB, 0, 0, 0, 0, 8, 0, {0, 1, 2, 3}, {0}, {0}, 0}},
    {"bgr0", {FG_CUDA_RGB, 0, 0, 0, 0, 8, 0, {2, 1, 0, 3}, {0}, {0}, 0}},
    {"yuva420p", {FG_CUDA_YUV, 0, 0, 1, 1, 8, 0, {0}, {0}, {0}, 1}},
    {"rgba", {FG_CUDA_RGB, 0, 0, 0, 0, 8, 0, {0, 1, 2, 3}, {0}, {0}, 1}},
};
enum { NB_KINDS = sizeof(kinds) / sizeof(*kinds) };

static int planes_of(const FgCudaFrame *f)
{
    return f->layout == FG_CUDA_RGB  ? 1
           : f->layout == FG_CUDA_NV ? 2
                                     : 3 + f->alpha;
}

static int is_chroma(int plane)
{
    return plane == 1 || plane == 2;
}

/* Samples of a plane's row. */
static int samples_of(const FgCudaFrame *f, int plane)
{
    const int cw = is_chroma(plane) ? -((-f->w) >> f->log2w) : f->w;
    return f->layout == FG_CUDA_RGB           ? 4 * f->w
           : f->layout == FG_CUDA_NV && plane ? 2 * cw
                                              : cw;
}

static size_t rows_of(const FgCudaFrame *f, int plane)
{
    return (size_t)(is_chroma(plane) ? -((-f->h) >> f->log2h) : f->h);
}

/* Pitches end in some bytes that are no samples. */
static FgCudaFrame frame_alloc(FgPlan *p, const Kind *k, int w, int h)
{
    FgCudaFrame f = k->f;
    const size_t sample = f.depth > 8 ? 2 : 1;
    FgError err = {{0}};
    f.w = w;
    f.h = h;
    for (int i = 0; i < planes_of(&f); i++) {
        f.pitch[i] = ((size_t)samples_of(&f, i) * sample + 255) / 256 * 256;
        if (p->cuda->api->alloc(p->cuda->dev, f.pitch[i] * rows_of(&f, i),
                                &f.plane[i], &err) < 0)
            die("a frame", &err);
    }
    return f;
}

static void frame_free(FgPlan *p, FgCudaFrame *f)
{
    for (int i = 0; i < planes_of(f); i++)
        p->cuda->api->release(p->cuda->dev, f->plane[i]);
}

static void *host(size_t n)
{
    void *const p = calloc(1, n ? n : 1);
    if (!p)
        die("memory", NULL);
    return p;
}

/* Codes of a legal range, their unused bits 0. */
static void frame_fill(FgPlan *p, const FgCudaFrame *f, uint32_t stream)
{
    FgError err = {{0}};
    for (int i = 0; i < planes_of(f); i++) {
        const size_t n = f->pitch[i] * rows_of(f, i);
        uint8_t *const b = host(n);
        for (size_t k = 0; k < n / (f->depth > 8 ? 2 : 1); k++) {
            const uint32_t v = noise((uint32_t)k, 8 * stream + (uint32_t)i);
            if (f->depth > 8)
                ((uint16_t *)(void *)b)[k] = (uint16_t)((v >> (32 - f->depth))
                                                        << f->shift);
            else
                b[k] = (uint8_t)(v >> 24);
        }
        if (p->cuda->api->upload(p->cuda->dev, NULL, f->plane[i], b, n, &err) <
                0 ||
            p->cuda->api->sync(p->cuda->dev, NULL, &err) < 0)
            die("a frame up", &err);
        free(b);
    }
}

static const FgCudaColour bt709 = {.kr = 0.2126F,
                                   .kb = 0.0722F,
                                   .limited = 1,
                                   .chroma_x = 0,
                                   .chroma_y = 0.5F,
                                   .blend = 0.25F};

/* ---- frames of every kind ---- */

typedef struct Record {
    char name[64];
    uint32_t bytes, levels, n; /* of a sample; allowed; of all samples */
} Record;

/* Levels: one of 8 bits for the same sums in another order and rounding of
 * conversions; fp16 keeps 11 bits of each value, 4 networks deep. */
static void frame_record(FILE *out, FgPlan *p, const FgCudaFrame *f,
                         const char *name, int precision)
{
    FgError err = {{0}};
    const int scale = f->depth > 8 ? 64 << (16 - f->depth - f->shift) : 1;
    for (int i = 0; i < planes_of(f); i++) {
        Record r = {{0}, f->depth > 8 ? 2 : 1, 0, 0};
        const uint32_t row = (uint32_t)samples_of(f, i) * r.bytes;
        const size_t n = f->pitch[i] * rows_of(f, i);
        uint8_t *const b = host(n);
        snprintf(r.name, sizeof(r.name), "%.40s plane %d", name, i);
        r.levels = (uint32_t)(precision == FG_PREC_FP32 ? scale : 4 * scale);
        r.n = row * (uint32_t)rows_of(f, i);
        if (p->cuda->api->download(p->cuda->dev, NULL, b, f->plane[i], n,
                                   &err) < 0 ||
            p->cuda->api->sync(p->cuda->dev, NULL, &err) < 0)
            die("a frame down", &err);
        if (fwrite(&r, sizeof(r), 1, out) != 1)
            die("writing", NULL);
        for (size_t y = 0; y < rows_of(f, i); y++)
            if (fwrite(b + y * f->pitch[i], 1, row, out) != row)
                die("writing", NULL);
        free(b);
    }
}

static void one_kind(FILE *out, const Kind *k, int channels, int precision)
{
    const int w = 63 + (k->f.log2w == 1), h = 37 + (k->f.log2h == 1);
    FgModel *m = small_model(channels);
    FgPlan *p = plan_of(m, "cuda", precision, w, h);
    FgCudaFrame in = frame_alloc(p, k, w, h);
    FgCudaFrame to = frame_alloc(p, k, w * m->scale, h * m->scale);
    FgError err = {{0}};
    char name[48];
    snprintf(name, sizeof(name), "%s %s %s", k->name,
             channels == 1 ? "luma" : "rgb",
             precision == FG_PREC_FP32 ? "fp32" : "fp16");
    for (uint32_t i = 0; i < 3; i++) { /* the third is a replay */
        frame_fill(p, &in, i);
        if (fg_cuda_frame_run(p, NULL, &in, &to, &bt709, &err) < 0)
            die(name, &err);
    }
    frame_record(out, p, &to, name, precision);
    if (fg_cuda_frame_bad(p, &err) != 0)
        die(name, &err);
    frame_free(p, &in);
    frame_free(p, &to);
    fg_plan_free(&p);
    fg_model_free(&m);
}

static int frames(const char *path)
{
    FILE *out = fopen(path, "wb");
    if (!out)
        die(path, NULL);
    for (int i = 0; i < NB_KINDS; i++)
        for (int c = 1; c <= 3; c += 2) {
            one_kind(out, &kinds[i], c, FG_PREC_FP32);
            one_kind(out, &kinds[i], c, FG_PREC_AUTO);
        }
    return fclose(out) != 0;
}

static int compare(const char *a, const char *b)
{
    FILE *fa = fopen(a, "rb"), *fb = fopen(b, "rb");
    Record ra, rb;
    int nb = 0, bad = 0, worst = 0;
    if (!fa || !fb)
        die("a file of frames", NULL);
    while (fread(&ra, sizeof(ra), 1, fa) == 1) {
        uint8_t *const x = host(ra.n), *const y = host(ra.n);
        int most = 0;
        if (fread(&rb, sizeof(rb), 1, fb) != 1 ||
            memcmp(&ra, &rb, sizeof(ra)) != 0 ||
            fread(x, 1, ra.n, fa) != ra.n || fread(y, 1, ra.n, fb) != ra.n)
            die("files of other frames", NULL);
        for (uint32_t i = 0; i < ra.n; i += ra.bytes) {
            const int u = ra.bytes > 1 ? x[i] | x[i + 1] << 8 : x[i];
            const int v = ra.bytes > 1 ? y[i] | y[i + 1] << 8 : y[i];
            most = abs(u - v) > most ? abs(u - v) : most;
        }
        if (most > (int)ra.levels) {
            fprintf(stderr, "accept: %s differs by %d codes, %u are allowed\n",
                    ra.name, most, ra.levels);
            bad++;
        }
        worst = ra.bytes == 1 && most > worst ? most : worst;
        nb++;
        free(x);
        free(y);
    }
    fclose(fa);
    fclose(fb);
    printf("{\"planes\": %d, \"bad\": %d, \"worst_8bit\": %d}\n", nb, bad,
           worst);
    return bad || !nb;
}

/* ---- networks ---- */

static FgTensor tensor(int c, int h, int w)
{
    FgTensor t;
    if (fg_tensor_alloc(&t, (FgShape){1, c, h, w}, FG_F32) < 0)
        die("memory", NULL);
    return t;
}

/* What the CPU makes of a picture in fp32 and the GPU at the third time, when
 * it is a replay. */
typedef struct Pair {
    FgTensor cpu, gpu;
    char precision[16]; /* of the GPU's */
} Pair;

static void run_on(FgPlan *p, const FgTensor *in, FgTensor *out, int times)
{
    for (int k = 0; k < times; k++)
        if (fg_plan_run(p, in, out) < 0)
            die("a picture", NULL);
}

static Pair run_both(const FgModel *m, FgPrecision precision, int w, int h)
{
    FgPlan *p = plan_of(m, "cpu", FG_PREC_FP32, w, h);
    FgPlanInfo i;
    Pair r;
    fg_plan_info(p, &i);
    FgTensor in = tensor(i.channels_in, h, w);
    r.cpu = tensor(i.channels_out, h * i.scale_num, w * i.scale_num);
    r.gpu = tensor(i.channels_out, h * i.scale_num, w * i.scale_num);
    for (int k = 0; k < i.channels_in * w * h; k++)
        ((float *)in.data)[k] = (float)noise((uint32_t)k, 9) * 0x1p-32F;
    run_on(p, &in, &r.cpu, 1);
    fg_plan_free(&p);
    p = plan_of(m, "cuda", (int)precision, w, h);
    run_on(p, &in, &r.gpu, 3);
    fg_plan_info(p, &i);
    snprintf(r.precision, sizeof(r.precision), "%s", i.precision);
    fg_plan_free(&p);
    fg_tensor_free(&in);
    return r;
}

static void free_both(Pair *r)
{
    fg_tensor_free(&r->cpu);
    fg_tensor_free(&r->gpu);
}

static int parity(const char *path, int w, int h, double allowed)
{
    FgModel *m = read_model(path);
    Pair r = run_both(m, FG_PREC_AUTO, w, h);
    double top = 0, most = 0;
    for (int y = 0; y < r.cpu.shape.h; y++)
        for (int x = 0; x < r.cpu.shape.w; x++)
            for (int c = 0; c < r.cpu.shape.c; c++) {
                const double u = (double)fg_f32(&r.cpu, 0, y, x)[c];
                const double d = fabs(u - (double)fg_f32(&r.gpu, 0, y, x)[c]);
                top = fabs(u) > top ? fabs(u) : top;
                most = d <= most ? most : d; /* NaN, too */
            }
    const int good = top > 0 && most <= allowed * top;
    printf("{\"precision\": \"%s\", \"largest\": %.4g, \"differs\": %.3g, "
           "\"allowed\": %.3g, \"ok\": %s}\n",
           r.precision, top, most, allowed * top, good ? "true" : "false");
    free_both(&r);
    fg_model_free(&m);
    return !good;
}

/* As many convolutions as can be. */
static FgCalibrated make_card(FgModel *m)
{
    const FgShape s = {1, m->luma ? 1 : 3, 48, 64};
    FgTensor in = tensor(s.c, s.h, s.w);
    FgCalibrated c;
    FgError err = {{0}};
    for (int k = 0; k < s.c * s.h * s.w; k++)
        ((float *)in.data)[k] = (float)noise((uint32_t)k, 10) * 0x1p-32F;
    if (fg_calibrate(m, &in, 1, -60, 1, NULL, &c, &err) < 0)
        die("a card", &err);
    fg_tensor_free(&in);
    return c;
}

static double psnr(const FgTensor *a, const FgTensor *b)
{
    const size_t n = (size_t)a->image;
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        const double d = (double)((float *)a->data)[i] -
                         (double)((float *)b->data)[i];
        sum += d * d;
    }
    return -10 * log10(sum / (double)n);
}

/* Other sums lead to other codes: the error's size is compared, not values. */
static int fp8(const char *path, int w, int h)
{
    FgModel *m = read_model(path);
    const FgCalibrated c = make_card(m);
    Pair r = run_both(m, FG_PREC_FP8, w, h);
    const double db = psnr(&r.cpu, &r.gpu);
    const int good = db >= c.psnr - 2;
    printf("{\"convolutions\": %d, \"card_db\": %.2f, \"db\": %.2f, "
           "\"ok\": %s}\n",
           c.layers, c.psnr, db, good ? "true" : "false");
    free_both(&r);
    fg_model_free(&m);
    return !good;
}

typedef struct Job {
    FgPlan *p;
    FgCudaFrame in[SETS], out[SETS];
    int w, h;
    double seconds;
} Job;

static void wait_for(const Job *j)
{
    FgError err = {{0}};
    if (j->p->cuda->api->sync(j->p->cuda->dev, NULL, &err) < 0)
        die("waiting", &err);
}

/* Whole frames, or the network's steps alone; seconds of one. */
static double measure(const Job *j, int whole)
{
    FgError err = {{0}};
    FgTile t;
    int nb = 0, batch = 1;
    double start = now(), took = 0;
    while (took < j->seconds) {
        for (int i = 0; i < batch; i++, nb++) {
            int rc = whole ? fg_cuda_frame_run(j->p, NULL, &j->in[nb % SETS],
                                               &j->out[nb % SETS], &bt709, &err)
                           : fg_cuda_tile(j->p, j->w, j->h, 0, &t, &err);
            if (rc >= 0 && !whole)
                rc = fg_cuda_run_steps(j->p, NULL, &t, 1, &err);
            if (rc < 0)
                die("a frame", &err);
        }
        wait_for(j);
        took = now() - start;
        batch = took < 0.1 * j->seconds && batch < 64 ? 2 * batch : batch;
    }
    return took / nb;
}

/* What the kernels before and after the network move at least: the frames, the
 * network's input and its last value. */
static double edge_bytes(const Job *j)
{
    FgKernelArgs a = {0};
    const FgKView in = fg_cuda_view(j->p, 0);
    double n = 0;
    fg_cuda_tail(j->p, &a);
    const FgKView *const v[] = {&in, &a.in[0]};
    for (int i = 0; i < planes_of(&j->in[0]); i++)
        n += (double)(j->in[0].pitch[i] * rows_of(&j->in[0], i) +
                      j->out[0].pitch[i] * rows_of(&j->out[0], i));
    for (int i = 0; i < 2; i++)
        if (v[i]->at)
            n += (double)v[i]->h * v[i]->w * v[i]->pitch *
                 (v[i]->element == FG_ELEMENT_F32 ? 4 : 2);
    return n;
}

static int speed(const char *path, int w, int h, double seconds, int in8)
{
    FgModel *m = read_model(path);
    if (in8)
        make_card(m);
    const double start = now();
    Job j = {.p = plan_of(m, "cuda", in8 ? FG_PREC_FP8 : FG_PREC_AUTO, w, h),
             .w = w,
             .h = h,
             .seconds = seconds};
    FgPlanInfo i;
    FgTile t;
    FgError err = {{0}};
    fg_plan_info(j.p, &i);
    for (int k = 0; k < SETS; k++) {
        j.in[k] = frame_alloc(j.p, &kinds[0], w, h);
        j.out[k] = frame_alloc(j.p, &kinds[0], w * i.scale_num,
                               h * i.scale_num);
        frame_fill(j.p, &j.in[k], (uint32_t)k);
    }
    const int tiles = fg_plan_tile(j.p, w, h, 0x7fffffff, &t);
    for (int k = 0; k < 5; k++)
        if (fg_cuda_frame_run(j.p, NULL, &j.in[k % SETS], &j.out[k % SETS],
                              &bt709, &err) < 0)
            die("a frame", &err);
    wait_for(&j);
    const double ready = now() - start;
    const double frame = measure(&j, 1);
    const double net = tiles == 1 ? measure(&j, 0) : 0;
    printf("{\"precision\": \"%s\", \"tiles\": %d, \"memory_mib\": %zu, "
           "\"ready_s\": %.2f, \"fps\": %.2f, \"frame_ms\": %.4f, "
           "\"network_ms\": %.4f, \"gflop\": %.3f, \"edge_mb\": %.3f}\n",
           i.precision, tiles, i.bytes >> 20, ready, 1 / frame, frame * 1e3,
           net * 1e3, 2e-9 * i.macs_per_pixel * w * h, edge_bytes(&j) * 1e-6);
    for (int k = 0; k < SETS; k++) {
        frame_free(j.p, &j.in[k]);
        frame_free(j.p, &j.out[k]);
    }
    fg_plan_free(&j.p);
    fg_model_free(&m);
    return 0;
}

static int cudnn(void)
{
    static char text[8192];
    int rc;
    FgError err = {{0}};
    FgCudaDev *dev;
    const FgCudaApi *const api = fg_cuda_load(&rc, &err);
    if (!api || api->open(&dev, 0, NULL, &err) < 0)
        return die("cuDNN", &err);
    rc = api->dnn_describe(dev, text, sizeof(text), &err);
    puts(rc < 0 ? err.text : text);
    api->close(&dev);
    return 0;
}

int main(int argc, char **argv)
{
    const char *const what = argc > 1 ? argv[1] : "";
    if (!strcmp(what, "device") && argc == 2)
        return device();
    if (!strcmp(what, "cudnn") && argc == 2)
        return cudnn();
    if (!strcmp(what, "frames") && argc == 3)
        return frames(argv[2]);
    if (!strcmp(what, "compare") && argc == 4)
        return compare(argv[2], argv[3]);
    if (!strcmp(what, "parity") && argc == 6)
        return parity(argv[2], atoi(argv[3]), atoi(argv[4]), atof(argv[5]));
    if (!strcmp(what, "fp8") && argc == 5)
        return fp8(argv[2], atoi(argv[3]), atoi(argv[4]));
    if (!strcmp(what, "speed") &&
        (argc == 6 || (argc == 7 && !strcmp(argv[6], "fp8"))))
        return speed(argv[2], atoi(argv[3]), atoi(argv[4]), atof(argv[5]),
                     argc == 7);
    fprintf(stderr, "usage: accept device|cudnn|frames|compare|parity|fp8|"
                    "speed ...\n");
    return 2;
}
