/* The op tanh. SPDX-License-Identifier: LGPL-2.1-or-later */
#include "op_tests.h"

#include <math.h>

static double f(double x)
{
    return tanh(x);
}

/* Our own exp in float is good to about 1e-15: what is left is the rounding. */
int main(void)
{
    return test_unary(&(UnaryTest){"tanh", f, 0.03125, 4e-7});
}
