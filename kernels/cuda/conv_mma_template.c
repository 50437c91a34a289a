/* ffgan: direct convolution on tensor cores; included once per size.
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * FG_MMA_NAME, FG_MMA_ELEMENT, FG_MMA_N (outputs of a block), FG_MMA_K (side).
 * A block of four warps makes 16x8 pixels of N outputs. Of 32 bytes of inputs
 * at a time (a chunk: 16, or 32 of 8 bits), the tile with its border lies in
 * shared memory once for all taps, beside these inputs' weights; the next ones
 * are fetched meanwhile. A warp's products: its two rows of 16 pixels times N
 * outputs. The order of a sum is fixed.
 *
 * p[0]: weights [block][chunk][tap][n][32 bytes] in rows of fg_row32, p[1]:
 * bias [blocks * N] f32, p[2]: slopes [c] where act is PRELU, p[3]: for inputs
 * of 8 bits, a sum's factor [blocks * N]. in: the element, add: 16-bit (f16
 * where the element is E4M3), out: like add, or E4M3, value * to8. Pitches are
 * multiples of 16 bytes, so are inputs of 8 bits. stride 1, pad = K / 2. */
#define T_(name) FG_CAT3(fg_conv_, FG_MMA_NAME, name)

enum {
    T_(_taps) = FG_MMA_K * FG_MMA_K,
    T_(_wide) = FG_TILE_W + FG_MMA_K - 1,
    T_(_pixels) = FG_MMA_PIXELS(FG_MMA_K),
    T_(_nt) = FG_MMA_N / 8,
    T_(_half) = FG_MMA_ELEMENT == FG_ELEMENT_E4M3 ? 16 : 8 /* of a chunk */
};

/* Inputs from c0 on, 16 bytes, of one pixel; those that are none become 0. */
FG_HD void T_(_fetch)(const FgKernelArgs *a, char *to, int y, int x, int c0)
{
    const FgKView *in = &a->in[0];
    const int sy = fg_border(y, in->h, a->pad_mode);
    const int sx = fg_border(x, in->w, a->pad_mode);
    if (sy < 0 || sx < 0 || c0 >= in->c) {
        fg_zero16(to);
        return;
    }
    const char *from = (const char *)in->at +
                       fg_index(in, sy, sx, c0) * (16 / T_(_half));
    if (T_(_half) == 16 || c0 + 8 <= in->c)
        fg_copy16(to, from);
    else
        fg_copy_part(to, from, in->c - c0);
}

/* A thread's share of chunk c. */
FG_HD void T_(_stage)(const FgKernelArgs *a, char *to, int block, int c, int y0,
                      int x0, int t)
{
    const char *w = (const char *)a->p[0] + ((int64_t)block * a->chunks + c) *
                                                T_(_taps) * FG_MMA_N * 32;
    for (int i = t; i < T_(_pixels) * 2; i += FG_BLOCK) {
        const int p = i / 2;
        T_(_fetch)
        (a, to + fg_row32(p, i % 2), y0 + p / T_(_wide) - FG_MMA_K / 2,
         x0 + p % T_(_wide) - FG_MMA_K / 2, (2 * c + i % 2) * T_(_half));
    }
    for (int i = t; i < T_(_taps) * FG_MMA_N * 2; i += FG_BLOCK)
        fg_copy16(to + T_(_pixels) * 32 + i * 16, w + (int64_t)i * 16);
}

FG_HD void T_(_put)(const FgKernelArgs *a, int y, int x, int k, float v0,
                    float v1)
{
    const FgKView *o = &a->out;
    const int result = FG_MMA_ELEMENT == FG_ELEMENT_BF16 ? FG_ELEMENT_BF16
                                                         : FG_ELEMENT_F16;
    float v[2];
    if (y >= o->h || x >= o->w || k >= o->c)
        return;
    v[0] = v0;
    v[1] = v1;
    FG_UNROLL
    for (int i = 0; i < 2; i++) {
        const int q = fg_imin(k + i, o->c - 1);
        const float s = a->act == FG_UNARY_PRELU ? fg_param(a->p[2], q) : 0;
        const float r = a->add.at ? fg_load(&a->add, y, x, q) : 0;
        if (FG_MMA_ELEMENT == FG_ELEMENT_E4M3)
            v[i] *= fg_param(a->p[3], k + i);
        v[i] += fg_param(a->p[1], k + i);
        if (a->add_first)
            v[i] += r;
        v[i] = fg_act(a->act, v[i], a->alpha, s);
        if (!a->add_first)
            v[i] += r;
    }
    if (result == FG_ELEMENT_F16 && o->element == FG_ELEMENT_E4M3) {
        char *const to8 = (char *)o->at + fg_index(o, y, x, k);
        const uint16_t two = fg_e4m3_put2(v[0] * a->to8, v[1] * a->to8);
        if (k + 1 < o->c)
            *(uint16_t *)to8 = two;
        else
            *to8 = (char)two;
        return;
    }
    uint16_t *to = (uint16_t *)o->at + fg_index(o, y, x, k);
    if (k + 1 < o->c)
        *(uint32_t *)to = fg_put16(result, v[0]) |
                          (uint32_t)fg_put16(result, v[1]) << 16;
    else
        *to = fg_put16(result, v[0]);
}

FG_HD void T_()(const FgKernelArgs *a, int bx, int by, int block, char *shared)
{
    const int x0 = bx * FG_TILE_W, y0 = by * FG_TILE_H;
    FG_REGS(float, acc, 2 * T_(_nt) * 4);
    FG_REGS(uint32_t, in, 8);
    FG_REGS(uint32_t, w, 2 * T_(_nt));
    FG_REGS(int, at, 2 + T_(_nt) / 2);

    FG_THREADS(t)
    {
        FG_UNROLL
        for (int i = 0; i < 2 * T_(_nt) * 4; i++)
            FG_R(acc, t)[i] = 0;
        T_(_stage)(a, shared, block, 0, y0, x0, t);
        fg_copies_begun();
    }
    for (int c = 0; c < a->chunks; c++) {
        const int from = (c & 1) * FG_MMA_STAGE(FG_MMA_N, FG_MMA_K);
        FG_THREADS(t)
        {
            if (c + 1 < a->chunks) {
                T_(_stage)
                (a, shared + ((c + 1) & 1) * FG_MMA_STAGE(FG_MMA_N, FG_MMA_K),
                 block, c + 1, y0, x0, t);
                fg_copies_begun();
            }
            fg_copies_done(c + 1 < a->chunks);
        }
        FG_SYNC();
        for (int tap = 0; tap < T_(_taps); tap++) {
            FG_THREADS(t)
            {
                const int l = t % 32;
                FG_UNROLL
                for (int m = 0; m < 2; m++) {
                    const int row = t / 32 * 2 + m + tap / FG_MMA_K;
                    const int p = row * T_(_wide) + l % 16 + tap % FG_MMA_K;
                    FG_R(at, t)[m] = from + fg_row32(p, l / 16);
                }
                FG_UNROLL
                for (int j = 0; j < T_(_nt) / 2; j++) {
                    const int n = j * 16 + l % 8 + l / 16 * 8;
                    FG_R(at, t)
                    [2 + j] = from + T_(_pixels) * 32 +
                              fg_row32(tap * FG_MMA_N + n, l / 8 % 2);
                }
            }
            FG_LDMATRIX(in, 0, at, 0);
            FG_LDMATRIX(in, 4, at, 1);
            FG_UNROLL
            for (int j = 0; j < T_(_nt) / 2; j++)
                FG_LDMATRIX(w, 4 * j, at, 2 + j);
            FG_UNROLL
            for (int m = 0; m < 2; m++) {
                FG_UNROLL
                for (int j = 0; j < T_(_nt); j++)
                    FG_MMA(FG_MMA_ELEMENT, acc, (m * T_(_nt) + j) * 4, in,
                           4 * m, w, 2 * j);
            }
        }
        FG_SYNC();
    }
    FG_THREADS(t)
    {
        const int l = t % 32;
        FG_UNROLL
        for (int m = 0; m < 2; m++) {
            FG_UNROLL
            for (int j = 0; j < T_(_nt); j++) {
                const float *v = &FG_R(acc, t)[(m * T_(_nt) + j) * 4];
                const int y = y0 + t / 32 * 2 + m, x = x0 + l / 4;
                const int k = block * FG_MMA_N + j * 8 + l % 4 * 2;
                T_(_put)(a, y, x, k, v[0], v[1]);
                T_(_put)(a, y, x + 8, k, v[2], v[3]);
            }
        }
    }
}

#undef T_
