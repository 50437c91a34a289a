/* ffgan: the output: a media file, or numbered pictures.
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A file is written under a temporary name in the same folder and gets its
 * own name only when it is whole, checked and on the disk. Pictures are
 * written that way one by one. A chunk's packets go to a file of ours
 * (packets.h). Calls come from one thread at a time. */
#ifndef FFGAN_PIPELINE_OUTPUT_H
#define FFGAN_PIPELINE_OUTPUT_H

#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>

#include "pipeline/input.h"
#include "pipeline/job.h"
#include "pipeline/packets.h"
#include "pipeline/progress.h"
#include "pipeline/stream_info.h"

typedef struct FgOutput {
    const FgJob *job;
    const FgInput *input;
    const AVOutputFormat *format; /* NULL: pictures */
    char *temp;                   /* name while it is written, or NULL */
    int fd;                       /* -1 = closed */
    int io_err;                   /* first errno of a write, negative */
    AVFormatContext *mux;
    int *map; /* [input streams] output stream, -1 = left out */
    int video;
    int64_t *packets; /* [output streams] written, or bytes */
    FgReport *report;
    int64_t *last_dts;          /* [output streams] of the last packet */
    int64_t moved;              /* packets whose times did not rise */
    int64_t *rescaled;          /* [output streams] state of av_rescale_delta */
    int header;                 /* 1: written */
    AVRational enc_tb;          /* of the picture's packets */
    int64_t first_pts, end_pts; /* of the picture, in AV_TIME_BASE units */
    int64_t first_number, pictures;
    char *provenance;        /* what the file says of itself, or NULL; owned */
    struct FgLayers *layers; /* with exr */
    enum AVColorTransferCharacteristic trc; /* of what is encoded */
    int exr;             /* frames are written by exr.h, not by an encoder */
    int64_t first_index; /* pictures in and out: which input is the first */
    int64_t bytes;       /* of the finished output */
    /* A chunk of a video. */
    FgPacketWriter packet_file;
    FgStreamInfo stream;
    char hash[FG_HASH_SIZE]; /* of its file, when it is finished */
} FgOutput;

/* Chooses the container and which streams are copied; opens nothing. Warns of
 * streams that the container does not take. 0 or an exit code + err. */
int fg_output_plan(FgOutput **o, const FgJob *job, const FgInput *in,
                   FgReport *report, FgError *err);
/* The number of the i-th picture that is written. */
int64_t fg_output_number(const FgOutput *o, int64_t i);
/* Creates the temporary file and writes the header. like is the first frame
 * out of the chain, for side data. */
int fg_output_open(FgOutput *o, const AVCodecContext *enc, const AVFrame *like,
                   FgError *err);
/* The same for a stream that is already encoded. */
int fg_output_start(FgOutput *o, const FgStreamInfo *video, FgError *err);
/* A packet of the encoder (enc 1) or of the input; pkt is left blank. */
int fg_output_write(FgOutput *o, AVPacket *pkt, int enc, FgError *err);
/* With exr: the frame as the next picture. */
int fg_output_write_frame(FgOutput *o, const AVFrame *f, FgError *err);
/* Trailer, flush, fsync, close; the temporary file is then whole. */
int fg_output_finish(FgOutput *o, FgError *err);
/* Renames to the final name and syncs the folder. */
int fg_output_commit(FgOutput *o, FgError *err);
/* Closes and removes what is not committed. Accepts NULL. */
void fg_output_free(FgOutput **o);

/* 1 for plain samples: readers cut them into packets of their own, so bytes
 * are counted instead. */
int fg_output_counts_bytes(const AVStream *st);

/* streams.c: the parts of plan and open that deal with streams. */
int fg_streams_plan(FgOutput *o, FgReport *report, FgError *err);
int fg_streams_create(FgOutput *o, const FgStreamInfo *video);
/* Whether packets of that input stream are to be written. */
int fg_output_wants(const FgOutput *o, int stream);
/* verify.c: reopens the temporary file and compares it with what was
 * written: streams, packets, start, end. 0 or an exit code + err. */
int fg_output_verify(const FgOutput *o, FgError *err);
/* tempfile.c */
/* ".NAME.HOST.PID.tmp" in dir, or in the folder of path when that is NULL:
 * malloc'ed, NULL on no memory. */
char *fg_temp_name(const char *path, const char *dir);
/* Removes what dead processes of this machine left of path (a pattern stands
 * for all of its numbers). */
void fg_temp_sweep(const char *path);
/* Writes a small file as above: it is there whole, or not at all. 0, -errno. */
int fg_write_file(const char *path, const void *data, size_t size,
                  int overwrite);
int fg_write_all(int fd, const uint8_t *data, size_t size); /* 0, -errno */
/* Renames; without overwrite an existing path is an error (-EEXIST). Syncs
 * the folder. */
int fg_rename(const char *from, const char *to, int overwrite);

#endif
