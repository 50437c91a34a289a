/* A ring of padded input rows.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "conv_ring.h"
#include "dsp.h"
#include "real.h"

#include <string.h>

#ifndef FG_REAL_DOUBLE
static int modulo(int i, int n)
{
    const int m = i % n;

    return m < 0 ? m + n : m;
}

int fg_pad_index(int i, int n, int pad_mode)
{
    if (i >= 0 && i < n)
        return i;
    switch (pad_mode) {
    case FG_PAD_REPLICATE:
        return i < 0 ? 0 : n - 1;
    case FG_PAD_CIRCULAR:
        return modulo(i, n);
    case FG_PAD_REFLECT:
        if (n == 1)
            return 0;
        i = modulo(i, 2 * (n - 1));
        return i < n ? i : 2 * (n - 1) - i;
    default:
        return -1;
    }
}

static size_t slot_bytes(const FgConvPrep *p, int out_w)
{
    const size_t pixels = (size_t)(out_w - 1) * (size_t)p->stride +
                          (size_t)p->k;

    return (pixels * (size_t)p->icp * (size_t)p->groups *
                fg_dtype_size(p->dtype) +
            63) &
           ~(size_t)63;
}

size_t fg_ring_bytes(const FgConvPrep *p, int out_w)
{
    return slot_bytes(p, out_w) * (size_t)p->k;
}
#endif

static int can_stay(const FgConvPrep *p, const FgTensor *in, FgShape out)
{
    return p->dilate == 1 && p->pad <= 0 && p->dtype != FG_BF16 &&
           (out.w - 1) * p->stride + p->k - p->pad <= in->shape.w &&
           (out.h - 1) * p->stride + p->k - p->pad <= in->shape.h;
}

void FG_REAL_NAME(fg_ring_init)(FgRing *r, const FgConvPrep *p,
                                const FgTensor *in, int image, FgShape out,
                                void *mem)
{
    r->p = p;
    r->in = in;
    r->image = image;
    r->width = (out.w - 1) * p->stride + p->k;
    r->in_place = can_stay(p, in, out);
    r->pitch = r->in_place ? in->pitch : p->icp * p->groups;
    r->slot = fg_ring_bytes(p, out.w) / (size_t)p->k;
    r->mem = mem;
    for (int i = 0; i < p->k; i++)
        r->have[i] = -1;
}

static int source_index(const FgConvPrep *p, int v, int n)
{
    const int i = v - p->pad;

    if (p->dilate == 1)
        return fg_pad_index(i, n, p->pad_mode);
    return i < 0 || i % p->dilate || i / p->dilate >= n ? -1 : i / p->dilate;
}

/* n pixels from src on become the virtual pixels from x on. */
static void copy_run(const FgRing *r, char *slot, int x, int n,
                     const fg_real *src)
{
    const FgConvPrep *const p = r->p;
    const size_t c = (size_t)(p->ic * p->groups);
    const int dense = r->in->pitch == r->pitch && (int)c == r->pitch;
    const size_t size = fg_dtype_size(p->dtype);
    char *dst = slot + (size_t)x * (size_t)r->pitch * size;
    const size_t run = dense ? c * (size_t)n : c;

    for (int i = 0; i < (dense ? 1 : n); i++) {
#ifndef FG_REAL_DOUBLE
        if (p->dtype == FG_BF16) {
            fg_dsp()->f32_to_bf16((uint16_t *)dst, src, run);
            if (p->icp != p->ic)
                ((uint16_t *)dst)[c] = 0;
        } else
#endif
            memcpy(dst, src, run * size);
        dst += (size_t)r->pitch * size;
        src += r->in->pitch;
    }
}

static void gather_border(const FgRing *r, char *slot, int x0, int x1,
                          const fg_real *row)
{
    const size_t pixel = (size_t)r->pitch * fg_dtype_size(r->p->dtype);

    for (int x = x0; x < x1; x++) {
        const int i = source_index(r->p, x, r->in->shape.w);

        if (i < 0)
            memset(slot + (size_t)x * pixel, 0, pixel);
        else
            copy_run(r, slot, x, 1, row + (ptrdiff_t)i * r->in->pitch);
    }
}

static void gather(const FgRing *r, char *slot, int v)
{
    const FgConvPrep *const p = r->p;
    const int y = source_index(p, v, r->in->shape.h);
    const fg_real *row;
    int left, n;

    if (y < 0) {
        memset(slot, 0, r->slot);
        return;
    }
    row = fg_at(r->in, r->image, y, 0);
    if (p->dilate > 1) {
        gather_border(r, slot, 0, r->width, row);
        return;
    }
    left = p->pad > 0 ? p->pad : 0;
    left = left < r->width ? left : r->width;
    n = r->in->shape.w - (left - p->pad);
    n = n < r->width - left ? n : r->width - left;
    n = n > 0 ? n : 0;
    gather_border(r, slot, 0, left, row);
    if (n)
        copy_run(r, slot, left, n,
                 row + (ptrdiff_t)(left - p->pad) * r->in->pitch);
    gather_border(r, slot, left + n, r->width, row);
}

void FG_REAL_NAME(fg_ring_seek)(FgRing *r, int y)
{
    const FgConvPrep *const p = r->p;

    for (int ky = 0; ky < p->k; ky++) {
        const int v = y * p->stride + ky;
        char *const slot = r->mem + (size_t)(v % p->k) * r->slot;

        if (r->in_place) {
            r->rows[ky] = fg_at(r->in, r->image, v - p->pad, 0) -
                          (ptrdiff_t)p->pad * r->in->pitch;
            continue;
        }
        if (r->have[v % p->k] != v) {
            gather(r, slot, v);
            r->have[v % p->k] = v;
        }
        r->rows[ky] = slot;
    }
}
