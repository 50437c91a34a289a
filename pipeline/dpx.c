/* ffgan: the header of DPX pictures.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <libavutil/intreadwrite.h>

#include "pipeline/dpx.h"

enum {
    SHORT = 1664, /* generic headers */
    WHOLE = 2048, /* and those for film and television */
    FILM = 1664,
    TELEVISION = 1920,
    TRANSFER = 801,
    COLORIMETRIC = 802
};

typedef struct Header {
    uint8_t *b;
    int big; /* endian */
} Header;

static uint32_t get32(const Header *h, int at)
{
    return h->big ? AV_RB32(h->b + at) : AV_RL32(h->b + at);
}

static void put32(const Header *h, int at, uint32_t v)
{
    if (h->big)
        AV_WB32(h->b + at, v);
    else
        AV_WL32(h->b + at, v);
}

static void put_float(const Header *h, int at, float f)
{
    uint32_t v;
    memcpy(&v, &f, sizeof(v));
    put32(h, at, v);
}

static int is_dpx(Header *h, uint8_t *bytes, size_t size)
{
    h->b = bytes;
    h->big = size >= 4 && !memcmp(bytes, "SDPX", 4);
    return size >= SHORT && (h->big || !memcmp(bytes, "XPDS", 4));
}

/* Undefined is all ones for numbers and zero for text. */
static void blank(const Header *h)
{
    memset(h->b + FILM, 0, WHOLE - FILM);
    for (int at = 1712; at < 1732; at += 4) /* position ... shutter */
        put32(h, at, UINT32_MAX);
    put32(h, TELEVISION, UINT32_MAX);
    put32(h, TELEVISION + 4, UINT32_MAX);
    memset(h->b + TELEVISION + 8, 0xff, 4);
    for (int at = TELEVISION + 12; at < TELEVISION + 52; at += 4)
        put32(h, at, UINT32_MAX);
}

static void copy32(const Header *to, const Header *from, int at, int end)
{
    for (; at < end; at += 4)
        put32(to, at, get32(from, at));
}

static void copy_bytes(const Header *to, const Header *from, int at, int size)
{
    memcpy(to->b + at, from->b + at, (size_t)size);
}

/* Film and television headers of a source that has them. */
static void copy_industry(const Header *to, const Header *from)
{
    copy_bytes(to, from, FILM, 48); /* code of the film stock, format */
    copy32(to, from, 1712, 1732);
    copy_bytes(to, from, 1732, TELEVISION - 1732); /* frame, slate */
    copy32(to, from, TELEVISION, TELEVISION + 8);
    copy_bytes(to, from, TELEVISION + 8, 4);
    copy32(to, from, TELEVISION + 12, TELEVISION + 52);
    copy_bytes(to, from, TELEVISION + 52, WHOLE - TELEVISION - 52);
}

/* What is true of the enlarged picture, too. */
static void copy_generic(const Header *to, const Header *from)
{
    copy_bytes(to, from, 260, 400);  /* project, copyright */
    copy_bytes(to, from, 1432, 188); /* source file, date, device, serial */
    to->b[TRANSFER] = from->b[TRANSFER];
    to->b[COLORIMETRIC] = from->b[COLORIMETRIC];
}

static int read_header(const char *path, uint8_t bytes[WHOLE], ssize_t *n)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    *n = pread(fd, bytes, WHOLE, 0);
    const int ret = *n < 0 ? -errno : 0;
    close(fd);
    return ret;
}

static uint8_t code_of(enum AVColorTransferCharacteristic trc)
{
    switch (trc) {
    case AVCOL_TRC_LINEAR:
        return 2;
    case AVCOL_TRC_LOG:
    case AVCOL_TRC_LOG_SQRT:
        return 3;
    case AVCOL_TRC_BT709:
        return 6;
    case AVCOL_TRC_GAMMA28:
        return 7;
    case AVCOL_TRC_SMPTE170M:
        return 8;
    case AVCOL_TRC_SMPTE240M:
        return 5;
    default:
        return 4; /* video, not said which */
    }
}

static void describe(const Header *h, const FgDpxOptions *o)
{
    if (o->creator)
        memcpy(h->b + 160, o->creator, strnlen(o->creator, 99));
    h->b[TRANSFER] = h->b[COLORIMETRIC] = code_of(o->trc);
    if (o->rate > 0) {
        put_float(h, 1724, (float)o->rate);
        put_float(h, TELEVISION + 20, (float)o->rate);
    }
    if (o->number >= 0 && o->number < UINT32_MAX)
        put32(h, 1712, (uint32_t)o->number);
}

static int copy_source(const Header *h, const FgDpxOptions *o)
{
    uint8_t bytes[WHOLE];
    Header from;
    ssize_t n = 0;
    const int ret = read_header(o->like, bytes, &n);
    if (ret < 0 || !is_dpx(&from, bytes, (size_t)n))
        return ret;
    copy_generic(h, &from);
    if (n == WHOLE && get32(&from, 4) >= WHOLE)
        copy_industry(h, &from);
    return 0;
}

int fg_dpx_complete(uint8_t **out, size_t *out_size, const uint8_t *data,
                    size_t size, const FgDpxOptions *o)
{
    Header h;
    uint8_t *const b = malloc(size + WHOLE);
    *out = NULL;
    if (!b)
        return -ENOMEM;
    memcpy(b, data, size);
    const uint32_t at = is_dpx(&h, b, size) ? get32(&h, 4) : 0;
    if (at < SHORT || at > size) {
        free(b);
        return -EINVAL;
    }
    memcpy(b + WHOLE, data + at, size - at);
    *out_size = WHOLE + size - at;
    blank(&h);
    describe(&h, o);
    put32(&h, 4, WHOLE);
    put32(&h, 16, (uint32_t)*out_size);
    put32(&h, 24, SHORT); /* generic headers */
    put32(&h, 28, WHOLE - SHORT);
    put32(&h, 808, WHOLE);
    const int ret = o->like ? copy_source(&h, o) : 0;
    if (ret < 0)
        free(b);
    else
        *out = b;
    return ret;
}
