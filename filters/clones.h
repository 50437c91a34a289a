/* ffgan: loops over rows, compiled again for CPUs with AVX2 and AVX-512.
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * FG_CLONES before a function whose loops the compiler can vectorise. Nothing
 * is fused or reordered, so the bits are the same. Needs glibc's ifunc; the
 * sanitizers' start-up comes too late for that. */
#ifndef FFGAN_FILTERS_CLONES_H
#define FFGAN_FILTERS_CLONES_H

#include <features.h>

#if defined(__x86_64__) && defined(__GLIBC__) && defined(__GNUC__) &&          \
    !defined(__clang__) && !defined(__SANITIZE_ADDRESS__)
#if __GNUC__ >= 12
#define FG_CLONES                                                              \
    __attribute__((target_clones("default", "avx2", "arch=x86-64-v4")))
#else
#define FG_CLONES __attribute__((target_clones("default", "avx2")))
#endif
#else
#define FG_CLONES
#endif

#endif
