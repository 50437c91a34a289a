/* ffgan: the encoded packets of a chunk, in a file.
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Little endian: "FGPKTS1\n", then for each packet i64 pts, dts, duration;
 * u32 flags, side data elements, bytes; for each element u32 type, bytes and
 * its data; then the packet's data. What the stream is stands in the chunk's
 * receipt, with the XXH3-128 of the whole file. Containers would round times,
 * rewrite data or leave side data out; this keeps all of a packet. */
#ifndef FFGAN_PIPELINE_PACKETS_H
#define FFGAN_PIPELINE_PACKETS_H

#include <libavcodec/packet.h>
#include <stdio.h>

#include "kernels/error.h"

#define FG_HASH_SIZE 33 /* 32 hexadecimal digits and a NUL */

typedef struct FgPacketWriter {
    int fd; /* the caller's */
    void *hash;
    int64_t bytes, packets;
} FgPacketWriter;

/* 0 or a negative errno. */
int fg_packets_start(FgPacketWriter *w, int fd);
int fg_packets_add(FgPacketWriter *w, const AVPacket *pkt);
/* The hash of what was written; frees, accepts zeroed. */
void fg_packets_end(FgPacketWriter *w, char hash[FG_HASH_SIZE]);

typedef struct FgPacketReader {
    FILE *f;
    int64_t left; /* bytes */
} FgPacketReader;

/* 0 or a negative errno; -EINVAL: not such a file. */
int fg_packets_open(FgPacketReader *r, const char *path);
/* 1: pkt (blank before) is filled; with skip 1 its data are left out. 0: the
 * end. -EINVAL: cut or damaged; other negative errno. */
int fg_packets_read(FgPacketReader *r, AVPacket *pkt, int skip);
void fg_packets_close(FgPacketReader *r); /* accepts zeroed */

#endif
