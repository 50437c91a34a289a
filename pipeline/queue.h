/* ffgan: bounded queues between stages.
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Items go first in, first out. End of stream and errors travel downstream;
 * an error also wakes the producers, so that every stage stops. */
#ifndef FFGAN_PIPELINE_QUEUE_H
#define FFGAN_PIPELINE_QUEUE_H

typedef struct FgItem {
    int kind;    /* the user's */
    void *value; /* owned by the queue while inside */
} FgItem;

typedef struct FgQueue FgQueue;

/* Room for capacity >= 1 items; ends when that many producers have called
 * fg_queue_finish. drop frees an item that nobody will take. NULL: no memory.
 */
FgQueue *fg_queue_alloc(int capacity, int producers, void (*drop)(FgItem item));
/* Waits for room. 0: taken. Else the error of fg_queue_fail; the item is then
 * dropped. Any thread. */
int fg_queue_push(FgQueue *q, FgItem item);
/* Waits for an item. 1: *item is the caller's; 0: end of stream; < 0: the
 * error of fg_queue_fail. One consumer. */
int fg_queue_pop(FgQueue *q, FgItem *item);
void fg_queue_finish(FgQueue *q); /* one producer has no more */
/* The first error (negative) stays; items inside are dropped. Accepts NULL. */
void fg_queue_fail(FgQueue *q, int err);
void fg_queue_free(FgQueue **q); /* accepts NULL; nobody may use it any more */

#endif
