/* Philox4x32-10 against the known answers of its authors' library.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "kernels/op.h"

/* kat_vectors of Random123: counter, key, result. */
static const uint32_t known[3][10] = {
    {0, 0, 0, 0, 0, 0, 0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8},
    {0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff,
     0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd},
    {0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344, 0xa4093822, 0x299f31d0,
     0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1},
};

static void test_known(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++) {
        uint32_t out[4];

        fg_philox(known[i], known[i] + 4, out);
        assert_memory_equal(out, known[i] + 6, sizeof(out));
    }
}

static void test_in_place(void **state)
{
    uint32_t v[4] = {0};
    const uint32_t key[2] = {0};

    (void)state;
    fg_philox(v, key, v);
    assert_memory_equal(v, known[0] + 6, sizeof(v));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known),
        cmocka_unit_test(test_in_place),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
