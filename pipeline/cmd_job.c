/* ffgan: assemble, status and verify.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "pipeline/attempt.h"
#include "pipeline/commands.h"
#include "pipeline/engine.h"
#include "pipeline/exit.h"
#include "pipeline/receipt.h"
#include "pipeline/stop.h"
#include "pipeline/util.h"

typedef struct Args {
    const char *command, *folder;
    char *path; /* of the job; owned */
    const char *style;
    int json, quiet, keep, help, wait_s;
} Args;

enum { O_JSON = 256, O_KEEP, O_WAIT, O_PROGRESS };

static const struct option assemble_options[] = {
    {"keep", no_argument, NULL, O_KEEP},
    {"wait", required_argument, NULL, O_WAIT},
    {"progress", required_argument, NULL, O_PROGRESS},
    {"json", no_argument, NULL, O_JSON},
    {"quiet", no_argument, NULL, 'q'},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};
static const struct option look_options[] = {
    {"json", no_argument, NULL, O_JSON},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

static int print_help(const char *command)
{
    if (!strcmp(command, "assemble"))
        puts(
            "usage: ffgan assemble JOB\n"
            "Joins the chunks of a job, copies sound and the rest, checks the\n"
            "result against the plan, gives it its name.\n\n"
            "      --keep            the job's folder stays\n"
            "      --wait SECONDS    for chunks that are not done yet\n"
            "      --progress HOW    auto bar lines json deadline openjd alf "
            "none\n"
            "      --json  -q, --quiet  -h, --help");
    else if (!strcmp(command, "status"))
        puts("usage: ffgan status JOB [--json]\n"
             "Which chunks of a job are done, by their receipts.");
    else
        puts("usage: ffgan verify JOB [--json]\n"
             "Reads all chunks of a job again and compares them with their\n"
             "receipts; prints the checksum of the frames.");
    return FG_EXIT_OK;
}

static int take_option(void *arg, int c, const char *v)
{
    Args *const a = arg;
    int64_t n = 0;
    switch (c) {
    case O_WAIT:
        if (fg_parse_int(v, 0, 31536000, &n) < 0)
            return fg_usage_error(a->command,
                                  "--wait '%s' is not in 0..31536000", v);
        a->wait_s = (int)n;
        return 0;
    case O_PROGRESS:
        a->style = v;
        return 0;
    case O_JSON:
        a->json = 1;
        return 0;
    case O_KEEP:
        a->keep = 1;
        return 0;
    case 'q':
        a->quiet = 1;
        return 0;
    default:
        a->help = 1;
        return 0;
    }
}

static int parse(Args *a, int argc, char **argv, const struct option *options)
{
    const int ret = fg_take_options(a->command, argc, argv, ":qh", options,
                                    take_option, a);
    if (ret)
        return ret;
    if (a->help)
        return 0;
    if (argc - optind != 1)
        return fg_usage_error(a->command, argc > optind ? "more than one job"
                                                        : "no job given");
    a->folder = argv[optind];
    return 0;
}

/* The first chunk that is not done, -1 = all are. */
static int64_t first_missing(const FgJobPlan *p, int64_t from)
{
    for (int64_t k = from; k < p->nb_chunks; k++)
        if (!fg_chunk_is_done(p, k))
            return k;
    return -1;
}

/* 1: who tried it failed, and nobody is at it. */
static int is_given_up(const FgJobPlan *p, int64_t k)
{
    FgTry *list;
    FgError none;
    int nb, failed = 0, alive = 0;
    if (fg_tries_read(p->folder, &list, &nb, &none) < 0)
        return 0;
    for (int i = 0; i < nb; i++)
        if (list[i].chunk == k && !list[i].past) {
            const int at_it = fg_try_is_alive(&list[i]);
            alive += at_it;
            failed += !at_it;
        }
    fg_tries_free(&list, nb);
    return failed && !alive;
}

/* Tasks that end, and receipts that another machine has written, are not seen
 * at once everywhere. */
static int await_chunks(const Args *a, const FgJobPlan *p, FgError *err)
{
    const double began = fg_now();
    const struct timespec pause = {1, 0};
    /* Between two tries of a farm nobody is at it, either. */
    const double patience = a->wait_s < 3600 ? a->wait_s / 6.0 : 600;
    double idle = -1;
    int64_t k = first_missing(p, 0);
    while (k >= 0 && fg_now() - began < a->wait_s && !fg_stop_signal()) {
        if (!is_given_up(p, k))
            idle = -1;
        else if (idle < 0)
            idle = fg_now();
        if (idle >= 0 && fg_now() - idle >= patience)
            break;
        nanosleep(&pause, NULL);
        k = first_missing(p, k);
    }
    if (k < 0)
        return 0;
    fg_error(err, 0, "%s: chunk %lld is not done", fg_show(p->folder),
             (long long)k);
    return fg_stop_signal() ? FG_EXIT_SIGNAL + fg_stop_signal()
                            : FG_EXIT_NOINPUT;
}

static int do_assemble(const Args *a, FgJobPlan *p, FgReport *report,
                       FgError *err)
{
    int64_t bytes = 0;
    FgEngine e = {.lock = -1};
    int ret = fg_engine_lock(&e, p->folder, err);
    if (ret)
        return ret;
    ret = await_chunks(a, p, err);
    if (!ret)
        ret = fg_job_plan_check(p, err);
    if (!ret)
        ret = fg_job_plan_join(p, report, &bytes, err);
    if (!ret && !a->keep)
        ret = fg_job_plan_remove(p->folder, err);
    if (!ret)
        fg_report_done(report, p->job.output, fg_index_out(&p->index).nb,
                       bytes);
    fg_engine_unlock(&e);
    return ret;
}

static json_t *missing_chunks(const FgJobPlan *p, int64_t *done,
                              int64_t *frames)
{
    json_t *const a = json_array();
    *done = *frames = 0;
    for (int64_t k = 0; a && k < p->nb_chunks; k++) {
        if (!fg_chunk_is_done(p, k)) {
            json_array_append_new(a, json_integer(k));
            continue;
        }
        ++*done;
        *frames += fg_job_plan_first(p, k + 1) - fg_job_plan_first(p, k);
    }
    return a;
}

static void print_missing(const json_t *missing)
{
    const size_t n = json_array_size(missing);
    for (size_t i = 0, k; i < n; i = k) {
        const json_int_t a = json_integer_value(json_array_get(missing, i));
        for (k = i + 1; k < n; k++)
            if (json_integer_value(json_array_get(missing, k)) !=
                a + (json_int_t)(k - i))
                break;
        printf(k > i + 1 ? "%s%lld-%lld" : "%s%lld", i ? "," : "to do     ",
               (long long)a, (long long)a + (long long)(k - i) - 1);
    }
    if (n)
        puts("");
}

static int do_status(const Args *a, FgJobPlan *p)
{
    int64_t done, frames;
    json_t *const missing = missing_chunks(p, &done, &frames);
    if (!a->json) {
        printf("input     %s\noutput    %s\npreset    %s\n", fg_show(p->input),
               fg_show(p->job.output), p->job.preset->name);
        printf("chunks    %lld of %lld done, %lld of %lld frames\n",
               (long long)done, (long long)p->nb_chunks, (long long)frames,
               (long long)fg_index_out(&p->index).nb);
        print_missing(missing);
        json_decref(missing);
        return 0;
    }
    json_t *const j = json_pack(
        "{s:s,s:o,s:o,s:s,s:s,s:I,s:I,s:I,s:I,s:o}", "event", "status", "input",
        fg_json_text(p->input), "output", fg_json_text(p->job.output), "preset",
        p->job.preset->name, "plan", p->id, "chunks", (json_int_t)p->nb_chunks,
        "done", (json_int_t)done, "frames",
        (json_int_t)fg_index_out(&p->index).nb, "frames_done",
        (json_int_t)frames, "missing", missing);
    char *const s = j ? json_dumps(j, JSON_COMPACT) : NULL;
    if (s)
        puts(s);
    free(s);
    json_decref(j);
    return 0;
}

static int do_verify(const Args *a, FgJobPlan *p, FgError *err)
{
    char digest[33];
    int ret = 0;
    for (int64_t k = 0; k < p->nb_chunks && !ret; k++) {
        FgReceipt r;
        ret = fg_receipt_read(&r, p, k, err);
        if (!ret)
            ret = fg_receipt_check(&r, p, 1, err);
        fg_receipt_free(&r);
    }
    if (ret)
        return ret == -ENOENT   ? FG_EXIT_NOINPUT
               : ret == -ENOMEM ? FG_EXIT_RETRY
                                : FG_EXIT_DATA;
    ret = fg_job_plan_digest(p, digest, err);
    if (!ret)
        printf(a->json ? "{\"event\":\"verify\",\"chunks\":%lld,\"frames\":"
                         "%lld,\"xxh3\":\"%s\"}\n"
                       : "%lld chunks, %lld frames, all whole; frames %s\n",
               (long long)p->nb_chunks, (long long)fg_index_out(&p->index).nb,
               digest);
    return ret;
}

static int dispatch(const Args *a, FgJobPlan *p, FgReport *report, FgError *err)
{
    if (!strcmp(a->command, "assemble"))
        return do_assemble(a, p, report, err);
    if (!strcmp(a->command, "status"))
        return do_status(a, p);
    return do_verify(a, p, err);
}

static void warn_through(void *arg, const char *text)
{
    fg_report_warn(arg, "%s", text);
}

int fg_cmd_job(int argc, char **argv)
{
    Args a = {.command = argv[0]};
    const struct option *const options = !strcmp(argv[0], "assemble")
                                             ? assemble_options
                                             : look_options;
    FgReport report;
    FgError err = {{0}};
    FgJobPlan *p = NULL;
    int ret = parse(&a, argc, argv, options);
    if (ret || a.help)
        return ret ? ret : print_help(a.command);
    fg_log_init(a.quiet ? -1 : 0);
    fg_report_init(&report, a.json, a.quiet);
    if (a.style && fg_report_style(&report, a.style) < 0)
        return fg_usage_error(a.command,
                              "--progress '%s': auto, bar, lines, json, "
                              "deadline, openjd, alf, none",
                              a.style);
    fg_log_set_warn(warn_through, &report);
    fg_stop_init();
    a.path = fg_path_from_url(a.folder);
    if (a.path) {
        ret = fg_job_plan_read(&p, a.path, &err);
    } else {
        fg_error(&err, 0, "%s: not a file:// URL", fg_show(a.folder));
        ret = FG_EXIT_USAGE;
    }
    if (!ret)
        ret = dispatch(&a, p, &report, &err);
    if (ret)
        fg_report_error(&report, ret, err.text);
    fg_log_set_warn(NULL, NULL);
    fg_job_plan_free(&p);
    free(a.path);
    return ret;
}
