/* ffgan: convolutions of training in fp32; included once per size.
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * FG_T_NAME, FG_T_N (outputs of a block: 32, 64). The product of
 * train_mma_template.c: 128 pixels of N outputs, 16 terms at a time, the next
 * 16 being fetched meanwhile, and what pixels see in those after them looked
 * up. A thread has pixels t / 8 + 16 i, outputs 4 (t % 8) on and, of 64, as
 * many from 32 on; threads without any rest. A pixel's terms lie in rows of
 * FG_TILE_ROW bytes: four neighbouring rows share no bank.
 *
 * mode, p[1], t.results: as there. p[0]: t_f32_pack's weights. in[0]: f32. */
#define T_(name) FG_CAT3(fg_t_, FG_T_NAME, name)

enum {
    T_(_outputs) = FG_T_N / 8,
    T_(_stage_bytes) = FG_TILE_STAGE(FG_T_N),
    T_(_weights) = FG_GATHER_PIXELS * FG_TILE_ROW
};

FG_HD void T_(_fetch)(const FgKernelArgs *a, char *to, const FgGather *g,
                      const int *seen, int s, int t)
{
    const char *w = (const char *)a->p[0] +
                    ((int64_t)g->block * a->chunks + s) * FG_T_N * 64;
    fg_tile_stage(a, to, seen, s, t);
    FG_NO_UNROLL
    for (int i = t; i < FG_T_N * 4; i += FG_BLOCK)
        fg_copy16(to + T_(_weights) + i * 16, w + (int64_t)i * 16);
    fg_copies_begun();
}

/* A thread's 16 terms; pixels, weights: where its own begin. */
FG_HD void T_(_multiply)(float *acc, const char *pixels, const char *weights)
{
    FG_NO_UNROLL
    for (int k = 0; k < 16; k += 4) {
        float v[32], w[T_(_outputs)];
        FG_UNROLL
        for (int i = 0; i < 8; i++)
            fg_load4(v + 4 * i, pixels + i * 16 * FG_TILE_ROW + k * 4);
        FG_UNROLL
        for (int j = 0; j < 4; j++) {
            FG_UNROLL
            for (int i = 0; i < T_(_outputs); i += 4)
                fg_load4(w + i, weights + (k + j) * FG_T_N * 4 + i * 32);
            FG_UNROLL
            for (int i = 0; i < 8; i++) {
                FG_UNROLL
                for (int o = 0; o < T_(_outputs); o++)
                    acc[i * T_(_outputs) + o] += v[i * 4 + j] * w[o];
            }
        }
    }
}

FG_HD void T_()(const FgKernelArgs *a, int index, char *shared)
{
    const FgGather g = fg_gather(a, index, a->chunks);
    int *const table = (int *)(shared + 2 * T_(_stage_bytes));
    FG_REGS(float, acc, 8 * T_(_outputs));
    FG_REGS(int, px, 3);

    FG_THREADS(t)
    {
        FG_UNROLL
        for (int i = 0; i < 8 * T_(_outputs); i++)
            FG_R(acc, t)[i] = 0;
        fg_pixel_of(&a->out, a->t.images, g.first + t, FG_R(px, t));
        for (int i = 0; i < 2; i++)
            fg_tile_look(a, table + i * FG_TILE_TABLE, g.step + i, FG_R(px, t),
                         t);
    }
    FG_SYNC();
    FG_THREADS(t)
    {
        T_(_fetch)(a, shared, &g, table, g.step, t);
    }
    FG_NO_UNROLL
    for (int s = g.step; s < g.end; s++) {
        const int odd = (s - g.step) & 1, from = odd * T_(_stage_bytes);
        FG_THREADS(t)
        {
            if (s + 1 < g.end) {
                T_(_fetch)
                (a, shared + T_(_stage_bytes) - from, &g,
                 table + (1 - odd) * FG_TILE_TABLE, s + 1, t);
            }
            fg_copies_done(s + 1 < g.end);
        }
        FG_SYNC();
        FG_THREADS(t)
        {
            fg_tile_look(a, table + odd * FG_TILE_TABLE, s + 2, FG_R(px, t), t);
            if (g.first + t / 8 < a->t.images * fg_pixels(&a->out) &&
                g.block * FG_T_N + t % 8 * 4 < a->out.c) {
                T_(_multiply)
                (FG_R(acc, t), shared + from + t / 8 * FG_TILE_ROW,
                 shared + from + T_(_weights) + t % 8 * 16);
            }
        }
        FG_SYNC();
    }
    FG_THREADS(t)
    {
        FG_UNROLL
        for (int i = 0; i < 8 * T_(_outputs); i += 2) {
            const int k = i % T_(_outputs);
            fg_put_pair(a, g.slice, g.first + t / 8 + i / T_(_outputs) * 16,
                        g.block * FG_T_N + k / 4 * 32 + t % 8 * 4 + k % 4,
                        FG_R(acc, t)[i], FG_R(acc, t)[i + 1]);
        }
    }
}

#undef T_
