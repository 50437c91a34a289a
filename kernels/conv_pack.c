/* Weights into the order that the row loops read.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "conv.h"
#include "dsp.h"

#include <stdlib.h>
#include <string.h>
#include <errno.h>

void fg_conv_pack_f32(float *dst, const float *oihw, int oc, int ic, int kh,
                      int kw, int flip)
{
    const int nin = flip ? oc : ic, nout = flip ? ic : oc;
    const int pitch = fg_round_lanes(nout), taps = kh * kw;

    memset(dst, 0, sizeof(*dst) * (size_t)taps * (size_t)nin * (size_t)pitch);
    for (int o = 0; o < oc; o++) {
        for (int i = 0; i < ic; i++) {
            for (int t = 0; t < taps; t++) {
                const float v =
                    oihw[((size_t)o * (size_t)ic + (size_t)i) * (size_t)taps +
                         (size_t)t];

                if (flip)
                    dst[((size_t)(taps - 1 - t) * (size_t)nin + (size_t)o) *
                            (size_t)pitch +
                        (size_t)i] = v;
                else
                    dst[((size_t)t * (size_t)nin + (size_t)i) * (size_t)pitch +
                        (size_t)o] = v;
            }
        }
    }
}

static size_t weight_elements(const FgConvPrep *p)
{
    return (size_t)p->groups * (size_t)p->k * (size_t)p->k * (size_t)p->icp *
           (size_t)p->ocp;
}

static size_t weight_bytes(const FgConvPrep *p)
{
    return (weight_elements(p) * fg_dtype_size(p->dtype) + 63) & ~(size_t)63;
}

static size_t bias_element(const FgConvPrep *p)
{
    return p->dtype == FG_F64 ? 8 : 4;
}

size_t fg_conv_prep_bytes(const FgConvPrep *p)
{
    return weight_bytes(p) +
           (size_t)p->groups * (size_t)p->ocp * bias_element(p);
}

/* Index in the file's order of tap (ky, kx) from input i to output o. */
static size_t file_index(const FgConvPrep *p, int g, int o, int i, int t,
                         int swap)
{
    const int taps = p->k * p->k;
    const size_t a = swap ? (size_t)(g * p->ic + i) * (size_t)p->oc + (size_t)o
                          : (size_t)(g * p->oc + o) * (size_t)p->ic + (size_t)i;

    return a * (size_t)taps + (size_t)(swap ? taps - 1 - t : t);
}

static size_t packed_index(const FgConvPrep *p, int g, int o, int i, int t)
{
    const size_t row = ((size_t)g * (size_t)(p->k * p->k) + (size_t)t) *
                           (size_t)p->icp +
                       (size_t)i;

    if (p->dtype != FG_BF16)
        return row * (size_t)p->ocp + (size_t)o;
    return (row / 2 * (size_t)p->ocp + (size_t)o) * 2 + (size_t)(i & 1);
}

static void put(const FgConvPrep *p, void *mem, size_t at, const void *src,
                size_t from)
{
    if (p->dtype == FG_F64)
        ((double *)mem)[at] = ((const double *)src)[from];
    else if (p->dtype == FG_F32)
        ((float *)mem)[at] = ((const float *)src)[from];
    else
        fg_dsp()->f32_to_bf16((uint16_t *)mem + at, (const float *)src + from,
                              1);
}

static void pack(FgConvPrep *p, void *mem, const void *weight, const void *bias,
                 int swap)
{
    char *const b = (char *)mem + weight_bytes(p);
    const size_t size = bias_element(p);

    memset(mem, 0, fg_conv_prep_bytes(p));
    for (int g = 0; g < p->groups; g++) {
        for (int t = 0; t < p->k * p->k; t++)
            for (int i = 0; i < p->ic; i++)
                for (int o = 0; o < p->oc; o++)
                    put(p, mem, packed_index(p, g, o, i, t), weight,
                        file_index(p, g, o, i, t, swap));
        if (bias)
            memcpy(b + (size_t)(g * p->ocp) * size,
                   (const char *)bias + (size_t)(g * p->oc) * size,
                   (size_t)p->oc * size);
    }
    p->w = mem;
    p->bias = b;
}

void fg_conv_put_f32(FgConvPrep *p, void *mem, const float *weight,
                     const float *bias, int swap)
{
    pack(p, mem, weight, bias, swap);
}

void fg_conv_put_f64(FgConvPrep *p, void *mem, const double *weight,
                     const double *bias, int swap)
{
    pack(p, mem, weight, bias, swap);
}

int fg_conv_prep(FgConvPrep *p, const FgAttr *attr, int channels_in,
                 const float *weight, const float *bias, FgDtype dtype)
{
    const int groups = attr->groups > 0 ? attr->groups : 1;
    size_t bytes;

    memset(p, 0, sizeof(*p));
    if (attr->kernel < 1 || attr->kernel > FG_CONV_MAX_KERNEL ||
        attr->stride < 1 || attr->channels < 1 || channels_in < 1 ||
        channels_in % groups || attr->channels % groups ||
        (dtype != FG_F32 && dtype != FG_BF16))
        return -EINVAL;
    p->groups = groups;
    p->ic = channels_in / groups;
    p->oc = attr->channels / groups;
    p->icp = dtype == FG_BF16 ? (p->ic + 1) & ~1 : p->ic;
    p->ocp = fg_round_lanes(p->oc);
    p->k = attr->kernel;
    p->stride = attr->stride;
    p->dilate = 1;
    p->pad = attr->pad;
    p->pad_mode = attr->pad_mode;
    p->dtype = dtype;
    if (p->icp != p->ic && groups > 1) {
        memset(p, 0, sizeof(*p));
        return -ENOTSUP;
    }
    bytes = (fg_conv_prep_bytes(p) + 63) & ~(size_t)63;
    p->owned = aligned_alloc(64, bytes);
    if (!p->owned) {
        memset(p, 0, sizeof(*p));
        return -ENOMEM;
    }
    fg_conv_put_f32(p, p->owned, weight, bias, 0);
    return 0;
}

void fg_conv_prep_free(FgConvPrep *p)
{
    if (!p)
        return;
    free(p->owned);
    memset(p, 0, sizeof(*p));
}
