/* ffgan: plans: a rolling wave over the rows.
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Each step makes a band of new rows, then the next step, so that rows are
 * read again while they are in the cache, and only the latest have to be kept.
 * Groups of steps go through the picture one after another, each as a wave; of
 * what one hands to a later one all rows are kept.
 *
 * A band of a step is cut into one task per thread. Workers take tasks in
 * order and start one when all tasks of the steps before it are done. Whoever
 * waits does so for tasks that another worker is at: nobody waits for ever,
 * however few workers there are. They wait awake at first, as tasks take
 * microseconds, then asleep: the CPU may be somebody else's just now. */
#include <pthread.h>
#include <stdatomic.h>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include "plan_priv.h"

#define SPINS 1000

typedef struct Wave {
    FgPlan *p;
    const FgEmit *e;
    int step, steps; /* the first of the group, and how many */
    int gets;        /* the first group: the input's rows, before them */
    int emits;       /* the last group: the picture's rows, too */
    int start, end;  /* output rows, in input pixels */
    int first;       /* where the wave is in its first band */
    int parts;       /* tasks of a band of a step */
    int tasks;
    atomic_int next, done, asleep;
    pthread_mutex_t lock;
    pthread_cond_t more;
} Wave;

static int min(int a, int b)
{
    return a < b ? a : b;
}

static int max(int a, int b)
{
    return a > b ? a : b;
}

/* Rows of the value that are there when the wave has come to y. */
static int made(const FgPlan *p, int v, int y)
{
    return max(p->need0[v], min(p->need1[v] + 1, y + p->lead[v]));
}

/* The first of the rows made in the band that ends at y. */
static int made_from(const Wave *w, int v, int y)
{
    return y == w->first ? w->p->need0[v] : made(w->p, v, y - w->p->band);
}

static void run_step(const Wave *w, int i, int y, int part, int worker)
{
    const FgPlan *p = w->p;
    const FgStep *s = &p->steps[i];
    const int from = made_from(w, s->out, y), to = made(p, s->out, y);
    if (to > from)
        fg_plan_conv(p, s, from, to, part, w->parts, worker);
}

static void get_rows(const Wave *w, int y, int part, int worker)
{
    const FgPlan *p = w->p;
    const int from = made_from(w, 0, y), n = made(p, 0, y) - from;
    const int r1 = from + (int)((int64_t)n * (part + 1) / w->parts);
    for (int r = from + (int)((int64_t)n * part / w->parts); r < r1; r++)
        p->from->get(p->from->arg, fg_f32(&p->value[0], 0, r, 0), p->from_y + r,
                     worker);
}

static void emit_rows(const Wave *w, int y, int part, int worker)
{
    const int f = w->p->reach.scale_num;
    const int from = max(w->start, min(w->end, y - w->p->band)) - w->start;
    const int to = max(w->start, min(w->end, y)) - w->start;
    const int n = (to - from) * f;
    const int r0 = from * f + (int)((int64_t)n * part / w->parts);
    const int r1 = from * f + (int)((int64_t)n * (part + 1) / w->parts);
    for (int r = r0; r < r1; r++)
        fg_plan_emit(w->e, r, worker);
}

static void pause_a_little(void)
{
#if defined(__x86_64__)
    _mm_pause();
#endif
}

static void wait_for(Wave *w, int done)
{
    for (int n = 0; n < SPINS; n++) {
        if (atomic_load_explicit(&w->done, memory_order_acquire) >= done)
            return;
        pause_a_little();
    }
    /* Whoever ends a task either sees that somebody sleeps, or its count is
     * seen before that. */
    pthread_mutex_lock(&w->lock);
    atomic_fetch_add(&w->asleep, 1);
    while (atomic_load(&w->done) < done)
        pthread_cond_wait(&w->more, &w->lock);
    atomic_fetch_sub(&w->asleep, 1);
    pthread_mutex_unlock(&w->lock);
}

static void task_done(Wave *w)
{
    const int done = atomic_fetch_add(&w->done, 1) + 1;
    if (done % w->parts || !atomic_load(&w->asleep))
        return;
    pthread_mutex_lock(&w->lock);
    pthread_cond_broadcast(&w->more);
    pthread_mutex_unlock(&w->lock);
}

static void wave_job(void *arg, int job, int worker)
{
    Wave *w = arg;
    const int turns = w->gets + w->steps + w->emits;
    (void)job;
    for (;;) {
        const int t = atomic_fetch_add_explicit(&w->next, 1,
                                                memory_order_relaxed);
        if (t >= w->tasks)
            return;
        const int turn = t / w->parts, part = t % w->parts;
        const int y = w->first + turn / turns * w->p->band;
        const int step = turn % turns - w->gets;
        wait_for(w, turn * w->parts);
        if (step < 0)
            get_rows(w, y, part, worker);
        else if (step < w->steps)
            run_step(w, w->step + step, y, part, worker);
        else
            emit_rows(w, y, part, worker);
        task_done(w);
    }
}

/* From where the group's first value has its first band, on the tiles' grid, to
 * where its last value is there. */
static void set_range(Wave *w, int rows)
{
    const FgPlan *p = w->p;
    const int f = p->reach.scale_num;
    int y = w->start = w->e->y0 / f, end = y + fg_ceil_div(rows, f);
    w->end = end;
    for (int i = w->step - w->gets; i < w->step + w->steps; i++) {
        const int v = i < w->step ? 0 : p->steps[i].out;
        y = min(y, p->need0[v] - p->lead[v]);
        end = max(end, p->need1[v] + 1 - p->lead[v]);
    }
    w->first = w->start - fg_round_up(w->start - y, FG_WINO_TILE) + p->band;
    w->tasks = (fg_ceil_div(end - w->first, p->band) + 1) *
               (w->gets + w->steps + w->emits) * w->parts;
}

static void run_group(FgPlan *p, const FgEmit *e, int rows, int step, int steps)
{
    const int threads = fg_threads(p->ex);
    Wave w = {.p = p,
              .e = e,
              .step = step,
              .steps = steps,
              .gets = p->from && !step,
              .emits = step + steps == p->nb_steps,
              .parts = threads};
    set_range(&w, rows);
    atomic_init(&w.next, 0);
    atomic_init(&w.done, 0);
    atomic_init(&w.asleep, 0);
    pthread_mutex_init(&w.lock, NULL);
    pthread_cond_init(&w.more, NULL);
    fg_run(p->ex, wave_job, &w, threads);
    pthread_cond_destroy(&w.more);
    pthread_mutex_destroy(&w.lock);
}

void fg_plan_wave(FgPlan *p, const FgEmit *e, int rows)
{
    fg_plan_need(p, e->y0, e->y0 + rows);
    for (int i = 0, n; i < p->nb_steps; i += n) {
        for (n = 1; i + n < p->nb_steps && p->group[i + n] == p->group[i];)
            n++;
        run_group(p, e, rows, i, n);
    }
}
