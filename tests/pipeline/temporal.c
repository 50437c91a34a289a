/* ffgan tests: times of frames that a chain makes, without its networks.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "pipeline/temporal.h"

enum { NB = 10 };

/* The weights do not exist: whoever asks for times only does not open them. */
static void times_need_no_weights(void **state)
{
    static const struct {
        const char *chain;
        int nb;
    } cases[] = {
        {"ganinterp=model=/nowhere.safetensors", 2 * NB},
        {"ganinterp=/nowhere.safetensors:fps=75", 3 * NB},
        {"ganinterp=model=/nowhere.safetensors:factor=4:scd=fdiff", 4 * NB},
        {"ganinterp=model=/nowhere.safetensors,fps=25", NB},
    };
    int64_t pts[NB];
    (void)state;
    for (int i = 0; i < NB; i++)
        pts[i] = i;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const FgIndex x = {.tb = {1, 25},
                           .pts = pts,
                           .nb = NB,
                           .last_length = 1,
                           .out = {.tb = {1, 25}, .rate = {25, 1}}};
        FgSupport s;
        FgRates r;
        FgError err = {{0}};
        assert_int_equal(fg_chain_support(&s, cases[i].chain, &err), 0);
        assert_string_equal(s.unknown, "");
        const int ret = fg_rates_make(&r, &s, &x, &err);
        if (ret)
            print_error("%s: %s\n", cases[i].chain, err.text);
        assert_int_equal(ret, 0);
        assert_int_equal(fg_rates_out(&r)->nb, cases[i].nb);
        fg_rates_free(&r);
        fg_support_free(&s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(times_need_no_weights),
    };
    return cmocka_run_group_tests_name("temporal", tests, NULL, NULL);
}
