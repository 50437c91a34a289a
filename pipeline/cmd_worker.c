/* ffgan: worker: the chunks of one task.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "pipeline/attempt.h"
#include "pipeline/commands.h"
#include "pipeline/device.h"
#include "pipeline/exit.h"
#include "pipeline/receipt.h"
#include "pipeline/sequence.h"
#include "pipeline/stop.h"
#include "pipeline/util.h"

typedef struct Worker {
    const char *job, *chunks, *list, *style;
    int64_t task;     /* -1 = not given */
    int64_t per_task; /* chunks of a task */
    int threads, json, quiet, help, wait_s, grace_s, max_tries;
    int64_t *todo; /* owned */
    int nb_todo;
    FgDevice device;
    FgJobPlan *plan;
    FgReport report;
} Worker;

enum {
    O_CHUNK = 256,
    O_ENV,
    O_CHUNKS,
    O_LIST,
    O_PER,
    O_THREADS,
    O_TRIES,
    O_GRACE,
    O_WAIT,
    O_PROGRESS,
    O_JSON,
    O_DEVICE
};

static const struct option options[] = {
    {"chunk", required_argument, NULL, O_CHUNK},
    {"chunk-env", required_argument, NULL, O_ENV},
    {"chunks", required_argument, NULL, O_CHUNKS},
    {"list", required_argument, NULL, O_LIST},
    {"per-task", required_argument, NULL, O_PER},
    {"threads", required_argument, NULL, O_THREADS},
    {"max-tries", required_argument, NULL, O_TRIES},
    {"grace", required_argument, NULL, O_GRACE},
    {"wait", required_argument, NULL, O_WAIT},
    {"progress", required_argument, NULL, O_PROGRESS},
    {"json", no_argument, NULL, O_JSON},
    {"device", required_argument, NULL, O_DEVICE},
    {"quiet", no_argument, NULL, 'q'},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

static int print_help(void)
{
    puts(
        "usage: ffgan worker JOB --chunk K | --chunk-env VAR | --chunks LIST\n"
        "Does chunks of a planned job (a folder OUT.ffgan, or its file:// "
        "URL).\n"
        "Nothing when they are done; safe when several do it at once.\n\n"
        "      --chunk K        from 0\n"
        "      --chunk-env VAR  the number is in an environment variable\n"
        "      --chunks LIST    several, as 0-3,7\n"
        "      --per-task N     K counts tasks of N chunks\n"
        "      --list FILE      K counts lines of a file of chunk numbers\n"
        "      --threads N      0 = all CPUs (default)\n"
        "      --device cuda:N  which GPU a job for --device cuda works on\n"
        "      --max-tries N    again after code 75, N times in all; killed\n"
        "                       attempts count, too. 0 = leave it to the farm\n"
        "      --grace SECONDS  after SIGTERM a chunk may be ended in that "
        "time\n"
        "      --wait SECONDS   for a shared folder to show the job\n"
        "      --progress HOW   auto bar lines json deadline openjd alf none\n"
        "      --json  -q, --quiet  -h, --help");
    return FG_EXIT_OK;
}

static int number(const char *name, const char *v, int64_t min, int64_t max,
                  int64_t *n)
{
    return fg_parse_int(v, min, max, n) < 0
               ? fg_usage_error("worker", "%s '%s' is not in %lld..%lld", name,
                                v, (long long)min, (long long)max)
               : 0;
}

static int small_number(const char *name, const char *v, int64_t max, int *n)
{
    int64_t wide = 0;
    const int ret = number(name, v, 0, max, &wide);
    *n = (int)wide;
    return ret;
}

static int from_environment(Worker *w, const char *name)
{
    const char *const v = getenv(name);
    return v ? number(name, v, 0, 1000000000, &w->task)
             : fg_usage_error(
                   "worker", "--chunk-env: the variable '%s' is not set", name);
}

static int device_option(Worker *w, const char *v)
{
    return fg_device_parse(&w->device, v) < 0 || w->device.all ||
                   !w->device.word || strcmp(w->device.word, "cuda") != 0
               ? fg_usage_error("worker", "--device '%s' is not cuda or cuda:N",
                                v)
               : 0;
}

static int take_option(void *arg, int c, const char *v)
{
    Worker *const w = arg;
    switch (c) {
    case O_CHUNK:
        return number("--chunk", v, 0, 1000000000, &w->task);
    case O_ENV:
        return from_environment(w, v);
    case O_CHUNKS:
        w->chunks = v;
        return 0;
    case O_LIST:
        w->list = v;
        return 0;
    case O_PER:
        return number("--per-task", v, 1, 1000000, &w->per_task);
    case O_THREADS:
        return small_number("--threads", v, 1024, &w->threads);
    case O_TRIES:
        return small_number("--max-tries", v, 1000, &w->max_tries);
    case O_GRACE:
        return small_number("--grace", v, 86400, &w->grace_s);
    case O_WAIT:
        return small_number("--wait", v, 86400, &w->wait_s);
    case O_PROGRESS:
        w->style = v;
        return 0;
    case O_DEVICE:
        return device_option(w, v);
    case O_JSON:
        w->json = 1;
        return 0;
    case 'q':
        w->quiet = 1;
        return 0;
    default:
        w->help = 1;
        return 0;
    }
}

static int parse(Worker *w, int argc, char **argv)
{
    FgReport probe = {0};
    const int ret = fg_take_options("worker", argc, argv, ":qh", options,
                                    take_option, w);
    if (ret)
        return ret;
    if (w->help)
        return 0;
    if (argc - optind != 1)
        return fg_usage_error("worker", argc > optind ? "more than one job"
                                                      : "no job given");
    if (w->style && fg_report_style(&probe, w->style) < 0)
        return fg_usage_error("worker",
                              "--progress '%s': auto, bar, lines, json, "
                              "deadline, openjd, alf, none",
                              w->style);
    if (w->chunks && (w->task >= 0 || w->list))
        return fg_usage_error("worker", "--chunks says it all: not with "
                                        "--chunk, --chunk-env, --list");
    w->job = argv[optind];
    return 0;
}

/* ---- which chunks ---- */

static void nap(double seconds)
{
    const struct timespec t = {
        (time_t)seconds, (long)((seconds - (double)(time_t)seconds) * 1e9)};
    nanosleep(&t, NULL);
}

/* Folders on other machines show new files late. */
static int read_plan(Worker *w, FgError *err)
{
    const double began = fg_now();
    char *const folder = fg_path_from_url(w->job);
    int ret;
    if (!folder) {
        fg_error(err, 0, "%s: not a file:// URL", fg_show(w->job));
        return FG_EXIT_USAGE;
    }
    do {
        ret = fg_job_plan_read(&w->plan, folder, err);
        if (ret != FG_EXIT_NOINPUT || fg_now() - began >= w->wait_s)
            break;
        nap(0.5);
    } while (!fg_stop_asked());
    free(folder);
    return ret;
}

static int out_of_range(const Worker *w, int64_t k, FgError *err)
{
    fg_error(err, 0, "%s: no chunk %lld: 0..%lld", fg_show(w->plan->folder),
             (long long)k, (long long)w->plan->nb_chunks - 1);
    return FG_EXIT_USAGE;
}

/* The lines [from, from + per_task) of the list. */
static int from_list(Worker *w, FgError *err)
{
    char *const path = fg_path_from_url(w->list);
    FILE *const f = path ? fopen(path, "r") : NULL;
    int64_t line = 0;
    long long k;
    int ret = f ? 0 : FG_EXIT_NOINPUT;
    if (!f)
        fg_error(err, 0, "%s: %s", fg_show(w->list), strerror(errno));
    for (; f && fscanf(f, "%lld", &k) == 1; line++)
        if (line / w->per_task == w->task)
            w->todo[w->nb_todo++] = k;
    if (f)
        fclose(f);
    free(path);
    if (!ret && !w->nb_todo) {
        fg_error(err, 0, "%s: no line for task %lld: it has %lld lines",
                 fg_show(w->list), (long long)w->task, (long long)line);
        ret = FG_EXIT_USAGE;
    }
    return ret;
}

static int from_task(Worker *w, FgError *err)
{
    if (w->task < 0) {
        fg_error(err, 0, "worker: --chunk is not given: 0..%lld",
                 (long long)w->plan->nb_chunks - 1);
        return FG_EXIT_USAGE;
    }
    w->todo = calloc((size_t)w->per_task, sizeof(*w->todo));
    if (!w->todo) {
        fg_error(err, 0, "no memory");
        return FG_EXIT_RETRY;
    }
    if (w->list)
        return from_list(w, err);
    const int64_t first = w->task * w->per_task;
    for (int64_t k = first; k < first + w->per_task; k++)
        if (k == first || k < w->plan->nb_chunks)
            w->todo[w->nb_todo++] = k;
    return 0;
}

static int choose(Worker *w, FgError *err)
{
    int ret = 0;
    if (w->chunks) {
        FgError why = {{0}};
        if (fg_frame_list(w->chunks, &w->todo, &w->nb_todo, &why) < 0) {
            fg_error(err, 0, "worker: --chunks: %s", why.text);
            ret = FG_EXIT_USAGE;
        }
    } else {
        ret = from_task(w, err);
    }
    for (int i = 0; i < w->nb_todo && !ret; i++) {
        const int64_t k = w->todo[i];
        if (k < 0 || k >= w->plan->nb_chunks)
            return out_of_range(w, k, err);
        w->report.total += fg_job_plan_first(w->plan, k + 1) -
                           fg_job_plan_first(w->plan, k);
    }
    return ret;
}

/* ---- work ---- */

/* Attempts of a chunk that failed for a while, or were killed. */
static int tries_so_far(const Worker *w, int64_t k)
{
    FgTry *list;
    FgError none;
    int nb, n = 0;
    if (fg_tries_read(w->plan->folder, &list, &nb, &none) < 0)
        return 0;
    for (int i = 0; i < nb; i++)
        n += list[i].chunk == k && !list[i].past && !fg_try_is_alive(&list[i]);
    fg_tries_free(&list, nb);
    return n;
}

static int attempt(Worker *w, int64_t k, int64_t before, FgError *err)
{
    FgAttempt *a = fg_attempt_begin(w->plan->folder, k);
    const int ret = fg_chunk_run(w->plan, k, &w->report, before, w->threads,
                                 err);
    fg_attempt_end(&a, ret, ret ? err->text : "");
    return ret;
}

/* Other causes than those that pass by themselves are not tried again. */
static int with_tries(Worker *w, int64_t k, int64_t before, FgError *err)
{
    double pause = 2;
    for (;;) {
        const int n = w->max_tries ? tries_so_far(w, k) : 0;
        if (w->max_tries && n >= w->max_tries) {
            FgError why = *err;
            fg_error(err, 0, "%s: chunk %lld is given up after %d tries%s%s",
                     fg_show(w->plan->folder), (long long)k, n,
                     *why.text ? ": " : "", why.text);
            return FG_EXIT_DEVICE;
        }
        const int ret = attempt(w, k, before, err);
        if (ret != FG_EXIT_RETRY || !w->max_tries || fg_stop_asked())
            return ret;
        if (n + 1 < w->max_tries)
            nap(pause);
        pause = pause < 30 ? 2 * pause : 60;
    }
}

static int work(Worker *w, FgError *err)
{
    int64_t before = 0;
    int ret = 0, checked = 0;
    for (int i = 0; i < w->nb_todo && !ret; i++) {
        const int64_t k = w->todo[i];
        const int sig = i ? fg_stop_asked() : 0;
        if (sig) {
            fg_error(err, 0, "stopped by %s", strsignal(sig));
            return FG_EXIT_SIGNAL + sig;
        }
        if (!fg_chunk_is_done(w->plan, k)) {
            ret = checked ? 0 : fg_job_plan_check(w->plan, err);
            checked = 1;
            if (!ret)
                ret = with_tries(w, k, before, err);
        }
        before += fg_job_plan_first(w->plan, k + 1) -
                  fg_job_plan_first(w->plan, k);
        if (!ret)
            fg_report_progress(&w->report, before);
    }
    return ret;
}

static void warn_through(void *arg, const char *text)
{
    fg_report_warn(arg, "%s", text);
}

static int choose_device(const Worker *w, FgError *err)
{
    if (!w->device.word)
        return 0;
    w->plan->job.gpu = w->device.gpu;
    if (fg_device_asked(w->plan->job.preset->chain))
        return 0;
    fg_error(err, 0, "%s: was planned without --device cuda",
             fg_show(w->plan->folder));
    return FG_EXIT_USAGE;
}

int fg_cmd_worker(int argc, char **argv)
{
    Worker w = {.task = -1, .per_task = 1};
    FgError err = {{0}};
    int ret = parse(&w, argc, argv);
    if (ret || w.help)
        return ret ? ret : print_help();
    fg_log_init(w.quiet ? -1 : 0);
    fg_report_init(&w.report, w.json, w.quiet);
    if (w.style)
        fg_report_style(&w.report, w.style);
    fg_log_set_warn(warn_through, &w.report);
    fg_stop_init();
    fg_stop_grace(w.grace_s);
    ret = read_plan(&w, &err);
    if (!ret)
        ret = choose_device(&w, &err);
    if (!ret)
        ret = choose(&w, &err);
    if (!ret)
        ret = work(&w, &err);
    if (ret)
        fg_report_error(&w.report, ret, err.text);
    fg_log_set_warn(NULL, NULL);
    free(w.todo);
    fg_job_plan_free(&w.plan);
    return ret;
}
