/* Winograd's weight gradient, once for every instruction set.
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The includer has included wino_lanes_template.c for one width, with FN(x) =
 * x##_w, and its vectors are still defined. With GRAD_BF16 it also defines
 * vpair(p, a, b): stores LANES pairs of bfloat16, rounded to nearest even. */

/* m = A y: the transpose of out4. */
INL void up6(V *m, const V *y)
{
    const V half = vset(0.5f), a = vset(PA), bh = vset(PB * 0.5f);
    const V a3 = vset(PA * 0.5f), b3 = vset(PB);
    const V e = vfma(half, y[2], y[0]), f = vfma(half, y[0], y[2]);
    const V d = vfma(a3, y[3], vmul(a, y[1]));
    const V g = vfma(b3, y[3], vmul(bh, y[1]));

    m[0] = y[0];
    m[1] = vadd(e, d);
    m[2] = vsub(e, d);
    m[3] = vadd(f, g);
    m[4] = vsub(f, g);
    m[5] = y[3];
}

/* All 36 planes of one tile and LANES channels. */
INL void input_planes(V *o, const FgWinoGradIn *q, int tile, int c)
{
    V t[36];

    for (int x = 0; x < 6; x++) {
        V d[6], m[6];
#pragma GCC unroll 6
        for (int y = 0; y < 6; y++)
            d[y] = load_f32_w(q->row[y] + (4 * tile + x) * q->pitch + c,
                              q->c - c);
        in6_w(m, d);
#pragma GCC unroll 6
        for (int y = 0; y < 6; y++)
            t[6 * y + x] = m[y];
    }
    for (int y = 0; y < 6; y++)
        in6_w(o + 6 * y, t + 6 * y);
}

INL void gradient_planes(V *o, const FgWinoGradIn *q, int tile, int c)
{
    V t[24];

    for (int x = 0; x < 4; x++) {
        V d[4], m[6];
#pragma GCC unroll 4
        for (int y = 0; y < 4; y++)
            d[y] = load_f32_w(q->row[y] + (4 * tile + x) * q->pitch + c,
                              q->c - c);
        up6(m, d);
#pragma GCC unroll 6
        for (int y = 0; y < 6; y++)
            t[4 * y + x] = m[y];
    }
    for (int y = 0; y < 6; y++)
        up6(o + 6 * y, t + 4 * y);
}

INL void planes_of(V *o, const FgWinoGradIn *q, int tile, int c,
                   const int gradient)
{
    if (gradient)
        gradient_planes(o, q, tile, c);
    else
        input_planes(o, q, tile, c);
}

INL void transform_f32(const FgWinoGradIn *q, const int gradient)
{
    /* An odd last tile has a partner of zeros. */
    for (int k = 0; k < (q->n + 1) / 2 * 2; k++)
        for (int c = 0; c < q->cp; c += LANES) {
            float *v = (float *)q->v + (size_t)k * (size_t)q->cp + c;
            V o[36];

            if (k < q->n)
                planes_of(o, q, k, c, gradient);
            else
                for (int p = 0; p < 36; p++)
                    o[p] = vset(0);
            for (int p = 0; p < 36; p++)
                vstore((float *)((char *)v + (size_t)p * q->plane), o[p]);
        }
}

static void input_f32(const FgWinoGradIn *q)
{
    transform_f32(q, 0);
}

static void gradient_f32(const FgWinoGradIn *q)
{
    transform_f32(q, 1);
}

/* rows inputs times nb vectors of outputs from (i, o) on. */
INL void grad_block_f32(const FgWinoGradProduct *q, int i, int o,
                        const int rows, const int nb)
{
    const float *v = (const float *)q->v + i, *d = (const float *)q->d + o;
    float *const du = q->du + (size_t)i * (size_t)q->ocp + o;
    V acc[16][4];

#pragma GCC unroll 16
    for (int r = 0; r < rows; r++)
#pragma GCC unroll 4
        for (int b = 0; b < nb; b++)
            acc[r][b] = vload(du + r * q->ocp + b * LANES);
#pragma GCC unroll 1
    for (int k = 0; k < q->slots; k++, v += q->icp, d += q->ocp) {
        V w[4];
#pragma GCC unroll 4
        for (int b = 0; b < nb; b++)
            w[b] = vload(d + b * LANES);
#pragma GCC unroll 16
        for (int r = 0; r < rows; r++) {
            const V a = vset(v[r]);
#pragma GCC unroll 4
            for (int b = 0; b < nb; b++)
                acc[r][b] = vfma(a, w[b], acc[r][b]);
        }
    }
#pragma GCC unroll 16
    for (int r = 0; r < rows; r++)
#pragma GCC unroll 4
        for (int b = 0; b < nb; b++)
            vstore(du + r * q->ocp + b * LANES, acc[r][b]);
}

typedef void (*GradBlock)(const FgWinoGradProduct *q, int i, int o);
#define GRAD_BLOCK(type, rows, nb)                                             \
    __attribute__((noinline)) static void grad_##type##_##rows##x##nb(         \
        const FgWinoGradProduct *q, int i, int o)                              \
    {                                                                          \
        grad_block_##type(q, i, o, rows, nb);                                  \
    }

#if LANES == 16
GRAD_BLOCK(f32, 16, 1)
GRAD_BLOCK(f32, 8, 2)
GRAD_BLOCK(f32, 4, 3)
GRAD_BLOCK(f32, 4, 4)
static const int grad_rows[5] = {0, 16, 8, 4, 4};
static const GradBlock grad_f32[5] = {NULL, grad_f32_16x1, grad_f32_8x2,
                                      grad_f32_4x3, grad_f32_4x4};
#else
GRAD_BLOCK(f32, 4, 2)
static const int grad_rows[5] = {0, 0, 4, 0, 0};
static const GradBlock grad_f32[5] = {NULL, NULL, grad_f32_4x2, NULL, NULL};
#endif

static void cover_grad(const FgWinoGradProduct *q, const GradBlock *blocks)
{
    const int most = LANES == 16 ? 4 : 2;

    for (int o = 0, nb; o < q->ocp; o += nb * LANES) {
        nb = (q->ocp - o) / LANES;
        nb = nb > most ? (nb == most + 1 && most == 4 ? 3 : most) : nb;
        for (int i = 0; i < q->icp; i += grad_rows[nb])
            blocks[nb](q, i, o);
    }
}

static void product_grad_f32(const FgWinoGradProduct *q)
{
    cover_grad(q, grad_f32);
}
