/* The op mish. SPDX-License-Identifier: LGPL-2.1-or-later */
#include "op_tests.h"

#include <math.h>

static double f(double x)
{
    return x * tanh(log1p(exp(x)));
}

/* Half a unit of float is 6e-8; mish's tanh of log1p loses about as much as
 * gelu. */
int main(void)
{
    return test_unary(&(UnaryTest){"mish", f, 0.015625, 6e-7});
}
