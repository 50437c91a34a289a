/* ffgan: chunks of a job: done, or to be done.
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * chunk-K.json: {"plan": id, "chunk": K, "frames": [from, to], "hashes":
 * [XXH3-64 of each frame to the encoder], "file": name of the packets or null
 * for pictures, "bytes", "packets", "xxh3": of that file, "stream": what the
 * packets are, "host", "seconds", "ffgan", "ffmpeg"}. */
#ifndef FFGAN_PIPELINE_RECEIPT_H
#define FFGAN_PIPELINE_RECEIPT_H

#include "pipeline/job_plan.h"
#include "pipeline/progress.h"
#include "pipeline/stream_info.h"

typedef struct FgReceipt {
    json_t *json; /* owned */
    char *file;   /* path of the packets, NULL for pictures; owned */
    const char *hash;
    int64_t from, to, bytes, packets;
} FgReceipt;

/* Reads chunk k's receipt. 0; -ENOENT: not done; -EINVAL: another plan's, or
 * not a receipt: err says why. */
int fg_receipt_read(FgReceipt *r, const FgJobPlan *p, int64_t k, FgError *err);
/* Whether the packets (or pictures) are there with the size that it says;
 * deep: with the same bytes. 0; -ENOENT, -EINVAL + err. */
int fg_receipt_check(const FgReceipt *r, const FgJobPlan *p, int deep,
                     FgError *err);
/* The exit code of what the two above return: 66 for what is not there. */
int fg_receipt_exit(int ret);
/* 1 when chunk k is done: receipt and packets are there. */
int fg_chunk_is_done(const FgJobPlan *p, int64_t k);
/* Packets' stream, for a muxer. 0, -EINVAL, -ENOMEM + err. */
int fg_receipt_stream(const FgReceipt *r, FgStreamInfo *s, FgError *err);
void fg_receipt_free(FgReceipt *r); /* accepts zeroed */

/* Does chunk k; nothing when it is done. report counts frames from
 * done_before on. 0 or an exit code + err. */
int fg_chunk_run(const FgJobPlan *p, int64_t k, FgReport *report,
                 int64_t done_before, int threads, FgError *err);
/* Joins the chunks of a video to its output, beside the copied streams, and
 * checks it; sets *bytes. Pictures: checks that all are there. */
int fg_job_plan_join(const FgJobPlan *p, FgReport *report, int64_t *bytes,
                     FgError *err);
/* XXH3-128 over the hashes of all frames: equal for equal frames, however they
 * were cut. 0 or an exit code + err. */
int fg_job_plan_digest(const FgJobPlan *p, char text[33], FgError *err);

#endif
