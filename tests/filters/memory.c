/* Without memory for large tiles frames go in smaller ones: the same bits.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include <cmocka.h>

#include "filters/upscale.h"
#include "tests/filters/frames.h"
#include "tests/filters/models.h"

enum { W = 8001, H = 33 };

static FgError err;
static const FgLook look = {0, AVCOL_SPC_UNSPECIFIED, AVCOL_RANGE_UNSPECIFIED};

static size_t mapped(void)
{
    size_t pages = 0;
    FILE *f = fopen("/proc/self/statm", "r");
    if (!f || fscanf(f, "%zu", &pages) != 1)
        fail_msg("no /proc/self/statm");
    fclose(f);
    return pages * 4096;
}

/* So much more than there is now, 0 = no limit. */
static void limit(size_t more)
{
    struct rlimit r;
    assert_int_equal(getrlimit(RLIMIT_AS, &r), 0);
    r.rlim_cur = more ? mapped() + more : r.rlim_max;
    assert_int_equal(setrlimit(RLIMIT_AS, &r), 0);
}

static FgUpscale *create(const FgModel *m, int *ret)
{
    const FgUpscaleOptions o = {
        AV_PIX_FMT_GRAY8, W, H, 2 * W, 2 * H, "cpu", 0, 0, NULL};
    FgUpscale *u = NULL;
    *ret = fg_upscale_create(&u, m, &o, &err);
    return u;
}

static AVFrame *input(void)
{
    AVFrame *f = new_frame(AV_PIX_FMT_GRAY8, W, H);
    for (int y = 0; y < H; y++)
        for (int x = 0; x < W; x++)
            f->data[0][y * f->linesize[0] + x] = (uint8_t)(x * 7 + y * y);
    return f;
}

static void same(const AVFrame *a, const AVFrame *b)
{
    for (int y = 0; y < a->height; y++)
        assert_memory_equal(a->data[0] + y * a->linesize[0],
                            b->data[0] + y * b->linesize[0], (size_t)a->width);
}

static void test_when_it_is_made(void **state)
{
    (void)state;
    int ret;
    FgPlanInfo large, small;
    FgModel *m = test_model("wide", 1, 2, &err);
    assert_non_null(m);
    AVFrame *in = input(), *a = new_frame(in->format, 2 * W, 2 * H);
    AVFrame *b = new_frame(in->format, 2 * W, 2 * H);
    const size_t before = mapped();
    FgUpscale *u = create(m, &ret);
    const size_t needs = mapped() - before;
    assert_int_equal(ret, 0);
    assert_false(fg_upscale_shrunk(u));
    fg_upscale_plan_info(u, &large);
    assert_int_equal(fg_upscale_frame(u, a, in, &look, &err), 0);
    fg_upscale_free(&u);

    limit(needs * 2 / 3);
    u = create(m, &ret);
    limit(0);
    print_message("# %zu MB, tiles %d x %d\n", needs >> 20, large.tile_w,
                  large.tile_h);
    assert_int_equal(ret, 0);
    assert_true(fg_upscale_shrunk(u));
    fg_upscale_plan_info(u, &small);
    print_message("# with a limit of %zu MB: %d x %d\n", needs * 2 / 3 >> 20,
                  small.tile_w, small.tile_h);
    assert_true(small.tile_w < large.tile_w || small.tile_h < large.tile_h);
    assert_int_equal(fg_upscale_frame(u, b, in, &look, &err), 0);
    same(a, b);
    fg_upscale_free(&u);

    limit(needs / 100 + 1);
    u = create(m, &ret);
    limit(0);
    assert_null(u);
    assert_int_equal(ret, -ENOMEM);
    av_frame_free(&in);
    av_frame_free(&a);
    av_frame_free(&b);
    fg_model_free(&m);
}

/* A share of the plain enlargement needs the network's picture whole: memory
 * that the first frame did not. */
static void test_when_it_runs(void **state)
{
    (void)state;
    int ret;
    FgLook mixed = look;
    FgModel *m = test_model("wide", 1, 2, &err);
    AVFrame *in = input(), *a = new_frame(in->format, 2 * W, 2 * H);
    AVFrame *b = new_frame(in->format, 2 * W, 2 * H);
    mixed.blend = 0.25F;
    FgUpscale *u = create(m, &ret), *v = create(m, &ret);
    assert_int_equal(fg_upscale_frame(u, a, in, &mixed, &err), 0);
    assert_int_equal(fg_upscale_frame(v, b, in, &look, &err), 0);
    limit(1 << 20);
    ret = fg_upscale_frame(v, b, in, &mixed, &err);
    limit(0);
    if (ret)
        print_error("%s\n", err.text);
    assert_int_equal(ret, 0);
    same(a, b);
    fg_upscale_free(&u);
    fg_upscale_free(&v);
    av_frame_free(&in);
    av_frame_free(&a);
    av_frame_free(&b);
    fg_model_free(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_when_it_is_made),
        cmocka_unit_test(test_when_it_runs),
    };
#ifdef __SANITIZE_ADDRESS__
    puts("1..0 # SKIP the sanitizer maps terabytes");
    return 77;
#endif
    /* What is freed goes back at once. */
    mallopt(M_MMAP_THRESHOLD, 65536);
    mallopt(M_TRIM_THRESHOLD, 65536);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
