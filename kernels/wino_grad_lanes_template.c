/* Winograd: what weight gradients and convolutions share, for one width.
 * SPDX-License-Identifier: LGPL-2.1-or-later */

/* One column of B': o = B' d. */
INL void FN(in6)(V *o, const V *d)
{
    const V k25 = vset(-2.5f), m2 = vset(-2.0f), mh = vset(-0.5f);
    const V a = vset(PA), b = vset(PB);
    const V e = vfma(d[2], m2, d[4]), q = vfma(d[1], m2, d[3]);
    const V f = vfma(d[2], mh, d[4]), r = vfma(d[1], mh, d[3]);

    o[0] = vadd(vfma(d[2], k25, d[4]), d[0]);
    o[1] = vfma(a, q, e);
    o[2] = vfnma(a, q, e);
    o[3] = vfma(b, r, f);
    o[4] = vfnma(b, r, f);
    o[5] = vadd(vfma(d[3], k25, d[5]), d[1]);
}

INL V FN(load_f32)(const float *p, int left)
{
    return left >= LANES ? vload(p) : vload_n(p, left);
}
