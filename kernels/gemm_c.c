/* Tiles of matrix product in C: the definition of right.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "dsp_c.h"

#include <math.h>
#include <string.h>

void fg_tap_tile_c(const FgTapTile *q)
{
    for (int r = 0; r < q->nb_rows; r++) {
        float acc[FG_TILE_COLS];

        memcpy(acc, q->bias, sizeof(acc));
        for (int t = 0; t < q->taps; t++) {
            const float *const a = q->rows[t * FG_TILE_ROWS + r];
            const float *w = q->w + (long)q->tap[t] * q->ic * FG_TILE_COLS;

            for (int i = 0; i < q->ic; i++, w += FG_TILE_COLS)
                for (int o = 0; o < FG_TILE_COLS; o++)
                    acc[o] = fmaf(a[i], w[o], acc[o]);
        }
        for (int o = 0; o < q->cols; o++)
            q->out[r][o] = q->add ? q->out[r][o] + acc[o] : acc[o];
    }
}

void fg_grad_tile_c(const FgPixelTile *q)
{
    for (int i = 0; i < q->rows * FG_TILE_COLS && q->first; i++)
        q->sum[i] = 0;
    for (int p = 0; p < q->pixels; p++)
        for (int i = 0; i < q->rows; i++) {
            float *const sum = q->sum + i * FG_TILE_COLS;
            const float a = q->in[p * FG_TILE_ROWS + i];

            for (int o = 0; o < q->cols; o++)
                sum[o] = fmaf(a, q->dy[p * FG_TILE_COLS + o], sum[o]);
        }
}
