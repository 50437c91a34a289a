/* What the writers of event files share.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FFGAN_TRAINER_EVENTS_PRIV_H
#define FFGAN_TRAINER_EVENTS_PRIV_H

#include <stdio.h>

#include "trainer/events.h"

struct FgEvents {
    FILE *f;
    char *path;
};

/* A protobuf message in the making. */
typedef struct FgBuf {
    uint8_t *data;
    size_t size, cap;
    int bad; /* memory ran out */
} FgBuf;

void fg_buf_bytes(FgBuf *b, const void *data, size_t size);
void fg_buf_varint(FgBuf *b, uint64_t v);
void fg_buf_int(FgBuf *b, int field, int64_t v);
void fg_buf_double(FgBuf *b, int field, double v);
void fg_buf_data(FgBuf *b, int field, const void *data, size_t size);
void fg_buf_text(FgBuf *b, int field, const char *text);
/* inner becomes a field of b and is freed. */
void fg_buf_message(FgBuf *b, int field, FgBuf *inner);

FgBuf fg_event_begin(int64_t step);
/* Writes the event and frees b. */
int fg_event_end(FgEvents *e, FgBuf *b, FgError *err);
int fg_events_record(FgEvents *e, const FgBuf *b, FgError *err);

#endif
