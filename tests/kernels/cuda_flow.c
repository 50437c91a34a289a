/* Motion in a GPU's memory is the CPU's to the bit: levels, search, landing,
 * shares, statistics. The kernels' sources run on the CPU between guard bytes;
 * no GPU is touched here. SPDX-License-Identifier: LGPL-2.1-or-later */
#include "net.h"

#include <errno.h>

#include "cuda.h"
#include "kernels/cuda_flow.h"

typedef struct Pair {
    int w, h;
    FgFlow *cpu;
    FgCudaWork work;
    FgCudaFlow gpu;
    uint64_t frame;
    FgKFrame k;
    uint8_t *codes;
    float *values;
} Pair;

/* Frame n: a textured ground that moves, a block that moves otherwise. */
static void paint(Pair *p, int n)
{
    for (int y = 0; y < p->h; y++)
        for (int x = 0; x < p->w; x++) {
            const int in = x > p->w / 3 && x < p->w / 2 && y > p->h / 3;
            const float u = (float)x - (float)n * (in ? 9.f : 3.3f);
            const float v = (float)y + (float)n * 2.1f;
            const float l = 0.5f + 0.2f * sinf(0.31f * u + 0.0021f * u * v) +
                            0.15f * cosf(0.23f * v - 0.17f * u) +
                            0.1f * sinf(0.011f * u * u + 0.2f * v);
            p->codes[y * p->w + x] = (uint8_t)(l * 255);
        }
    for (int i = 0; i < p->w * p->h; i++)
        p->values[i] = ((float)p->codes[i] - p->k.offset[0]) * p->k.to_value[0];
}

static void push(Pair *p, int n)
{
    FgError err = {{0}};
    paint(p, n);
    fg_flow_push(p->cpu, p->values, p->w);
    assert_int_equal(p->work.api->upload(p->work.dev, NULL, p->frame, p->codes,
                                         (size_t)p->w * (size_t)p->h, &err),
                     0);
    assert_int_equal(fg_cuda_flow_push(&p->gpu, &p->k, &err), 0);
}

static void open_pair(Pair *p, int w, int h)
{
    const FgCudaPlace at = {0};
    const size_t n = (size_t)w * (size_t)h;
    FgError err = {{0}};
    memset(p, 0, sizeof(*p));
    p->w = w;
    p->h = h;
    p->codes = malloc(n);
    p->values = malloc(n * sizeof(float));
    assert_int_equal(fg_flow_create(&p->cpu, w, h, NULL, &err), 0);
    if (fg_cuda_work_open(&p->work, &at, &err) < 0 ||
        fg_cuda_flow_init(&p->gpu, &p->work, w, h, &err) < 0 ||
        fg_cuda_work_alloc(&p->work, n, &p->frame, &err) < 0)
        fail_msg("%s", err.text);
    p->k = (FgKFrame){
        .w = w, .h = h, .bytes = 1, .to_value = {1 / 219.f}, .offset = {16}};
    p->k.comp[0] = (FgKPlane){p->frame, w, 1, 0};
}

static void close_pair(Pair *p)
{
    fg_flow_free(&p->cpu);
    fg_cuda_work_close(&p->work);
    free(p->codes);
    free(p->values);
}

/* Device memory is host memory on this plug-in; on others it comes down. */
static void same(Pair *p, const char *what, const void *cpu, const void *gpu,
                 size_t bytes)
{
    FgError err = {{0}};
    char *const got = malloc(bytes);
    assert_int_equal(p->work.api->download(p->work.dev, NULL, got,
                                           (uint64_t)(uintptr_t)gpu, bytes,
                                           &err),
                     0);
    assert_int_equal(p->work.api->sync(p->work.dev, NULL, &err), 0);
    if (memcmp(got, cpu, bytes) != 0)
        fail_msg("%dx%d: %s differs", p->w, p->h, what);
    free(got);
}

static void same_maps(Pair *p)
{
    const FgFlowMaps *a = &p->cpu->m, *b = &p->gpu.maps;
    const size_t n = (size_t)a->w * (size_t)a->h;
    assert_int_equal(b->w, a->w);
    assert_int_equal(b->h, a->h);
    for (int k = 0; k < 2; k++) {
        same(p, "u", a->du[k], b->du[k], n * sizeof(float));
        same(p, "v", a->dv[k], b->dv[k], n * sizeof(float));
        same(p, "misfit", a->misfit[k], b->misfit[k], n * sizeof(float));
        same(p, "landed", a->landed[k], b->landed[k], n * sizeof(uint64_t));
    }
    same(p, "plain", a->plain, b->plain, n * sizeof(float));
    same(p, "the time's u", a->u, b->u, n * sizeof(float));
    same(p, "the time's v", a->v, b->v, n * sizeof(float));
    same(p, "share", a->share, b->share, n * sizeof(float));
}

static void one(int w, int h, float t)
{
    Pair p;
    FgError err = {{0}};
    FgFlowStats a, b;
    open_pair(&p, w, h);
    for (int n = 0; n < 3; n++) {
        push(&p, n);
        if (!n)
            continue;
        fg_flow_find(p.cpu);
        fg_flow_at(p.cpu, t);
        assert_int_equal(fg_cuda_flow_find(&p.gpu, &err), 0);
        assert_int_equal(fg_cuda_flow_at(&p.gpu, t, &err), 0);
        same_maps(&p);
        fg_flow_stats(p.cpu, &a);
        assert_int_equal(fg_cuda_flow_stats(&p.gpu, &b, &err), 0);
        assert_memory_equal(&a, &b, sizeof(a));
        assert_true(a.moved > 0 && a.moved < a.plain);
    }
    close_pair(&p);
}

static void same_motion(void **state)
{
    (void)state;
    one(131, 93, 0.5f);
    one(67, 40, 0.3f);
    one(16, 17, 0.75f);
    one(40, 660, 0.5f); /* searched at half the size */
}

static void sizes_are_refused(void **state)
{
    const FgCudaPlace at = {0};
    FgCudaWork w;
    FgCudaFlow f;
    FgError err = {{0}};
    (void)state;
    assert_int_equal(fg_cuda_work_open(&w, &at, &err), 0);
    assert_int_equal(fg_cuda_flow_init(&f, &w, 15, 100, &err), -EINVAL);
    assert_non_null(strstr(err.text, "15x100, allowed 16x16 to"));
    fg_cuda_work_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(same_motion),
        cmocka_unit_test(sizes_are_refused),
    };
    return cmocka_run_group_tests(tests, use_emulated, NULL);
}
