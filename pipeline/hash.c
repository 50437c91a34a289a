/* ffgan: checksums of files and frames.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <sha2.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <libavutil/imgutils.h>
#include <libavutil/pixdesc.h>

#include "pipeline/hash.h"

enum { PIECE = 1 << 20, PIECES = 64 };

void fg_hash_text(XXH128_hash_t h, char text[33])
{
    snprintf(text, 33, "%016llx%016llx", (unsigned long long)h.high64,
             (unsigned long long)h.low64);
}

uint64_t fg_hash_frame(const AVFrame *f)
{
    const AVPixFmtDescriptor *const d = av_pix_fmt_desc_get(f->format);
    const int32_t head[3] = {f->width, f->height, f->format};
    const int planes = av_pix_fmt_count_planes(f->format);
    uint64_t h = XXH3_64bits(head, sizeof(head));
    for (int p = 0; d && p < planes; p++) {
        const int chroma = p == 1 || p == 2;
        const int rows = chroma ? AV_CEIL_RSHIFT(f->height, d->log2_chroma_h)
                                : f->height;
        const int bytes = av_image_get_linesize(f->format, f->width, p);
        for (int y = 0; y < rows && bytes > 0; y++)
            h = XXH3_64bits_withSeed(f->data[p] + (ptrdiff_t)y * f->linesize[p],
                                     (size_t)bytes, h);
    }
    return h;
}

static int hash_piece(XXH3_state_t *s, int fd, int64_t at, size_t size,
                      void *buffer)
{
    while (size) {
        const ssize_t n = pread(fd, buffer, size < PIECE ? size : PIECE, at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        if (!n)
            return -EIO; /* shorter than it was */
        XXH3_128bits_update(s, buffer, (size_t)n);
        at += n;
        size -= (size_t)n;
    }
    return 0;
}

static int hash_fd(XXH3_state_t *s, int fd, int64_t limit, void *buffer)
{
    struct stat st;
    if (fstat(fd, &st) < 0)
        return -errno;
    if (!S_ISREG(st.st_mode))
        return -EINVAL;
    XXH3_128bits_reset(s);
    if (!limit || st.st_size <= limit || st.st_size <= PIECE * PIECES)
        return hash_piece(s, fd, 0, (size_t)st.st_size, buffer);
    int ret = 0;
    for (int64_t i = 0; i < PIECES && !ret; i++)
        ret = hash_piece(s, fd, (st.st_size - PIECE) / (PIECES - 1) * i, PIECE,
                         buffer);
    return ret;
}

int fg_hash_file(const char *path, int64_t limit, char text[33])
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    XXH3_state_t *const s = XXH3_createState();
    void *const buffer = malloc(PIECE);
    const int ret = s && buffer ? hash_fd(s, fd, limit, buffer) : -ENOMEM;
    if (!ret)
        fg_hash_text(XXH3_128bits_digest(s), text);
    XXH3_freeState(s);
    free(buffer);
    close(fd);
    return ret;
}

int fg_sha256_file(const char *path, char text[FG_SHA256_SIZE])
{
    errno = ENOMEM;
    return SHA256File(path, text) ? 0 : -errno;
}
