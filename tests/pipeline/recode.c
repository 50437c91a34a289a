/* What codecs do to pictures. SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/op.h"
#include "pipeline/source.h"

/* Smooth colours under a texture; the same each time. */
static FgPicture make(int w, int h)
{
    FgPicture p = {w, h, malloc((size_t)w * h * 3)};

    assert_non_null(p.rgb);
    for (int y = 0; y < h; y++)
        for (int x = 0; x < w; x++) {
            const uint32_t at[4] = {(uint32_t)x, (uint32_t)y, 0, 0};
            const uint32_t key[2] = {3, 9};
            uint32_t r[4];
            uint8_t *d = p.rgb + ((size_t)y * w + x) * 3;

            fg_philox(at, key, r);
            d[0] = (uint8_t)(60 + 2 * x + r[0] % 24);
            d[1] = (uint8_t)(200 - 2 * y + r[0] % 24);
            d[2] = (uint8_t)(90 + x + y + r[0] % 24);
        }
    return p;
}

static double rms(const FgPicture *a, const FgPicture *b)
{
    const size_t n = (size_t)a->w * a->h * 3;
    double sum = 0;

    for (size_t i = 0; i < n; i++)
        sum += pow((double)a->rgb[i] - b->rgb[i], 2);
    return sqrt(sum / (double)n);
}

static double mean(const FgPicture *p, int c)
{
    const size_t n = (size_t)p->w * p->h;
    double sum = 0;

    for (size_t i = 0; i < n; i++)
        sum += p->rgb[3 * i + (size_t)c];
    return sum / (double)n;
}

/* Returns the distance to the source. */
static double once(const FgRecode *o, int w, int h)
{
    FgPicture src = make(w, h), a = make(w, h), b = make(w, h);
    FgError err = {""};
    double d;

    if (fg_picture_recode(&a, o, &err))
        fail_msg("%s", err.text);
    assert_int_equal(fg_picture_recode(&b, o, &err), 0);
    assert_memory_equal(a.rgb, b.rgb, (size_t)w * h * 3);
    d = rms(&a, &src);
    for (int c = 0; c < 3 && w % 16 == 0 && h % 16 == 0; c++)
        /* 4:2:0 and a quantiser do not move the mean of a whole picture. */
        if (!(fabs(mean(&a, c) - mean(&src, c)) < 1.5))
            fail_msg("%s: mean %d is %.2f, not %.2f", o->codec, c, mean(&a, c),
                     mean(&src, c));
    fg_picture_free(&src);
    fg_picture_free(&a);
    fg_picture_free(&b);
    return d;
}

/* More quantiser, more damage; odd sizes; frames before it change it. */
static void damage(void **state)
{
    const struct {
        const char *codec;
        int fine, coarse;
    } all[] = {{"x264", 8, 40}, {"mpeg2", 2, 24}, {"jpeg", 2, 24}};

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        const FgRecode fine = {all[i].codec, all[i].fine, 1, 0, 0};
        const FgRecode coarse = {all[i].codec, all[i].coarse, 1, 0, 0};
        const FgRecode moving = {all[i].codec, all[i].coarse, 3, 1, -2};
        const double a = once(&fine, 41, 35), b = once(&coarse, 41, 35);

        once(&fine, 64, 32);
        once(&coarse, 64, 32);

        if (!(a > 0 && a < 6 && b > a + 1 && b < 30))
            fail_msg("%s: %.3f and %.3f", all[i].codec, a, b);
        if (strcmp(all[i].codec, "jpeg"))
            assert_true(once(&moving, 41, 35) != b);
        else
            assert_true(once(&moving, 41, 35) == b);
    }
}

static void refused(void **state)
{
    const struct {
        FgRecode o;
        const char *text;
    } bad[] = {
        {{"vp9", 8, 1, 0, 0}, "codec 'vp9' is none of x264, mpeg2, jpeg"},
        {{"x264", 52, 1, 0, 0}, "quantiser of x264 is 52, allowed 0..51"},
        {{"mpeg2", 0, 1, 0, 0}, "quantiser of mpeg2 is 0, allowed 1..31"},
        {{"jpeg", 5, 17, 0, 0}, "frames is 17, allowed 1..16"},
    };
    FgPicture p = make(16, 16), keep = make(16, 16);

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        FgError err = {""};

        assert_int_equal(fg_picture_recode(&p, &bad[i].o, &err), -EINVAL);
        assert_string_equal(err.text, bad[i].text);
        assert_memory_equal(p.rgb, keep.rgb, 16 * 16 * 3);
    }
    fg_picture_free(&p);
    fg_picture_free(&keep);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(damage),
                                       cmocka_unit_test(refused)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
