/* ffgan: gradients of convolutions' weights on tensor cores; included once per
 * element type. SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * FG_T_NAME, FG_T_ELEMENT. A weight's gradient is a sum over the pixels of
 * in[0] of one of its channels times one of what the tap sees of in[1]. Pixels
 * are cut into t.results slices, by shape alone; a block of four warps makes
 * 64x64 weights of one tap and slice, 32 pixels at a time; a warp 32x32.
 * p[1] [slice][tap][in[0].c][in[1].c] f32 =; t_slices sums the slices. */
#define T_(name) FG_CAT3(fg_t_, FG_T_NAME, name)

/* A thread's share of 32 pixels from `first` on: 16 channels of either side. */
FG_HD void T_(_stage)(const FgKernelArgs *a, char *to, const FgOuter *o,
                      int64_t first, int t)
{
    const int row = t % 32, chunk = t / 32;
    const int64_t p = first + row;
    const int64_t at = p < o->end ? p : -1, seen = fg_outer_seen(a, o, at);
    char *const x = to + chunk * 32 * 32, *const y = x + FG_OUTER_SIDE;
    const int c0 = o->row * FG_OUTER_N + chunk * 16;
    const int c1 = o->col * FG_OUTER_N + chunk * 16;
    fg_fetch8(&a->in[0], x + fg_row32(row, 0), at, c0);
    fg_fetch8(&a->in[0], x + fg_row32(row, 1), at, c0 + 8);
    fg_fetch8(&a->in[1], y + fg_row32(row, 0), seen, c1);
    fg_fetch8(&a->in[1], y + fg_row32(row, 1), seen, c1 + 8);
}

FG_HD void T_()(const FgKernelArgs *a, int index, char *shared)
{
    const FgOuter o = fg_outer(a, index);
    FG_REGS(float, acc, 32);
    FG_REGS(uint32_t, x, 8);
    FG_REGS(uint32_t, y, 8);
    FG_REGS(int, at, 4);

    FG_THREADS(t)
    {
        FG_UNROLL
        for (int i = 0; i < 32; i++)
            FG_R(acc, t)[i] = 0;
        T_(_stage)(a, shared, &o, o.first, t);
        fg_copies_begun();
    }
    FG_NO_UNROLL
    for (int s = 0; o.first + s * 32 < o.end; s++) {
        const int more = o.first + (s + 1) * 32 < o.end;
        const int from = (s & 1) * 2 * FG_OUTER_SIDE;
        FG_THREADS(t)
        {
            if (more) {
                T_(_stage)
                (a, shared + ((s + 1) & 1) * 2 * FG_OUTER_SIDE, &o,
                 o.first + (s + 1) * 32, t);
                fg_copies_begun();
            }
            fg_copies_done(more);
        }
        FG_SYNC();
        FG_NO_UNROLL
        for (int j = 0; j < 2; j++) {
            FG_THREADS(t)
            {
                const int l = t % 32, warp = t / 32;
                const int r = j * 16 + l % 8;
                FG_UNROLL
                for (int m = 0; m < 2; m++) {
                    const int cx = warp / 2 * 2 + m, cy = warp % 2 * 2 + m;
                    FG_R(at, t)
                    [m] = from + cx * 32 * 32 +
                          fg_row32(r + l / 16 * 8, l / 8 % 2);
                    FG_R(at, t)
                    [2 + m] = from + FG_OUTER_SIDE + cy * 32 * 32 +
                              fg_row32(r + l / 8 % 2 * 8, l / 16);
                }
            }
            FG_UNROLL
            for (int m = 0; m < 2; m++) {
                FG_LDMATRIX_TURNED(x, 4 * m, at, m);
                FG_LDMATRIX_TURNED(y, 4 * m, at, 2 + m);
            }
            FG_UNROLL
            for (int m = 0; m < 2; m++) {
                FG_UNROLL
                for (int i = 0; i < 4; i++)
                    FG_MMA(FG_T_ELEMENT, acc, (m * 4 + i) * 4, x, 4 * m, y,
                           2 * i);
            }
        }
        FG_SYNC();
    }
    FG_THREADS(t)
    {
        const int l = t % 32, warp = t / 32;
        FG_UNROLL
        for (int i = 0; i < 32; i++) {
            const int row = warp / 2 * 32 + i / 16 * 16 + i / 2 % 2 * 8 + l / 4;
            const int col = warp % 2 * 32 + i / 4 % 4 * 8 + l % 4 * 2 + i % 2;
            fg_outer_put(a, &o, row, col, FG_R(acc, t)[i]);
        }
    }
}

#undef T_
