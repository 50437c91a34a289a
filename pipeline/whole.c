/* ffgan: is a picture file whole? For the formats whose decoders do not tell.
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * OpenEXR: "OpenEXR File Layout"; JPEG: ITU-T T.81, annex B; QOI: qoiformat.org
 */
#include <string.h>

#include <libavutil/intreadwrite.h>

#include "pipeline/sequence.h"

enum {
    MAX_PARTS = 1024,
    EXR_TILED = 0x200,
    EXR_DEEP = 0x800,
    EXR_PARTS = 0x1000
};

typedef struct Bytes {
    const uint8_t *p;
    size_t size, at;
    int cut; /* 1: something lay behind the end */
} Bytes;

static const uint8_t *take(Bytes *b, size_t n)
{
    if (b->cut || n > b->size - b->at) {
        b->cut = 1;
        return NULL;
    }
    b->at += n;
    return b->p + b->at - n;
}

/* A NUL-ended word; "" at the end of a header, NULL when it is cut. */
static const char *take_word(Bytes *b)
{
    const uint8_t *const p = b->p + b->at;
    const uint8_t *const end = b->cut ? NULL : memchr(p, 0, b->size - b->at);
    return end ? (const char *)take(b, (size_t)(end - p) + 1)
               : (const char *)take(b, b->size + 1);
}

/* Chunks of one part: as it says, or from the height; -1 = not known. */
static int64_t exr_chunks(Bytes *b, int tiled)
{
    static const uint16_t lines[] = {1, 1, 1, 16, 32, 16, 32, 32, 32, 256};
    int64_t said = -1, height = -1, per_chunk = -1;
    const char *name;
    while ((name = take_word(b)) && *name) {
        const char *const type = take_word(b);
        const uint8_t *const len = take(b, 4);
        const uint8_t *const v = len && type ? take(b, AV_RL32(len)) : NULL;
        if (!v)
            break;
        const uint32_t n = AV_RL32(len);
        if (!strcmp(name, "chunkCount") && n == 4)
            said = AV_RL32(v);
        else if (!strcmp(name, "dataWindow") && n == 16)
            height = (int64_t)(int32_t)AV_RL32(v + 12) -
                     (int32_t)AV_RL32(v + 4) + 1;
        else if (!strcmp(name, "compression") && n == 1 &&
                 v[0] < sizeof(lines) / sizeof(lines[0]))
            per_chunk = lines[v[0]];
    }
    if (said >= 0 || tiled || height <= 0 || per_chunk < 0)
        return said;
    return (height + per_chunk - 1) / per_chunk;
}

/* Each chunk must lie inside: its place, its header, its data. */
static void exr_check_chunks(Bytes *b, int64_t nb, int parts, int tiled)
{
    for (int64_t i = 0; i < nb && !b->cut; i++) {
        const uint8_t *const entry = take(b, 8);
        const size_t head = (parts ? 4 : 0) + (tiled ? 16 : 4);
        Bytes c = *b;
        if (!entry)
            return;
        const uint64_t place = AV_RL64(entry);
        c.at = place && place < b->size ? (size_t)place : b->size;
        const uint8_t *const len = take(&c, head) ? take(&c, 4) : NULL;
        if (!len || !take(&c, AV_RL32(len)))
            b->cut = 1;
    }
}

static int exr_is_whole(const uint8_t *data, size_t size)
{
    Bytes b = {data, size, 0, 0};
    const uint8_t *const head = take(&b, 8);
    if (!head || AV_RL32(head) != 20000630 || (AV_RL32(head + 4) & EXR_DEEP))
        return 1; /* the decoder will say it */
    const uint32_t flags = AV_RL32(head + 4);
    const int parts = !!(flags & EXR_PARTS), tiled = !!(flags & EXR_TILED);
    if (!parts) {
        exr_check_chunks(&b, exr_chunks(&b, tiled), 0, tiled);
        return !b.cut;
    }
    /* Parts may be tiled or deep each: that their tables are there is all. */
    for (int n = 0; n < MAX_PARTS && !b.cut && b.at < size && data[b.at]; n++)
        exr_chunks(&b, 1);
    return !b.cut;
}

/* From marker to marker: an end inside a thumbnail is not the picture's, and
 * cameras put more behind the end. */
static int jpeg_is_whole(const uint8_t *data, size_t size)
{
    for (size_t at = 0; at + 1 < size;) {
        const int marker = data[at] == 0xff ? data[at + 1] : 0;
        if (marker == 0xd9)
            return 1;
        if (marker == 0 || marker == 0xff) {
            at++; /* coded data, or filling */
        } else if (marker == 0x01 || (marker >= 0xd0 && marker <= 0xd8)) {
            at += 2;
        } else {
            if (at + 4 > size)
                return 0;
            at += 2 + (size_t)AV_RB16(data + at + 2);
        }
    }
    return 0;
}

static int qoi_is_whole(const uint8_t *data, size_t size)
{
    static const uint8_t end[8] = {0, 0, 0, 0, 0, 0, 0, 1};
    return size >= 8 && !memcmp(data + size - 8, end, 8);
}

int fg_picture_is_whole(const uint8_t *data, size_t size, enum AVCodecID id)
{
    switch (id) {
    case AV_CODEC_ID_EXR:
        return exr_is_whole(data, size);
    case AV_CODEC_ID_MJPEG:
        return jpeg_is_whole(data, size);
    case AV_CODEC_ID_QOI:
        return qoi_is_whole(data, size);
    default:
        return 1;
    }
}
