/* ffgan: --device: where networks run, and where frames are kept.
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The word goes into the preset's chain, as device= of each of our filters, so
 * that plans of chunks, resumed runs and farms have it, too. Which GPU "cuda"
 * is, is this process's own business (FgJob.gpu): workers get one each.
 *
 * Frames stay in a GPU's memory through a chain that takes them there: decoded
 * into it where the decoder and the driver can, else uploaded; they leave it
 * for encoders that do not take them. */
#ifndef FFGAN_PIPELINE_DEVICE_H
#define FFGAN_PIPELINE_DEVICE_H

#include "pipeline/engine.h"

#define FG_DEVICE_WORDS "auto, cpu, cuda, cuda:N, cuda:all"

typedef struct FgDevice {
    const char *word; /* of the chain: "cpu", "cuda"; NULL = the preset's */
    int gpu;          /* which one is "cuda" */
    int all;          /* every GPU that is there */
} FgDevice;

/* 0, or -EINVAL for a word that is none of FG_DEVICE_WORDS. */
int fg_device_parse(FgDevice *d, const char *text);
/* Writes the device into the chain. 0 or -ENOMEM. */
int fg_device_apply(const FgDevice *d, FgPreset *p);
/* The chain with device=word in each of our filters; malloc'ed, NULL: no
 * memory. */
char *fg_device_chain(const char *chain, const char *word);
/* Asks the plug-in what is there, and sets job->gpu and the engine's GPUs, and
 * as many workers where none were asked for. 0, or FG_EXIT_DEVICE + err: one
 * sentence on what is missing. */
int fg_device_ready(const FgDevice *d, FgJob *job, FgEngine *e, FgError *err);

/* Whether a chain asks for a GPU. */
int fg_device_asked(const char *chain);
/* Whether its frames may be in the GPU's memory all the way. */
int fg_device_keeps(const char *chain);
/* What frames of that format are uploaded as, without loss; -1: not at all. */
int fg_device_upload_format(int format);
/* What frames for an encoder's format are made as in a GPU's memory, without
 * loss; -1: not there. */
int fg_device_made_format(int format);
/* Hardware decoders leave what a stream cuts off at the left and the top: such
 * a frame is taken to memory and cut there. Other frames stay as they are. 0 or
 * an AVERROR. */
int fg_device_crop(struct AVFrame *f);
/* A CUDA device of FFmpeg's, AVBufferRef; NULL where the driver gives none. */
struct AVBufferRef *fg_device_open(int gpu);

#endif
