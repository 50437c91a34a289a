/* Convolutions on 8-bit integers: sums by tile products.
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A tile's rows are 16 pixels as they lie in memory: 64 bytes from the first
 * tap on. Tiles 0 to 3 are sums, 4 and 5 pixels, 6 and 7 weights. */
#include "kernels/q8.h"

#include <immintrin.h>

#define INL static inline __attribute__((always_inline))

/* Assembly: the intrinsics of gcc 12 do not tell which memory they read. */
#define LOAD(t, at, stride)                                                    \
    __asm__ volatile("tileloadd (%0,%1,1), %%tmm" #t                           \
                     :                                                         \
                     : "r"(at), "r"((ptrdiff_t)(stride)))
#define STORE(t, at, stride)                                                   \
    __asm__ volatile("tilestored %%tmm" #t ", (%0,%1,1)"                       \
                     :                                                         \
                     : "r"(at), "r"((ptrdiff_t)(stride))                       \
                     : "memory")
#define ZERO(t) __asm__ volatile("tilezero %%tmm" #t ::)
#define PRODUCT(s, a, b)                                                       \
    __asm__ volatile("tdpbusd %%tmm" #b ", %%tmm" #a ", %%tmm" #s ::)

typedef struct Config {
    uint8_t palette, start, reserved[14];
    uint16_t colsb[16];
    uint8_t rows[16];
} Config;

/* Where one line holds a kernel row, tiles are no longer than that: fewer of
 * their rows cross cache lines. */
static void begin_amx(const FgQ8 *q)
{
    const int quads = q->lines == 1 ? q->quads : 16;
    Config c = {.palette = 1};

    for (int i = 0; i < 8; i++) {
        c.colsb[i] = i == 4 || i == 5 ? (uint16_t)(4 * quads) : 64;
        c.rows[i] = i >= 6 ? (uint8_t)quads : 16;
    }
    __asm__ volatile("ldtilecfg %0" : : "m"(c));
}

static void end_amx(void)
{
    __asm__ volatile("tilerelease" ::);
}

/* Two blocks of 16 pixels, one or two tiles of outputs from t on. */
INL void block(const FgQ8Sums *s, int t, const int tiles, const int blocks)
{
    const FgQ8 *const q = s->q;
    const size_t tile = (size_t)q->k * (size_t)q->lines * 1024;
    const int8_t *w = q->w + (size_t)t * tile;
    const ptrdiff_t pitch = 4 * (ptrdiff_t)q->ocp;
    int32_t *const sum = s->sum + 16 * t;

    ZERO(0);
    ZERO(1);
    ZERO(2);
    ZERO(3);
    for (int ky = 0; ky < q->k; ky++) {
        const uint8_t *x = s->row[ky];

        for (int i = 0; i < q->lines; i++, x += 64, w += 1024) {
            LOAD(6, w, 64);
            LOAD(4, x, s->step);
            PRODUCT(0, 4, 6);
            if (tiles > 1) {
                LOAD(7, w + tile, 64);
                PRODUCT(1, 4, 7);
            }
            if (blocks > 1) {
                LOAD(5, x + 16 * s->step, s->step);
                PRODUCT(2, 5, 6);
                if (tiles > 1)
                    PRODUCT(3, 5, 7);
            }
        }
    }
    STORE(0, sum, pitch);
    if (tiles > 1)
        STORE(1, sum + 16, pitch);
    if (blocks > 1) {
        STORE(2, sum + 16 * q->ocp, pitch);
        if (tiles > 1)
            STORE(3, sum + 16 * q->ocp + 16, pitch);
    }
}

static void sums_amx(const FgQ8Sums *s)
{
    const int tiles = s->q->ocp / 16, both = s->n > 16;

    for (int t = 0; t < tiles; t += 2) {
        const int two = t + 1 < tiles;

        if (both && two)
            block(s, t, 2, 2);
        else if (both)
            block(s, t, 1, 2);
        else if (two)
            block(s, t, 2, 1);
        else
            block(s, t, 1, 1);
    }
}

void fg_q8_ops_amx(FgQ8Ops *o)
{
    o->begin = begin_amx;
    o->end = end_amx;
    o->sums = sums_amx;
    o->name = "AMX tiles";
}
