/* ffgan: chunks in several processes of this machine.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <libavutil/cpu.h>

#include "pipeline/engine.h"
#include "pipeline/exit.h"
#include "pipeline/receipt.h"
#include "pipeline/stop.h"
#include "pipeline/util.h"

typedef struct Worker {
    pid_t pid; /* 0 = none */
    int64_t chunk;
} Worker;

typedef struct Workers {
    const FgJobPlan *plan;
    Worker *w;
    int nb, running, threads;
    int gpus;     /* dealt out in turn */
    int64_t next; /* chunk to give out */
    int64_t done; /* frames */
    int exit_code;
    FgError *err;
} Workers;

/* In the child: stdout stays with the parent's events. */
static void become_worker(const Workers *s, int64_t k, int slot, pid_t parent)
{
    char chunk[24], threads[24], device[24];
    const int gpu = s->plan->job.gpu + (s->gpus > 1 ? slot % s->gpus : 0);
    snprintf(chunk, sizeof(chunk), "%lld", (long long)k);
    snprintf(threads, sizeof(threads), "%d", s->threads);
    char *const argv[] = {"ffgan",   "worker",  s->plan->folder,
                          "--chunk", chunk,     "--threads",
                          threads,   "--quiet", gpu ? "--device" : NULL,
                          device,    NULL};
    snprintf(device, sizeof(device), "cuda:%d", gpu);
    const int null = open("/dev/null", O_WRONLY);
    if (null >= 0)
        dup2(null, STDOUT_FILENO);
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() == parent)
        execv("/proc/self/exe", argv);
    _exit(FG_EXIT_DEVICE);
}

static void start(Workers *s, Worker *w)
{
    while (s->next < s->plan->nb_chunks && fg_chunk_is_done(s->plan, s->next)) {
        s->done += fg_job_plan_first(s->plan, s->next + 1) -
                   fg_job_plan_first(s->plan, s->next);
        s->next++;
    }
    if (s->next == s->plan->nb_chunks)
        return;
    const pid_t parent = getpid(), pid = fork();
    if (!pid)
        become_worker(s, s->next, (int)(w - s->w), parent);
    if (pid < 0) {
        s->exit_code = FG_EXIT_RETRY;
        fg_error(s->err, 0, "cannot start a worker: %s", strerror(errno));
        return;
    }
    *w = (Worker){pid, s->next++};
    s->running++;
}

static void stop_all(const Workers *s)
{
    for (int i = 0; i < s->nb; i++)
        if (s->w[i].pid)
            kill(s->w[i].pid, SIGTERM);
}

static void ended(Workers *s, Worker *w, int status)
{
    const int code = WIFEXITED(status) ? WEXITSTATUS(status)
                                       : FG_EXIT_SIGNAL + WTERMSIG(status);
    w->pid = 0;
    s->running--;
    if (!code)
        s->done += fg_job_plan_first(s->plan, w->chunk + 1) -
                   fg_job_plan_first(s->plan, w->chunk);
    if (!code || s->exit_code)
        return;
    s->exit_code = code;
    fg_error(s->err, 0, "%s: the worker of chunk %lld ended with code %d",
             fg_show(s->plan->folder), (long long)w->chunk, code);
    stop_all(s);
}

static void wait_some(Workers *s)
{
    const struct timespec pause = {0, 20000000};
    int any = 0;
    for (int i = 0; i < s->nb; i++) {
        int status;
        if (s->w[i].pid && waitpid(s->w[i].pid, &status, WNOHANG) > 0) {
            ended(s, &s->w[i], status);
            any = 1;
        }
    }
    if (!any)
        nanosleep(&pause, NULL);
}

static void hear_signals(Workers *s)
{
    const int sig = fg_stop_signal();
    if (!sig || s->exit_code)
        return;
    s->exit_code = FG_EXIT_SIGNAL + sig;
    fg_error(s->err, 0, "stopped by %s", strsignal(sig));
    stop_all(s);
}

int fg_workers_run(const FgJobPlan *p, const FgEngine *e, FgReport *report,
                   FgError *err)
{
    const int workers = e->workers;
    const int cpus = p->job.threads ? p->job.threads : av_cpu_count();
    Workers s = {.plan = p,
                 .w = calloc((size_t)workers, sizeof(*s.w)),
                 .nb = workers,
                 .threads = cpus / workers ? cpus / workers : 1,
                 .gpus = e->gpus,
                 .err = err};
    if (!s.w) {
        fg_error(err, 0, "no memory");
        return FG_EXIT_RETRY;
    }
    do {
        for (int i = 0; i < s.nb && !s.exit_code; i++)
            if (!s.w[i].pid)
                start(&s, &s.w[i]);
        if (s.running)
            wait_some(&s);
        hear_signals(&s);
        fg_report_progress(report, s.done);
    } while (s.running || (!s.exit_code && s.next < p->nb_chunks));
    free(s.w);
    return s.exit_code;
}
