/* ffgan: protocol buffers' wire format, read without copying.
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A message is a span of bytes; a field is found by walking it. Every length is
 * checked against the span that holds it, so that a broken message is only
 * shorter than it says. protobuf.dev/programming-guides/encoding */
#ifndef FFGAN_KERNELS_PROTOBUF_H
#define FFGAN_KERNELS_PROTOBUF_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef struct FgSpan {
    const uint8_t *p;
    size_t n;
} FgSpan;

typedef struct FgField {
    int number;
    int wire;   /* 0 varint, 1 eight bytes, 2 span, 5 four bytes */
    uint64_t v; /* varint, or the bytes little-endian */
    FgSpan s;   /* wire 2 */
} FgField;

/* 0 at the end and where the message is broken (*bad is then 1). */
static inline int fg_pb_varint(FgSpan *s, uint64_t *v)
{
    *v = 0;
    for (int shift = 0; shift < 64 && s->n; shift += 7) {
        const uint8_t b = *s->p++;
        s->n--;
        *v |= (uint64_t)(b & 0x7f) << shift;
        if (!(b & 0x80))
            return 1;
    }
    return 0;
}

static inline int fg_pb_next(FgSpan *s, FgField *f, int *bad)
{
    uint64_t key;
    if (!s->n)
        return 0;
    *bad = 1;
    if (!fg_pb_varint(s, &key) || !(key >> 3) || key >> 3 > 1 << 20)
        return 0;
    f->number = (int)(key >> 3);
    f->wire = (int)(key & 7);
    f->v = 0;
    f->s = (FgSpan){NULL, 0};
    if (f->wire == 1 || f->wire == 5) {
        const size_t n = f->wire == 1 ? 8 : 4;
        if (s->n < n)
            return 0;
        for (size_t i = n; i-- > 0;)
            f->v = f->v << 8 | s->p[i];
        s->p += n;
        s->n -= n;
    } else if (f->wire != 0 && f->wire != 2) {
        return 0;
    } else if (!fg_pb_varint(s, &f->v)) {
        return 0;
    } else if (f->wire == 2) {
        if (f->v > s->n)
            return 0;
        f->s = (FgSpan){s->p, (size_t)f->v};
        s->p += f->v;
        s->n -= (size_t)f->v;
    }
    *bad = 0;
    return 1;
}

static inline int fg_span_is(FgSpan s, const char *text)
{
    return s.n == strlen(text) && !memcmp(s.p, text, s.n);
}

#endif
