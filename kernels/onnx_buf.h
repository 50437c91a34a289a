/* ffgan: protocol buffers' wire format, written.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FFGAN_KERNELS_ONNX_BUF_H
#define FFGAN_KERNELS_ONNX_BUF_H

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Grows as needed; the first failure sticks. */
typedef struct FgBuf {
    uint8_t *p;
    size_t n, cap;
    int rc;
} FgBuf;

static inline void fg_buf_put(FgBuf *b, const void *data, size_t n)
{
    if (b->rc < 0)
        return;
    if (b->n + n > b->cap) {
        const size_t cap = 2 * (b->n + n) + 64;
        uint8_t *p = realloc(b->p, cap);
        if (!p) {
            b->rc = -ENOMEM;
            return;
        }
        b->p = p;
        b->cap = cap;
    }
    if (n)
        memcpy(b->p + b->n, data, n);
    b->n += n;
}

static inline void fg_buf_varint(FgBuf *b, uint64_t v)
{
    uint8_t t[10];
    size_t n = 0;
    for (; v >= 0x80; v >>= 7)
        t[n++] = (uint8_t)(v | 0x80);
    t[n++] = (uint8_t)v;
    fg_buf_put(b, t, n);
}

static inline void fg_buf_int(FgBuf *b, int field, int64_t v)
{
    fg_buf_varint(b, (uint64_t)field << 3);
    fg_buf_varint(b, (uint64_t)v);
}

static inline void fg_buf_float(FgBuf *b, int field, float v)
{
    uint32_t u;
    uint8_t t[4];
    memcpy(&u, &v, 4);
    for (int i = 0; i < 4; i++)
        t[i] = (uint8_t)(u >> 8 * i);
    fg_buf_varint(b, (uint64_t)field << 3 | 5);
    fg_buf_put(b, t, 4);
}

static inline void fg_buf_bytes(FgBuf *b, int field, const void *p, size_t n)
{
    fg_buf_varint(b, (uint64_t)field << 3 | 2);
    fg_buf_varint(b, n);
    fg_buf_put(b, p, n);
}

static inline void fg_buf_text(FgBuf *b, int field, const char *s)
{
    fg_buf_bytes(b, field, s, strlen(s));
}

/* child goes into b as a message and is empty again. */
static inline void fg_buf_message(FgBuf *b, int field, FgBuf *child)
{
    if (child->rc < 0)
        b->rc = child->rc;
    fg_buf_bytes(b, field, child->p, child->n);
    free(child->p);
    memset(child, 0, sizeof(*child));
}

#endif
