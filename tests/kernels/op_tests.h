/* Tests that several ops share. SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FFGAN_TESTS_OP_TESTS_H
#define FFGAN_TESTS_OP_TESTS_H

/* A smooth activation: its values at 4001 points that are step apart, so that
 * the limits of float are reached, and its gradient. */
typedef struct UnaryTest {
    const char *op;
    double (*f)(double x); /* the formula */
    double step;
    double tolerance; /* of floats, as gc_expect has it */
} UnaryTest;

/* An op on two tensors, the second of which may be one pixel or one channel. */
typedef struct BinaryTest {
    const char *op;
    double (*f)(double a, double b);
    int linear;
} BinaryTest;

/* Run as a cmocka group; what main returns. */
int test_unary(const UnaryTest *t);
int test_binary(const BinaryTest *t);

#endif
