/* ffgan: the encoded packets of a chunk, in a file.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <xxhash.h>

#include <libavutil/intreadwrite.h>

#include "pipeline/hash.h"
#include "pipeline/output.h"
#include "pipeline/packets.h"

enum { HEAD = 36, SIDE_HEAD = 8, MAX_SIDE_DATA = 64 };
static const char magic[8] = {'F', 'G', 'P', 'K', 'T', 'S', '1', '\n'};

static int put(FgPacketWriter *w, const void *data, size_t size)
{
    if (size)
        XXH3_128bits_update(w->hash, data, size);
    w->bytes += (int64_t)size;
    return fg_write_all(w->fd, data, size);
}

int fg_packets_start(FgPacketWriter *w, int fd)
{
    *w = (FgPacketWriter){.fd = fd, .hash = XXH3_createState()};
    if (!w->hash)
        return -ENOMEM;
    XXH3_128bits_reset(w->hash);
    return put(w, magic, sizeof(magic));
}

int fg_packets_add(FgPacketWriter *w, const AVPacket *pkt)
{
    uint8_t head[HEAD];
    AV_WL64(head, pkt->pts);
    AV_WL64(head + 8, pkt->dts);
    AV_WL64(head + 16, pkt->duration);
    AV_WL32(head + 24, pkt->flags);
    AV_WL32(head + 28, pkt->side_data_elems);
    AV_WL32(head + 32, pkt->size);
    int ret = put(w, head, sizeof(head));
    for (int i = 0; i < pkt->side_data_elems && !ret; i++) {
        const AVPacketSideData *const sd = &pkt->side_data[i];
        AV_WL32(head, sd->type);
        AV_WL32(head + 4, sd->size);
        ret = put(w, head, SIDE_HEAD);
        if (!ret)
            ret = put(w, sd->data, sd->size);
    }
    w->packets++;
    return ret ? ret : put(w, pkt->data, (size_t)pkt->size);
}

void fg_packets_end(FgPacketWriter *w, char hash[FG_HASH_SIZE])
{
    if (w->hash && hash)
        fg_hash_text(XXH3_128bits_digest(w->hash), hash);
    XXH3_freeState(w->hash);
    w->hash = NULL;
}

/* ---- reading ---- */

static int get(FgPacketReader *r, void *data, size_t size)
{
    if ((int64_t)size > r->left)
        return -EINVAL;
    if (size && fread(data, size, 1, r->f) != 1)
        return ferror(r->f) ? -EIO : -EINVAL;
    r->left -= (int64_t)size;
    return 0;
}

static int pass(FgPacketReader *r, size_t size)
{
    if ((int64_t)size > r->left)
        return -EINVAL;
    r->left -= (int64_t)size;
    return fseeko(r->f, (off_t)size, SEEK_CUR) < 0 ? -errno : 0;
}

int fg_packets_open(FgPacketReader *r, const char *path)
{
    char head[sizeof(magic)];
    struct stat st;
    *r = (FgPacketReader){.f = fopen(path, "rbe")};
    if (!r->f)
        return -errno;
    if (fstat(fileno(r->f), &st) < 0)
        return -errno;
    r->left = st.st_size;
    const int ret = get(r, head, sizeof(head));
    return ret ? ret : memcmp(head, magic, sizeof(head)) ? -EINVAL : 0;
}

static int read_side(FgPacketReader *r, AVPacket *pkt, int skip)
{
    uint8_t head[SIDE_HEAD];
    int ret = get(r, head, sizeof(head));
    const size_t size = ret ? 0 : AV_RL32(head + 4);
    if (ret || (int64_t)size > r->left)
        return -EINVAL;
    if (skip)
        return pass(r, size);
    uint8_t *const data = av_packet_new_side_data(
        pkt, (enum AVPacketSideDataType)AV_RL32(head), size);
    return data ? get(r, data, size) : -ENOMEM;
}

int fg_packets_read(FgPacketReader *r, AVPacket *pkt, int skip)
{
    uint8_t head[HEAD];
    if (!r->left)
        return 0;
    int ret = get(r, head, sizeof(head));
    const uint32_t sides = ret ? 0 : AV_RL32(head + 28);
    const uint32_t size = ret ? 0 : AV_RL32(head + 32);
    if (ret || sides > MAX_SIDE_DATA || size > r->left || size > INT32_MAX / 2)
        return ret ? ret : -EINVAL;
    if (!skip && av_new_packet(pkt, (int)size) < 0)
        return -ENOMEM;
    pkt->pts = (int64_t)AV_RL64(head);
    pkt->dts = (int64_t)AV_RL64(head + 8);
    pkt->duration = (int64_t)AV_RL64(head + 16);
    pkt->flags = (int)AV_RL32(head + 24);
    for (uint32_t i = 0; i < sides && !ret; i++)
        ret = read_side(r, pkt, skip);
    if (!ret)
        ret = skip ? pass(r, size) : get(r, pkt->data, size);
    return ret ? ret : 1;
}

void fg_packets_close(FgPacketReader *r)
{
    if (r->f)
        fclose(r->f);
    r->f = NULL;
}
