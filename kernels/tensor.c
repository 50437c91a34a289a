/* Tensor memory and views.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tensor.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define MAX_BYTES (1ull << 40)

size_t fg_dtype_size(FgDtype dtype)
{
    switch (dtype) {
    case FG_F64:
        return 8;
    case FG_BF16:
    case FG_F16:
        return 2;
    case FG_U8:
        return 1;
    case FG_F32:
        break;
    }
    return 4;
}

FgTensor fg_tensor_wrap(void *data, FgShape shape, FgDtype dtype)
{
    FgTensor t = {.shape = shape, .dtype = dtype, .data = data};

    t.pitch = shape.c;
    t.row = (ptrdiff_t)shape.w * shape.c;
    t.image = t.row * shape.h;
    return t;
}

int fg_tensor_alloc(FgTensor *t, FgShape shape, FgDtype dtype)
{
    const int dims[4] = {shape.n, shape.c, shape.h, shape.w};
    unsigned long long bytes = fg_dtype_size(dtype);
    void *data;

    memset(t, 0, sizeof(*t));
    for (int i = 0; i < 4; i++) {
        if (dims[i] < 1 || bytes > MAX_BYTES / (unsigned)dims[i])
            return -EINVAL;
        bytes *= (unsigned)dims[i];
    }
    bytes = (bytes + 63) & ~63ull;
    data = aligned_alloc(64, bytes);
    if (!data)
        return -ENOMEM;
    memset(data, 0, bytes);
    *t = fg_tensor_wrap(data, shape, dtype);
    t->owned = data;
    return 0;
}

void fg_tensor_free(FgTensor *t)
{
    if (!t)
        return;
    free(t->owned);
    memset(t, 0, sizeof(*t));
}

static FgTensor view(const FgTensor *t, ptrdiff_t offset)
{
    FgTensor v = *t;

    v.owned = NULL;
    v.data = (char *)t->data + offset * (ptrdiff_t)fg_dtype_size(t->dtype);
    return v;
}

FgTensor fg_tensor_images(const FgTensor *t, int n0, int n)
{
    FgTensor v = view(t, n0 * t->image);

    v.shape.n = n;
    return v;
}

FgTensor fg_tensor_window(const FgTensor *t, int x, int y, int w, int h)
{
    FgTensor v = view(t, y * t->row + (ptrdiff_t)x * t->pitch);

    v.shape.w = w;
    v.shape.h = h;
    return v;
}

FgTensor fg_tensor_channels(const FgTensor *t, int c0, int c)
{
    FgTensor v = view(t, c0);

    v.shape.c = c;
    return v;
}

static void copy_row(char *dst, int dst_pitch, const char *src, int src_pitch,
                     FgShape s, size_t size)
{
    if (dst_pitch == s.c && (!src || src_pitch == s.c)) {
        const size_t bytes = size * (size_t)s.w * (size_t)s.c;

        if (src)
            memcpy(dst, src, bytes);
        else
            memset(dst, 0, bytes);
        return;
    }
    for (int x = 0; x < s.w; x++) {
        if (src)
            memcpy(dst, src, size * (size_t)s.c);
        else
            memset(dst, 0, size * (size_t)s.c);
        dst += (ptrdiff_t)size * dst_pitch;
        src = src ? src + (ptrdiff_t)size * src_pitch : NULL;
    }
}

static char *row_of(const FgTensor *t, int n, int y)
{
    return (char *)t->data +
           (n * t->image + y * t->row) * (ptrdiff_t)fg_dtype_size(t->dtype);
}

void fg_tensor_zero(FgTensor *t)
{
    for (int n = 0; n < t->shape.n; n++)
        for (int y = 0; y < t->shape.h; y++)
            copy_row(row_of(t, n, y), t->pitch, NULL, 0, t->shape,
                     fg_dtype_size(t->dtype));
}

void fg_tensor_copy(FgTensor *dst, const FgTensor *src)
{
    for (int n = 0; n < dst->shape.n; n++)
        for (int y = 0; y < dst->shape.h; y++)
            copy_row(row_of(dst, n, y), dst->pitch, row_of(src, n, y),
                     src->pitch, dst->shape, fg_dtype_size(dst->dtype));
}
