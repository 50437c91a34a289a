/* ffgan: a convolution of conv_wgmma.h; included once per size.
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * FG_WG_NAME, FG_WG_ELEMENT, FG_WG_N, FG_WG_K; FG_WG_LIKE: that of
 * conv_mma_template.c which fetches and puts the same way. */
#define W_(name) FG_CAT3(fg_conv_, FG_WG_NAME, name)
#define L_(name) FG_CAT3(fg_conv_, FG_WG_LIKE, name)

enum {
    W_(_taps) = FG_WG_K * FG_WG_K,
    W_(_acc) = FG_WG_ACC(FG_WG_N),
    W_(_bytes) = FG_MMA_STAGE(FG_WG_N, FG_WG_K)
};

/* A thread's share of chunk c. */
FG_HD void W_(_stage)(const FgKernelArgs *a, char *to, int block, int c, int y0,
                      int x0, int t)
{
    const int wide = FG_WG_WIDE(FG_WG_K), plane = FG_WG_PLANE(FG_WG_K);
    const char *w = (const char *)a->p[0] + ((int64_t)block * a->chunks + c) *
                                                W_(_taps) * FG_WG_TAP(FG_WG_N);
    for (int i = t; i < FG_MMA_PIXELS(FG_WG_K) * 2; i += FG_BLOCK) {
        const int p = i / 2;
        L_(_fetch)
        (a, to + i % 2 * plane + p * 16, y0 + p / wide - FG_WG_K / 2,
         x0 + p % wide - FG_WG_K / 2, (2 * c + i % 2) * L_(_half));
    }
    for (int i = t; i < W_(_taps) * FG_WG_N * 2; i += FG_BLOCK)
        fg_copy16(to + 2 * plane + i * 16, w + (int64_t)i * 16);
}

FG_HD void W_()(const FgKernelArgs *a, int bx, int by, int block, char *shared)
{
    const int x0 = bx * FG_TILE_W, y0 = by * FG_TILE_H;
    FG_REGS(float, acc, 2 * W_(_acc));

    FG_THREADS(t)
    {
        FG_UNROLL
        for (int i = 0; i < 2 * W_(_acc); i++)
            FG_R(acc, t)[i] = 0;
        W_(_stage)(a, shared, block, 0, y0, x0, t);
        fg_copies_begun();
    }
    for (int c = 0; c < a->chunks; c++) {
        const uint32_t from = FG_WG_AT(shared) +
                              (uint32_t)((c & 1) * W_(_bytes));
        FG_THREADS(t)
        {
            if (c + 1 < a->chunks) {
                W_(_stage)
                (a, shared + ((c + 1) & 1) * W_(_bytes), block, c + 1, y0, x0,
                 t);
                fg_copies_begun();
            }
            fg_copies_done(c + 1 < a->chunks);
            fg_wg_seen();
        }
        FG_SYNC();
        fg_wg_begin();
        FG_UNROLL
        for (int tap = 0; tap < W_(_taps); tap++) {
            FG_UNROLL
            for (int m = 0; m < 2; m++)
                FG_WGMMA(FG_WG_ELEMENT, FG_WG_N, acc, m * W_(_acc),
                         fg_wg_pixels(from, tap, m, FG_WG_K),
                         fg_wg_weights(from, tap, FG_WG_N, FG_WG_K));
        }
        fg_wg_end();
        FG_SYNC();
    }
    FG_THREADS(t)
    {
        const int l = t % 32;
        FG_UNROLL
        for (int m = 0; m < 2; m++) {
            FG_UNROLL
            for (int j = 0; j < FG_WG_N / 8; j++) {
                const float *v = &FG_R(acc, t)[m * W_(_acc) + j * 4];
                const int y = y0 + t / 32 * 2, x = x0 + m * 8 + l / 4;
                const int k = block * FG_WG_N + j * 8 + l % 4 * 2;
                L_(_put)(a, y, x, k, v[0], v[1]);
                L_(_put)(a, y + 1, x, k, v[2], v[3]);
            }
        }
    }
}

#undef W_
#undef L_
