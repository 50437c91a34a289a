/* ffgan: an opened input: a media file, or pictures.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FFGAN_PIPELINE_INPUT_H
#define FFGAN_PIPELINE_INPUT_H

#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>

#include "pipeline/job.h"
#include "pipeline/sequence.h"

typedef struct FgTimes FgTimes;

/* Decoded frames that may wait elsewhere, in GPU memory. */
enum { FG_FRAMES_IN_FLIGHT = 8 };

typedef struct FgInput {
    const char *path;
    AVFormatContext *fmt; /* NULL for pictures, and where frames are made */
    int video;            /* index of the stream that goes through */
    AVCodecContext *dec;
    AVRational time_base;  /* of decoded frames */
    AVRational frame_rate; /* 0/1 = unknown */
    int cfr;               /* frames come at frame_rate exactly, as declared */
    int64_t nb_frames;     /* expected, 0 = unknown */
    double seconds;        /* the stream's length, 0 = unknown */
    int64_t promised;      /* frames that are to come, 0 = no count */
    int64_t left_out;      /* of those the container counts: by an edit list */
    int64_t start_us;      /* time of the file's start */
    FgSequence pictures;
    /* Packets read ahead to learn where the sound starts; taken first. */
    AVPacket **ahead;
    int nb_ahead, next_ahead; /* pictures: the next one */
    int64_t *first_pts;       /* per stream, AV_NOPTS_VALUE = not seen */
    FgTimes *times;           /* NULL for pictures */
    int jumps;                /* of the clock, closed on the way */
    int crop[4];              /* by the container: top, bottom, left, right */
    int exr;                  /* pictures are read by exr.h, not by dec */
} FgInput;

/* Opens and probes; picks the best video stream, cover pictures not counted.
 * 0 or an exit code + err; *in is NULL then. */
int fg_input_open(FgInput **in, const FgJob *job, FgError *err);
void fg_input_close(FgInput **in); /* accepts NULL */
/* Next packet into pkt (blank): 0, AVERROR_EOF, or another error. Pictures
 * come as one packet a file; an unreadable file gives its errno. */
int fg_input_read(FgInput *in, AVPacket *pkt);
/* times.c: makes packets' times fit: all are moved when the picture starts
 * before zero; in broadcast formats jumps of the clock by more than 10 s are
 * closed. Before the first packet is read; NULL: no memory. */
FgTimes *fg_times_alloc(const FgInput *in);
void fg_times_free(FgTimes **t); /* accepts NULL inside */
void fg_times_fix(FgTimes *t, FgInput *in, AVPacket *pkt);
int64_t fg_times_shift(const FgTimes *t); /* in us; t may be NULL */
/* The stream of the picture, NULL for pictures. */
const AVStream *fg_input_stream(const FgInput *in);

#endif
