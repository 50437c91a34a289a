/* ffgan: tensors. SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Letters: N batch, C channels, H height, W width.
 * Layout is always NHWC (channels last): element (n,y,x,c) of a tensor is
 *     data[n*image + y*row + x*pitch + c]
 * with strides counted in elements. pitch >= c, row >= w*pitch,
 * image >= h*row. Elements between c and pitch are never read or written.
 * With wrap > 0 memory holds wrap rows and row y lies where row y % wrap of a
 * whole tensor would: the latest rows of a picture of h rows. */
#ifndef FFGAN_KERNELS_TENSOR_H
#define FFGAN_KERNELS_TENSOR_H

#include <stddef.h>
#include <stdint.h>

typedef enum FgDtype { FG_F32, FG_F64, FG_BF16, FG_F16, FG_U8 } FgDtype;

typedef struct FgShape {
    int n, c, h, w;
} FgShape;

typedef struct FgTensor {
    FgShape shape;
    int pitch;       /* elements from pixel to pixel */
    ptrdiff_t row;   /* elements from row to row */
    ptrdiff_t image; /* elements from image to image */
    FgDtype dtype;
    void *data;  /* element (0,0,0,0) */
    void *owned; /* allocation freed by fg_tensor_free, or NULL: a view */
    int wrap;    /* 0: all rows are there */
} FgTensor;

size_t fg_dtype_size(FgDtype dtype); /* bytes */

/* Dense tensor (pitch = c, row = w*c), zero filled, 64-byte aligned.
 * Returns 0, -ENOMEM, or -EINVAL for a size below 1 or over 2^40 bytes. On
 * failure *t is zeroed. The caller frees with fg_tensor_free. */
int fg_tensor_alloc(FgTensor *t, FgShape shape, FgDtype dtype);
/* Accepts NULL and zeroed tensors; zeroes *t. Views own nothing. */
void fg_tensor_free(FgTensor *t);
/* A dense view over memory that the caller keeps alive. */
FgTensor fg_tensor_wrap(void *data, FgShape shape, FgDtype dtype);
/* View of n images from image n0 on. */
FgTensor fg_tensor_images(const FgTensor *t, int n0, int n);
/* View of the w x h window at (x, y) of every image. */
FgTensor fg_tensor_window(const FgTensor *t, int x, int y, int w, int h);
/* View of channels [c0, c0+c). */
FgTensor fg_tensor_channels(const FgTensor *t, int c0, int c);
/* Sets every element (not the gaps) to zero. */
void fg_tensor_zero(FgTensor *t);
/* Copies elements; shapes and dtypes must be equal. */
void fg_tensor_copy(FgTensor *dst, const FgTensor *src);

static inline ptrdiff_t fg_row_offset(const FgTensor *t, int y)
{
    return (t->wrap ? y % t->wrap : y) * t->row;
}

static inline float *fg_f32(const FgTensor *t, int n, int y, int x)
{
    return (float *)t->data + n * t->image + fg_row_offset(t, y) +
           (ptrdiff_t)x * t->pitch;
}

/* Any element type of size bytes. */
static inline char *fg_bytes(const FgTensor *t, int n, int y, int x,
                             size_t size)
{
    return (char *)t->data +
           (n * t->image + fg_row_offset(t, y) + (ptrdiff_t)x * t->pitch) *
               (ptrdiff_t)size;
}

static inline double *fg_f64(const FgTensor *t, int n, int y, int x)
{
    return (double *)t->data + n * t->image + fg_row_offset(t, y) +
           (ptrdiff_t)x * t->pitch;
}

#endif
