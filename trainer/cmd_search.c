/* ffgan-search: command line, set-up, exit codes.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "trainer/main.h"
#include "trainer/search.h"

#define NAME "ffgan-search"

static const char usage[] =
    "usage: ffgan search SEARCH.yaml [-o FOLDER]\n"
    "\n"
    "  -o, --out FOLDER  what is written (default: the search's name)\n"
    "  --data-root DIR   folder that relative data paths start from\n"
    "                    (default: the recipe's folder)\n"
    "  --fresh           start anew, whatever is there\n"
    "  --report          print what is there so far, search nothing\n"
    "  --dry-run         read and check everything, search nothing\n"
    "  --threads N       worker threads (default: all CPUs)\n"
    "  --json            one JSON object a line, as in the log\n"
    "  --keys            print the keys of a search recipe\n"
    "  -h, --help        this text\n"
    "\n"
    "Random search with the same budget always runs beside the others. FOLDER\n"
    "gets search.jsonl, summary.txt, pareto.png, progress.png, winner.yaml "
    "and\n"
    "events/ for TensorBoard. The same command again goes on.\n";

typedef struct Args {
    const char *recipe, *out, *data_root;
    int fresh, report, dry, threads, json;
} Args;

static void on_signal(int sig)
{
    if (fg_loop_signal)
        _exit(128 + sig);
    fg_loop_signal = sig;
}

static int parse_value(Args *a, int argc, char **argv, int *i)
{
    const char *v;

    if ((v = fg_option(argc, argv, i, "--out")) ||
        (v = fg_option(argc, argv, i, "-o"))) {
        a->out = v;
    } else if ((v = fg_option(argc, argv, i, "--data-root"))) {
        a->data_root = v;
    } else if ((v = fg_option(argc, argv, i, "--threads"))) {
        a->threads = fg_option_int(v, 0, 1024);
        if (a->threads < 0)
            return fg_fail(NAME, FG_EXIT_USAGE,
                           "--threads is %s, allowed 0..1024", v);
    } else if (argv[*i][0] == '-') {
        return fg_fail(NAME, FG_EXIT_USAGE,
                       "unknown or incomplete option %s; see --help", argv[*i]);
    } else if (a->recipe) {
        return fg_fail(NAME, FG_EXIT_USAGE, "one search at a time: %s, %s",
                       a->recipe, argv[*i]);
    } else {
        a->recipe = argv[*i];
    }
    return 0;
}

static int parse(Args *a, int argc, char **argv)
{
    const struct {
        const char *name;
        int *flag;
    } all[] = {{"--fresh", &a->fresh},
               {"--report", &a->report},
               {"--dry-run", &a->dry},
               {"--json", &a->json}};
    const size_t n = sizeof(all) / sizeof(all[0]);

    for (int i = 1; i < argc; i++) {
        size_t k = 0;
        int ret;

        while (k < n && strcmp(argv[i], all[k].name))
            k++;
        if (k < n) {
            *all[k].flag = 1;
            continue;
        }
        ret = parse_value(a, argc, argv, &i);
        if (ret)
            return ret;
    }
    if (!a->recipe)
        return fg_fail(NAME, FG_EXIT_USAGE, "no search given; see --help");
    if (a->fresh && a->report)
        return fg_fail(NAME, FG_EXIT_USAGE,
                       "--fresh and --report exclude each other");
    return 0;
}

static int exit_of(int ret)
{
    if (ret == -EINVAL)
        return FG_EXIT_CONFIG;
    return ret == -ENOSPC || ret == -EROFS || ret == -EDQUOT
               ? fg_exit_output(ret)
               : fg_exit_input(ret);
}

static int finish(FgSearch *s, int ret, FgError *err)
{
    FgError other = {"not enough memory"};
    int bad = 0;

    if (!ret || ret == -EINTR)
        bad = s->has_baseline ? fg_search_report(s, &other) : 0;
    if (ret == -EINTR)
        return fg_fail(NAME, 128 + fg_loop_signal,
                       "stopped; the same command goes on");
    if (ret)
        return fg_fail(NAME, exit_of(ret), "%s", err->text);
    return bad ? fg_fail(NAME, fg_exit_output(bad), "%s", other.text) : 0;
}

static int search(FgSearch *s, const Args *a)
{
    struct sigaction sa = {0};
    FgError err = {"not enough memory"};
    int ret = fg_search_open(s, &err);

    if (ret)
        return fg_fail(NAME, exit_of(ret), "%s", err.text);
    sa.sa_handler = on_signal;
    sigaction(SIGINT, &sa, NULL);
    sigaction(SIGTERM, &sa, NULL);
    if (!a->report)
        ret = fg_search_run(s, &err);
    return finish(s, ret, &err);
}

static int dry_run(FgSearch *s)
{
    FgError err = {"not enough memory"};
    const int ret = fg_search_open(s, &err);

    if (ret)
        return fg_fail(NAME, exit_of(ret), "%s", err.text);
    fputs(s->r->text, stdout);
    return 0;
}

static int make_folder(const char *dir)
{
    return mkdir(dir, 0777) && errno != EEXIST ? -errno : 0;
}

/* Locked, so that two searches never write one log. */
static int in_folder(FgSearch *s, const Args *a)
{
    char path[4096];
    int fd, code, ret = make_folder(s->out);

    snprintf(path, sizeof(path), "%s/events", s->out);
    if (!ret)
        ret = make_folder(path);
    snprintf(path, sizeof(path), "%s/search.lock", s->out);
    fd = ret ? -1 : open(path, O_CREAT | O_RDWR | O_CLOEXEC, 0644);
    if (fd < 0)
        return fg_fail(NAME, FG_EXIT_CANTCREAT, "%s: cannot be made: %s",
                       s->out, strerror(errno));
    if (flock(fd, LOCK_EX | LOCK_NB)) {
        code = fg_fail(NAME, FG_EXIT_TEMP, "%s: another search is at work",
                       s->out);
    } else {
        snprintf(path, sizeof(path), "%s/search.jsonl", s->out);
        if (a->fresh)
            unlink(path);
        code = search(s, a);
        snprintf(path, sizeof(path), "%s/search.lock", s->out);
        unlink(path);
    }
    close(fd);
    return code;
}

static int with_recipe(const Args *a, const FgSearchRecipe *r)
{
    FgSearch s = {.r = r, .out = a->out ? a->out : r->name, .json = a->json};
    FgPool *pool = NULL;
    int code;

    s.world.data_root = a->data_root;
    if (fg_pool_create(&pool, a->threads))
        return fg_fail(NAME, FG_EXIT_TEMP, "not enough memory or threads");
    s.world.ex = fg_pool_executor(pool);
    s.dry = a->dry;
    code = a->dry ? dry_run(&s) : in_folder(&s, a);
    fg_search_close(&s);
    fg_pool_free(&pool);
    return code;
}

int fg_main_search(int argc, char **argv)
{
    FgSearchRecipe r;
    FgError err = {""};
    Args a = {0};
    int ret;

    for (int i = 1; i < argc; i++) {
        if (!strcmp(argv[i], "--help") || !strcmp(argv[i], "-h")) {
            fputs(usage, stdout);
            return 0;
        }
        if (!strcmp(argv[i], "--keys")) {
            fg_search_print_keys();
            return 0;
        }
    }
    ret = parse(&a, argc, argv);
    if (ret)
        return ret;
    ret = fg_search_read(&r, a.recipe, &err);
    if (ret == -ENOENT || ret == -EACCES || ret == -EISDIR)
        return fg_fail(NAME, FG_EXIT_NOINPUT, "%s", err.text);
    if (ret)
        return fg_fail(NAME, FG_EXIT_CONFIG, "%s", err.text);
    ret = with_recipe(&a, &r);
    fg_search_recipe_free(&r);
    return ret;
}
