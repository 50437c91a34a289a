/* The op gelu. SPDX-License-Identifier: LGPL-2.1-or-later */
#include "op_tests.h"

#include <math.h>

static double f(double x)
{
    return x * 0.5 * erfc(-x * M_SQRT1_2);
}

/* Half a unit of float is 6e-8; gelu's erfc is good to 1.2e-7 of itself. */
int main(void)
{
    return test_unary(&(UnaryTest){"gelu", f, 0.015625, 6e-7});
}
