/* ffgan: convolutions of training on tensor cores; included once per size.
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * FG_T_NAME, FG_T_ELEMENT, FG_T_N (outputs of a block). Pixels of all images
 * times outputs is a product over taps and inputs: a block of four warps makes
 * 128 pixels of N outputs, 32 terms at a time, the next 32 being fetched
 * meanwhile. A thread fetches what one pixel sees. Where there are few such
 * blocks the terms are cut into t.results slices, by shape alone, whose sums
 * t_parts adds. The order of a sum is fixed.
 *
 * mode FG_SEES_CONV: output (y, x) sees (y stride - pad + v, ...) of in[0], as
 * conv2d's output and deconv2d's gradient do. FG_SEES_BACK: it sees what sees
 * it, as deconv2d's output and conv2d's gradient do. p[0]: t_pack's weights,
 * p[1]: bias [c] f32 or 0. in[0]: 16-bit. */
#define T_(name) FG_CAT3(fg_t_, FG_T_NAME, name)

enum {
    T_(_nt) = FG_T_N / 8,
    T_(_stage_bytes) = FG_GATHER_STAGE(FG_T_N),
    T_(_weights) = 2 * FG_GATHER_PIXELS * 32
};

/* A thread's share of terms [32 s, 32 s + 32): its pixel's two rows, weights.
 */
FG_HD void T_(_stage)(const FgKernelArgs *a, char *to, int block, int s,
                      const int *px, int t)
{
    const char *w = (const char *)a->p[0] +
                    ((int64_t)block * a->chunks + 2 * s) * FG_T_N * 32;
    FG_NO_UNROLL
    for (int j = 0; j < 2; j++) {
        char *const row = to + j * FG_GATHER_PIXELS * 32;
        const int64_t at = fg_seen_pixel(
            a, px, (2 * s + j) / fg_tap_chunks(a->in[0].c));
        const int c0 = fg_chunk_first(a, 2 * s + j);
        fg_fetch8(&a->in[0], row + fg_row32(t, 0), at, c0);
        fg_fetch8(&a->in[0], row + fg_row32(t, 1), at, c0 + 8);
    }
    FG_NO_UNROLL
    for (int i = t; i < FG_T_N * 4; i += FG_BLOCK)
        fg_copy16(to + T_(_weights) + i * 16, w + (int64_t)i * 16);
}

FG_HD void T_()(const FgKernelArgs *a, int index, char *shared)
{
    const FgGather g = fg_gather(a, index, a->chunks / 2);
    FG_REGS(float, acc, 2 * T_(_nt) * 4);
    FG_REGS(uint32_t, in, 8);
    FG_REGS(uint32_t, w, 2 * T_(_nt));
    FG_REGS(int, at, 2 + T_(_nt) / 2);
    FG_REGS(int, px, 3);

    FG_THREADS(t)
    {
        FG_UNROLL
        for (int i = 0; i < 2 * T_(_nt) * 4; i++)
            FG_R(acc, t)[i] = 0;
        fg_pixel_of(&a->out, a->t.images, g.first + t, FG_R(px, t));
        T_(_stage)(a, shared, g.block, g.step, FG_R(px, t), t);
        fg_copies_begun();
    }
    FG_NO_UNROLL
    for (int s = g.step; s < g.end; s++) {
        const int from = ((s - g.step) & 1) * T_(_stage_bytes);
        FG_THREADS(t)
        {
            if (s + 1 < g.end) {
                T_(_stage)
                (a, shared + T_(_stage_bytes) - from, g.block, s + 1,
                 FG_R(px, t), t);
                fg_copies_begun();
            }
            fg_copies_done(s + 1 < g.end);
        }
        FG_SYNC();
        FG_NO_UNROLL
        for (int j = 0; j < 2; j++) {
            FG_THREADS(t)
            {
                const int l = t % 32;
                const int pixels = from + j * FG_GATHER_PIXELS * 32;
                const int weights = from + T_(_weights) + j * FG_T_N * 32;
                FG_UNROLL
                for (int m = 0; m < 2; m++)
                    FG_R(at, t)
                [m] = pixels + fg_row32(t / 32 * 32 + m * 16 + l % 16, l / 16);
                FG_UNROLL
                for (int i = 0; i < T_(_nt) / 2; i++)
                    FG_R(at, t)
                [2 + i] = weights +
                          fg_row32(i * 16 + l % 8 + l / 16 * 8, l / 8 % 2);
            }
            FG_LDMATRIX(in, 0, at, 0);
            FG_LDMATRIX(in, 4, at, 1);
            FG_UNROLL
            for (int i = 0; i < T_(_nt) / 2; i++)
                FG_LDMATRIX(w, 4 * i, at, 2 + i);
            FG_UNROLL
            for (int m = 0; m < 2; m++) {
                FG_UNROLL
                for (int i = 0; i < T_(_nt); i++)
                    FG_MMA(FG_T_ELEMENT, acc, (m * T_(_nt) + i) * 4, in, 4 * m,
                           w, 2 * i);
            }
        }
        FG_SYNC();
    }
    FG_THREADS(t)
    {
        const int64_t p = g.first + t / 32 * 32 + t % 32 / 4;
        FG_UNROLL
        for (int m = 0; m < 2; m++) {
            FG_UNROLL
            for (int i = 0; i < T_(_nt); i++) {
                const float *v = &FG_R(acc, t)[(m * T_(_nt) + i) * 4];
                const int k = g.block * FG_T_N + i * 8 + t % 4 * 2;
                fg_put_pair(a, g.slice, p + m * 16, k, v[0], v[1]);
                fg_put_pair(a, g.slice, p + m * 16 + 8, k, v[2], v[3]);
            }
        }
    }
}

#undef T_
