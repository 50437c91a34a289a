/* The op add. SPDX-License-Identifier: LGPL-2.1-or-later */
#include "op_tests.h"

static double f(double a, double b)
{
    return a + b;
}

int main(void)
{
    return test_binary(&(BinaryTest){"add", f, .linear = 1});
}
