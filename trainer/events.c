/* TensorBoard's event files: records, scalars, images.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "trainer/atomic.h"
#include "trainer/events_priv.h"

#define PREFIX "events.out.tfevents."

/* ---- records ---- */

/* CRC-32C (Castagnoli), bit by bit: event files are small. */
uint32_t fg_crc32c_masked(const void *data, size_t size)
{
    const uint8_t *p = data;
    uint32_t c = 0xffffffffu;

    for (size_t i = 0; i < size; i++) {
        c ^= p[i];
        for (int k = 0; k < 8; k++)
            c = c >> 1 ^ (0x82f63b78u & (0u - (c & 1)));
    }
    c = ~c;
    return (c >> 15 | c << 17) + 0xa282ead8u;
}

static void little(uint8_t *p, uint64_t v, int bytes)
{
    for (int i = 0; i < bytes; i++)
        p[i] = (uint8_t)(v >> 8 * i);
}

static uint64_t from_little(const uint8_t *p, int bytes)
{
    uint64_t v = 0;

    for (int i = 0; i < bytes; i++)
        v |= (uint64_t)p[i] << 8 * i;
    return v;
}

int fg_events_record(FgEvents *e, const FgBuf *b, FgError *err)
{
    uint8_t head[12], foot[4];

    if (b->bad)
        return fg_error(err, -ENOMEM, "%s: not enough memory", e->path);
    little(head, b->size, 8);
    little(head + 8, fg_crc32c_masked(head, 8), 4);
    little(foot, fg_crc32c_masked(b->data, b->size), 4);
    if (fwrite(head, 1, 12, e->f) != 12 ||
        fwrite(b->data, 1, b->size, e->f) != b->size ||
        fwrite(foot, 1, 4, e->f) != 4 || fflush(e->f))
        return fg_error(err, -errno, "%s: cannot be written: %s", e->path,
                        strerror(errno));
    return 0;
}

int fg_events_walk(const char *path,
                   int (*fn)(void *arg, const uint8_t *data, size_t size,
                             size_t at),
                   void *arg, size_t *good, FgError *err)
{
    size_t size, at = 0;
    char *text;
    int ret = fg_read_file(path, &text, &size, err), stop = 0;
    const uint8_t *p = (const uint8_t *)text;

    if (ret)
        return ret;
    while (!stop && size - at >= 16) {
        const uint64_t n = from_little(p + at, 8);

        if (fg_crc32c_masked(p + at, 8) != from_little(p + at + 8, 4) ||
            n > size - at - 16 ||
            fg_crc32c_masked(p + at + 12, n) != from_little(p + at + 12 + n, 4))
            break;
        stop = fn(arg, p + at + 12, n, at);
        if (!stop)
            at += 16 + n;
    }
    free(text);
    if (good)
        *good = at;
    return stop;
}

/* ---- protobuf, writing ---- */

void fg_buf_bytes(FgBuf *b, const void *data, size_t size)
{
    if (b->size + size > b->cap) {
        const size_t cap = 2 * (b->size + size) + 64;
        uint8_t *p = realloc(b->data, cap);

        b->bad |= !p;
        if (!p)
            return;
        b->data = p;
        b->cap = cap;
    }
    if (size)
        memcpy(b->data + b->size, data, size);
    b->size += size;
}

void fg_buf_varint(FgBuf *b, uint64_t v)
{
    uint8_t out[10];
    size_t n = 0;

    for (; v >= 0x80; v >>= 7)
        out[n++] = (uint8_t)(v | 0x80);
    out[n++] = (uint8_t)v;
    fg_buf_bytes(b, out, n);
}

enum { VARINT, FIXED64, BYTES, FIXED32 = 5 };

static void key(FgBuf *b, int field, int type)
{
    fg_buf_varint(b, (uint64_t)(field << 3 | type));
}

void fg_buf_int(FgBuf *b, int field, int64_t v)
{
    key(b, field, VARINT);
    fg_buf_varint(b, (uint64_t)v);
}

void fg_buf_double(FgBuf *b, int field, double v)
{
    uint64_t bits;
    uint8_t out[8];

    memcpy(&bits, &v, 8);
    little(out, bits, 8);
    key(b, field, FIXED64);
    fg_buf_bytes(b, out, 8);
}

static void put_float(FgBuf *b, int field, float v)
{
    uint32_t bits;
    uint8_t out[4];

    memcpy(&bits, &v, 4);
    little(out, bits, 4);
    key(b, field, FIXED32);
    fg_buf_bytes(b, out, 4);
}

void fg_buf_data(FgBuf *b, int field, const void *data, size_t size)
{
    key(b, field, BYTES);
    fg_buf_varint(b, size);
    fg_buf_bytes(b, data, size);
}

void fg_buf_text(FgBuf *b, int field, const char *text)
{
    fg_buf_data(b, field, text, strlen(text));
}

void fg_buf_message(FgBuf *b, int field, FgBuf *inner)
{
    b->bad |= inner->bad;
    fg_buf_data(b, field, inner->data, inner->size);
    free(inner->data);
    *inner = (FgBuf){0};
}

/* ---- protobuf, reading just the step ---- */

static uint64_t varint(const uint8_t **p, const uint8_t *end)
{
    uint64_t v = 0;

    for (int shift = 0; *p < end && shift < 64; shift += 7) {
        const uint8_t c = *(*p)++;

        v |= (uint64_t)(c & 0x7f) << shift;
        if (c < 0x80)
            break;
    }
    return v;
}

int64_t fg_event_step(const uint8_t *data, size_t size)
{
    const uint8_t *p = data, *const end = data + size;

    while (p < end) {
        const uint64_t k = varint(&p, end);
        uint64_t skip = 0;

        if ((k & 7) == VARINT) {
            const uint64_t v = varint(&p, end);

            if (k >> 3 == 2)
                return (int64_t)v;
        } else if ((k & 7) == BYTES) {
            skip = varint(&p, end);
        } else {
            skip = (k & 7) == FIXED64 ? 8 : (k & 7) == FIXED32 ? 4 : UINT64_MAX;
        }
        if (skip > (uint64_t)(end - p))
            break;
        p += skip;
    }
    return 0;
}

/* ---- files ---- */

static int past(void *arg, const uint8_t *data, size_t size, size_t at)
{
    (void)at;
    return fg_event_step(data, size) > *(const int64_t *)arg;
}

static int cut(const char *path, int64_t keep_step, FgError *err)
{
    struct stat st;
    size_t good = 0;
    int ret = fg_events_walk(path, past, &keep_step, &good, err);

    if (ret < 0)
        return ret;
    if (stat(path, &st) || (size_t)st.st_size == good)
        return 0;
    if (truncate(path, (off_t)good))
        return fg_error(err, -errno, "%s: cannot be cut: %s", path,
                        strerror(errno));
    return 0;
}

/* Also finds a name that sorts after those there: readers go by name. */
static int cut_all(const char *dir, int64_t keep_step, long *newest,
                   FgError *err)
{
    DIR *d = opendir(dir);
    struct dirent *f;
    int ret = 0;

    if (!d)
        return fg_error(err, -errno, "%s: cannot be read: %s", dir,
                        strerror(errno));
    while (!ret && (f = readdir(d))) {
        char *path;
        long at;

        if (strncmp(f->d_name, PREFIX, strlen(PREFIX)))
            continue;
        at = strtol(f->d_name + strlen(PREFIX), NULL, 10);
        *newest = at > *newest ? at : *newest;
        if (asprintf(&path, "%s/%s", dir, f->d_name) < 0) {
            ret = -ENOMEM;
            break;
        }
        ret = cut(path, keep_step, err);
        free(path);
    }
    closedir(d);
    return ret;
}

static double wall(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_REALTIME, &ts);
    return (double)ts.tv_sec + 1e-9 * (double)ts.tv_nsec;
}

FgBuf fg_event_begin(int64_t step)
{
    FgBuf b = {0};

    fg_buf_double(&b, 1, wall());
    if (step)
        fg_buf_int(&b, 2, step);
    return b;
}

int fg_event_end(FgEvents *e, FgBuf *b, FgError *err)
{
    const int ret = fg_events_record(e, b, err);

    free(b->data);
    *b = (FgBuf){0};
    return ret;
}

/* The version, and that what follows starts anew after keep_step: a reader
 * that has seen later steps forgets them. */
static int greet(FgEvents *e, int64_t keep_step, FgError *err)
{
    FgBuf b = fg_event_begin(0), session = {0};
    int ret;

    fg_buf_text(&b, 3, "brain.Event:2");
    ret = fg_event_end(e, &b, err);
    if (ret || !keep_step)
        return ret;
    b = fg_event_begin(keep_step + 1);
    fg_buf_int(&session, 1, 1); /* SessionLog.START */
    fg_buf_message(&b, 7, &session);
    return fg_event_end(e, &b, err);
}

int fg_events_open(FgEvents **out, const char *dir, int64_t keep_step,
                   FgError *err)
{
    FgEvents *e = calloc(1, sizeof(*e));
    char host[64] = "localhost";
    long newest = 0, now = (long)time(NULL);
    int ret = e ? 0 : -ENOMEM;

    *out = e;
    if (!ret && mkdir(dir, 0777) && errno != EEXIST)
        ret = fg_error(err, -errno, "%s: cannot be made: %s", dir,
                       strerror(errno));
    if (!ret)
        ret = cut_all(dir, keep_step, &newest, err);
    gethostname(host, sizeof(host) - 1);
    now = now > newest ? now : newest + 1;
    if (!ret &&
        asprintf(&e->path, "%s/" PREFIX "%010ld.%s", dir, now, host) < 0) {
        e->path = NULL;
        ret = -ENOMEM;
    }
    if (!ret) {
        e->f = fopen(e->path, "wbxe");
        if (!e->f)
            ret = fg_error(err, -errno, "%s: cannot be made: %s", e->path,
                           strerror(errno));
    }
    if (!ret)
        ret = greet(e, keep_step, err);
    if (ret)
        fg_events_close(out);
    return ret;
}

void fg_events_close(FgEvents **e)
{
    if (!e || !*e)
        return;
    if ((*e)->f)
        fclose((*e)->f);
    free((*e)->path);
    free(*e);
    *e = NULL;
}

/* ---- what is logged ---- */

int fg_events_scalars(FgEvents *e, int64_t step, const FgTag *tag, int nb,
                      FgError *err)
{
    FgBuf b = fg_event_begin(step), summary = {0};

    for (int i = 0; i < nb; i++) {
        FgBuf value = {0};

        fg_buf_text(&value, 1, tag[i].tag);
        put_float(&value, 2, (float)tag[i].v);
        fg_buf_message(&summary, 1, &value);
    }
    fg_buf_message(&b, 5, &summary);
    return fg_event_end(e, &b, err);
}

int fg_events_image(FgEvents *e, int64_t step, const char *tag,
                    const FgPicture *pic, FgError *err)
{
    FgBuf b = fg_event_begin(step), summary = {0}, value = {0}, image = {0};
    uint8_t *png;
    size_t size;
    int ret = fg_picture_encode_png(pic, &png, &size, err);

    if (ret) {
        free(b.data);
        return ret;
    }
    fg_buf_int(&image, 1, pic->h);
    fg_buf_int(&image, 2, pic->w);
    fg_buf_int(&image, 3, 3);
    fg_buf_data(&image, 4, png, size);
    free(png);
    fg_buf_text(&value, 1, tag);
    fg_buf_message(&value, 4, &image);
    fg_buf_message(&summary, 1, &value);
    fg_buf_message(&b, 5, &summary);
    return fg_event_end(e, &b, err);
}
