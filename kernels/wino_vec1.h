/* Winograd's vectors of one float: the definition of right.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FFGAN_KERNELS_WINO_VEC1_H
#define FFGAN_KERNELS_WINO_VEC1_H

#include "wino_common.h"

#define LANES 1
#define V float
#define U uint32_t
#define H uint16_t
#define uzero 0
#define hzero 0

INL V vload(const float *p)
{
    return *p;
}
INL V vload_n(const float *p, int n)
{
    return n > 0 ? *p : 0;
}
INL void vstore(float *p, V v)
{
    *p = v;
}
INL void vstore_n(float *p, V v, int n)
{
    if (n > 0)
        *p = v;
}
INL V vset(float x)
{
    return x;
}
INL V vadd(V a, V b)
{
    return a + b;
}
INL V vsub(V a, V b)
{
    return a - b;
}
INL V vmul(V a, V b)
{
    return a * b;
}
INL V vfma(V a, V b, V c)
{
    return fmaf(a, b, c);
}
INL V vfnma(V a, V b, V c)
{
    return fmaf(-a, b, c);
}
INL V vmax0(V v)
{
    return 0 > v ? 0 : v;
}
INL V vslope(V v, V s)
{
    return v < 0 ? v * s : v;
}
INL U umax(U a, U b)
{
    return a > b ? a : b;
}
INL U vabsmax(U u, V v)
{
    union {
        float f;
        uint32_t u;
    } x = {v};
    return umax(u, x.u & 0x7fffffff);
}
INL uint32_t ureduce(U u)
{
    return u;
}
INL V vint(const int32_t *p)
{
    return (float)*p;
}
INL void vput16(int16_t *p, V v)
{
    union {
        float f;
        uint32_t u;
    } x = {v};
    *p = (int16_t)(uint16_t)x.u;
}
INL void vput16x2(int16_t *p, V v, V w)
{
    vput16(p, v);
    vput16(p + 1, w);
}

INL H hmax(H a, H b)
{
    return a > b ? a : b;
}
INL H habs(H h)
{
    return h & 0x7fff;
}
INL uint16_t hreduce(H h)
{
    return h;
}
INL H hload(const uint16_t *p)
{
    return *p;
}
INL H hload_n(const uint16_t *p, int n)
{
    return n > 0 ? *p : 0;
}
INL void hstore(uint16_t *p, H h)
{
    *p = h;
}
INL void hstore_n(uint16_t *p, H h, int n)
{
    if (n > 0)
        *p = h;
}
INL V vhalf(H h)
{
    return fg_half_to_float(h);
}
INL H halfv(V v)
{
    return fg_half_from_float(v);
}

#endif
