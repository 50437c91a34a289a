/* TensorBoard's event files. SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A file is a sequence of records: u64 length, u32 masked CRC-32C of those 8
 * bytes, the bytes, u32 masked CRC-32C of them; little-endian. Each record is
 * one protobuf message Event {1 double wall_time, 2 int64 step, 3 string
 * file_version | 5 Summary | 7 SessionLog}; Summary {1 Value...}; Value {1 tag,
 * 2 float simple_value | 4 Image {1 height, 2 width, 3 colorspace = 3, 4 PNG},
 * 9 metadata}. Formats: tensorflow's event.proto and summary.proto, and
 * tensorboard's plugins/hparams. */
#ifndef FFGAN_TRAINER_EVENTS_H
#define FFGAN_TRAINER_EVENTS_H

#include <stddef.h>
#include <stdint.h>

#include "pipeline/source.h"

typedef struct FgEvents FgEvents;

typedef struct FgTag {
    const char *tag;
    double v;
} FgTag;

/* Makes dir (one level) and a new event file in it. What older event files
 * there hold past keep_step, or half a record at their end, is cut away, so
 * that a run that goes on says no step twice. *e is NULL on failure. */
int fg_events_open(FgEvents **e, const char *dir, int64_t keep_step,
                   FgError *err);
/* Each call writes one whole record and flushes it. */
int fg_events_scalars(FgEvents *e, int64_t step, const FgTag *tag, int nb,
                      FgError *err);
int fg_events_image(FgEvents *e, int64_t step, const char *tag,
                    const FgPicture *pic, FgError *err);
/* For the HPARAMS page: what this trial was given ("key=value" texts: numbers,
 * true, false or words), and that it ended, well (1) or not (0). */
int fg_events_trial(FgEvents *e, const char *name, char *const *pairs, int nb,
                    FgError *err);
int fg_events_trial_end(FgEvents *e, int good, FgError *err);
void fg_events_close(FgEvents **e); /* accepts NULL */

/* Calls fn for each record until it returns nonzero, which is passed on. Ends
 * with 0 at the end or at the first damaged record; *good (may be NULL) is
 * where the last whole record ended. -errno when the file cannot be read. */
int fg_events_walk(const char *path,
                   int (*fn)(void *arg, const uint8_t *data, size_t size,
                             size_t at),
                   void *arg, size_t *good, FgError *err);
/* The step of an event; 0 where none is given. */
int64_t fg_event_step(const uint8_t *data, size_t size);
uint32_t fg_crc32c_masked(const void *data, size_t size);

#endif
