/* ffgan: fuzzer of what a job's folder holds: presets, indexes and streams in
 * JSON, and files of packets.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "pipeline/index.h"
#include "pipeline/packets.h"
#include "pipeline/preset_json.h"
#include "pipeline/stream_info.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_packets(const uint8_t *data, size_t size)
{
    FgPacketReader r;
    char path[64];
    const int fd = memfd_create("fuzz", 0);
    AVPacket *pkt = av_packet_alloc();

    if (fd >= 0 && pkt && write(fd, data, size) == (ssize_t)size) {
        snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
        for (int skip = 0; skip < 2; skip++) {
            int ret = fg_packets_open(&r, path);
            while (ret >= 0 && (ret = fg_packets_read(&r, pkt, skip)) > 0)
                av_packet_unref(pkt);
            av_packet_unref(pkt);
            fg_packets_close(&r);
        }
    }
    if (fd >= 0)
        close(fd);
    av_packet_free(&pkt);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    FgError err;
    FgIndex x;
    FgPreset *p = NULL;
    FgStreamInfo s = {0};
    json_t *const j = json_loadb((const char *)data, size, 0, NULL);

    if (j) {
        fg_index_from_json(&x, j, &err);
        fg_index_free(&x);
        fg_preset_from_json(&p, j, &err);
        fg_preset_free(&p);
        fg_stream_from_json(&s, j, &err);
        fg_stream_info_free(&s);
    } else {
        read_packets(data, size);
    }
    json_decref(j);
    return 0;
}
