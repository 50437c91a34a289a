/* ffgan: bounded queues between stages.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <pthread.h>
#include <stdlib.h>

#include "pipeline/queue.h"

struct FgQueue {
    pthread_mutex_t lock;
    pthread_cond_t room, filled;
    FgItem *items;
    int capacity, first, nb;
    int producers; /* still running */
    int err;
    void (*drop)(FgItem item);
};

FgQueue *fg_queue_alloc(int capacity, int producers, void (*drop)(FgItem item))
{
    FgQueue *const q = calloc(1, sizeof(*q));
    if (!q)
        return NULL;
    q->items = calloc((size_t)capacity, sizeof(*q->items));
    if (!q->items) {
        free(q);
        return NULL;
    }
    q->capacity = capacity;
    q->producers = producers;
    q->drop = drop;
    pthread_mutex_init(&q->lock, NULL);
    pthread_cond_init(&q->room, NULL);
    pthread_cond_init(&q->filled, NULL);
    return q;
}

int fg_queue_push(FgQueue *q, FgItem item)
{
    pthread_mutex_lock(&q->lock);
    while (!q->err && q->nb == q->capacity)
        pthread_cond_wait(&q->room, &q->lock);
    const int err = q->err;
    if (!err) {
        q->items[(q->first + q->nb++) % q->capacity] = item;
        pthread_cond_signal(&q->filled);
    }
    pthread_mutex_unlock(&q->lock);
    if (err)
        q->drop(item);
    return err;
}

int fg_queue_pop(FgQueue *q, FgItem *item)
{
    pthread_mutex_lock(&q->lock);
    while (!q->err && !q->nb && q->producers > 0)
        pthread_cond_wait(&q->filled, &q->lock);
    int ret = q->err;
    if (!ret && q->nb) {
        *item = q->items[q->first];
        q->first = (q->first + 1) % q->capacity;
        q->nb--;
        ret = 1;
        pthread_cond_signal(&q->room);
    }
    pthread_mutex_unlock(&q->lock);
    return ret;
}

void fg_queue_finish(FgQueue *q)
{
    pthread_mutex_lock(&q->lock);
    q->producers--;
    pthread_cond_broadcast(&q->filled);
    pthread_mutex_unlock(&q->lock);
}

static void drop_all(FgQueue *q)
{
    for (; q->nb; q->nb--) {
        q->drop(q->items[q->first]);
        q->first = (q->first + 1) % q->capacity;
    }
}

void fg_queue_fail(FgQueue *q, int err)
{
    if (!q)
        return;
    pthread_mutex_lock(&q->lock);
    if (!q->err)
        q->err = err;
    drop_all(q);
    pthread_cond_broadcast(&q->filled);
    pthread_cond_broadcast(&q->room);
    pthread_mutex_unlock(&q->lock);
}

void fg_queue_free(FgQueue **pq)
{
    FgQueue *const q = pq ? *pq : NULL;
    if (!q)
        return;
    drop_all(q);
    pthread_cond_destroy(&q->filled);
    pthread_cond_destroy(&q->room);
    pthread_mutex_destroy(&q->lock);
    free(q->items);
    free(q);
    *pq = NULL;
}
