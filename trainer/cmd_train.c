/* ffgan-train: command line, set-up, exit codes.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "trainer/gpu.h"
#include "trainer/continue.h"
#include "trainer/main.h"
#include "trainer/watch.h"

#define NAME "ffgan-train"

static const char usage[] =
    "usage: ffgan train RECIPE.yaml [-o OUT.safetensors] [--KEY=VALUE ...]\n"
    "       ffgan train --continue MODEL.safetensors --data NEW -o OUT\n"
    "       ffgan train --continue MODEL.safetensors --watch FOLDER -o OUT\n"
    "\n"
    "  -o, --out FILE     weights file (default: the recipe's name)\n"
    "  --KEY=VALUE        any key of the recipe, e.g. --steps=1000\n"
    "  --data-root DIR    folder that relative data paths start from\n"
    "                     (default: the recipe's folder)\n"
    "  --log DIR          log files below DIR: CSV, TensorBoard events, plots\n"
    "                     (key log_dir)\n"
    "  --resume           a checkpoint must be there to go on from\n"
    "  --fresh            start anew, whatever is there\n"
    "  --threads N        worker threads (default: all CPUs)\n"
    "  --device D         auto, cpu, cuda, or cuda:N (default: the recipe's "
    "key)\n"
    "  --dry-run          read and check everything, train nothing\n"
    "  --json             progress as one JSON object a line\n"
    "  --continue MODEL   goes on from a weights file of this trainer, gently\n"
    "  --data NEW         with these pictures; a part of them judges\n"
    "  --old DIR          old pictures beside the recipe's (several allowed)\n"
    "  --replay SHARE     of old pictures in what is learnt, 0..0.95 (0.5)\n"
    "  --watch FOLDER     goes on whenever new whole pictures arrive there\n"
    "  --every SECONDS    between looks into it, 1..86400 (10)\n"
    "  --at-least N       new pictures that make it worth while (4)\n"
    "  --rounds N         ends after so many trainings (0 = never)\n"
    "  --keys             print the keys of recipes, task by task\n"
    "  -h, --help         this text\n"
    "\n"
    "The checkpoint lies beside OUT, as OUT.ckpt. The same command again goes\n"
    "on from it; the result is the same as that of an uninterrupted run.\n"
    "--continue keeps the better one of parent and child: with exit code 3 "
    "OUT\n"
    "is the parent.\n";

typedef struct Args {
    const char *recipe, *out, *data_root, *log, *device;
    const char **set; /* overrides, without their dashes */
    const char **old;
    const char *watch;
    FgContinue go_on;
    int nb_set, resume, fresh, threads, dry, json;
    int every, at_least, rounds;
} Args;

static void on_signal(int sig)
{
    if (fg_loop_signal)
        _exit(128 + sig);
    fg_loop_signal = sig;
}

static void catch_signals(void)
{
    struct sigaction sa = {0};

    sa.sa_handler = on_signal;
    sigaction(SIGINT, &sa, NULL);
    sigaction(SIGTERM, &sa, NULL);
}

/* One flag without a value: 1 if it was one. */
static int parse_flag(Args *a, const char *arg)
{
    const struct {
        const char *name;
        int *flag;
    } all[] = {{"--resume", &a->resume},
               {"--fresh", &a->fresh},
               {"--dry-run", &a->dry},
               {"--json", &a->json}};

    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
        if (!strcmp(arg, all[i].name))
            return *all[i].flag = 1;
    return 0;
}

static int parse_replay(Args *a, const char *v)
{
    char *end;

    a->go_on.replay = strtod(v, &end);
    if (end == v || *end || !(a->go_on.replay >= 0 && a->go_on.replay <= 0.95))
        return fg_fail(NAME, FG_EXIT_USAGE, "--replay is %s, allowed 0..0.95",
                       v);
    return 0;
}

/* 1 when it was one of these; *code is then what became of it. */
static int parse_number(Args *a, int argc, char **argv, int *i, int *code)
{
    const struct {
        const char *name;
        int *out, min, max;
    } all[] = {{"--every", &a->every, 1, 86400},
               {"--at-least", &a->at_least, 1, 1000000},
               {"--rounds", &a->rounds, 0, 1000000}};

    for (size_t k = 0; k < sizeof(all) / sizeof(all[0]); k++) {
        const char *v = fg_option(argc, argv, i, all[k].name);

        if (!v)
            continue;
        *all[k].out = fg_option_int(v, all[k].min, all[k].max);
        *code = *all[k].out < all[k].min
                    ? fg_fail(NAME, FG_EXIT_USAGE, "%s is %s, allowed %d..%d",
                              all[k].name, v, all[k].min, all[k].max)
                    : 0;
        return 1;
    }
    return 0;
}

static int parse_value(Args *a, int argc, char **argv, int *i)
{
    const char *v;
    int code = 0;

    if ((v = fg_option(argc, argv, i, "--out")) ||
        (v = fg_option(argc, argv, i, "-o"))) {
        a->out = v;
    } else if ((v = fg_option(argc, argv, i, "--data-root"))) {
        a->data_root = v;
    } else if ((v = fg_option(argc, argv, i, "--log"))) {
        a->log = v;
    } else if ((v = fg_option(argc, argv, i, "--device"))) {
        a->device = v;
    } else if ((v = fg_option(argc, argv, i, "--threads"))) {
        a->threads = fg_option_int(v, 0, 1024);
        if (a->threads < 0)
            return fg_fail(NAME, FG_EXIT_USAGE,
                           "--threads is %s, allowed 0..1024", v);
    } else if ((v = fg_option(argc, argv, i, "--continue"))) {
        a->go_on.model = v;
    } else if ((v = fg_option(argc, argv, i, "--data"))) {
        a->go_on.data = v;
    } else if ((v = fg_option(argc, argv, i, "--old"))) {
        a->old[a->go_on.nb_old++] = v;
    } else if ((v = fg_option(argc, argv, i, "--watch"))) {
        a->watch = v;
    } else if ((v = fg_option(argc, argv, i, "--replay"))) {
        return parse_replay(a, v);
    } else if (parse_number(a, argc, argv, i, &code)) {
        return code;
    } else if (!strncmp(argv[*i], "--", 2) && strchr(argv[*i], '=')) {
        a->set[a->nb_set++] = argv[*i] + 2;
    } else if (argv[*i][0] == '-') {
        return fg_fail(NAME, FG_EXIT_USAGE,
                       "unknown or incomplete option %s; see --help", argv[*i]);
    } else if (a->recipe) {
        return fg_fail(NAME, FG_EXIT_USAGE, "one recipe at a time: %s, %s",
                       a->recipe, argv[*i]);
    } else {
        a->recipe = argv[*i];
    }
    return 0;
}

static int check_continue(const Args *a)
{
    if (!a->go_on.model)
        return fg_fail(NAME, FG_EXIT_USAGE,
                       "--data, --old and --watch go with --continue MODEL");
    if (a->recipe)
        return fg_fail(NAME, FG_EXIT_USAGE,
                       "--continue has the model's own recipe, not %s",
                       a->recipe);
    if (!a->go_on.data == !a->watch)
        return fg_fail(NAME, FG_EXIT_USAGE,
                       "--continue needs --data NEW or --watch FOLDER");
    if (!a->out)
        return fg_fail(NAME, FG_EXIT_USAGE, "--continue needs -o OUT");
    if (!strcmp(a->out, a->go_on.model))
        return fg_fail(NAME, FG_EXIT_USAGE,
                       "-o %s is the model itself: write beside it", a->out);
    return 0;
}

static int parse_args(Args *a, int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        int ret;

        if (parse_flag(a, argv[i]))
            continue;
        ret = parse_value(a, argc, argv, &i);
        if (ret)
            return ret;
    }
    if (a->go_on.model || a->go_on.data || a->watch || a->go_on.nb_old)
        return check_continue(a);
    if (!a->recipe)
        return fg_fail(NAME, FG_EXIT_USAGE, "no recipe given; see --help");
    if (a->resume && a->fresh)
        return fg_fail(NAME, FG_EXIT_USAGE,
                       "--resume and --fresh exclude each other");
    return 0;
}

/* ---- set-up ---- */

static char *checkpoint_path(const char *out)
{
    char *path;

    return asprintf(&path, "%.*s.ckpt", fg_stem(out), out) < 0 ? NULL : path;
}

/* Found before hours are spent: can files be made beside out? */
static int check_writable(const char *out, FgError *err)
{
    const char *slash = strrchr(out, '/');
    char *dir = slash ? strndup(out, slash == out ? 1 : (size_t)(slash - out))
                      : strdup(".");
    int ret = 0;

    if (!dir)
        return -ENOMEM;
    if (access(dir, W_OK | X_OK)) {
        ret = -errno;
        fg_error(err, ret, "%s: cannot write into this folder: %s", dir,
                 strerror(-ret));
    }
    free(dir);
    return ret;
}

static void summary_sr(const FgTrain *t)
{
    const FgRecipe *r = t->recipe;
    FgReach reach = {0};
    FgGraph g = {0};
    FgParams ps = {0};

    if (!fg_net_collapse(&t->net[0], FG_SET_PARAM, &g, &ps, NULL))
        fg_graph_reach(&g, &reach, NULL);
    fprintf(stderr,
            "%s: %s %s x%d, %zu parameters (%zu in training), %.1f K MAC per "
            "input pixel",
            r->name, r->net.family, r->luma ? "luma" : "rgb", r->net.scale,
            fg_params_count(&ps), fg_params_count(&t->net[0].set[0]),
            reach.macs / 1000);
    fg_params_free(&ps);
    fg_graph_free(&g);
}

static void summary(const FgTrain *t, const char *out)
{
    if (t->recipe->net.family)
        summary_sr(t);
    else
        fprintf(stderr, "%s: %s", t->recipe->name, t->family->name);
    for (int i = 0; !t->recipe->net.family && i < t->nb_nets; i++)
        fprintf(stderr, ", %s %zu parameters", t->net[i].name,
                fg_params_count(&t->net[i].set[0]));
    fprintf(stderr,
            ", %d pictures, %d for validation, %lld steps, %d threads -> %s\n",
            t->train.nb, t->val.nb, (long long)t->recipe->steps,
            fg_threads(t->ex), out);
    if (t->ex->gpu)
        fprintf(stderr,
                "on %s, %s: all ops of the networks, and the optimisers; on "
                "the CPU: crops, losses, gradient penalties, spectral norms\n",
                t->ex->gpu->gpu.about.name, t->recipe->precision);
}

/* What went to and fro. */
static void print_copies(const FgTrain *t, int64_t steps)
{
    const FgGpu *d = t->ex->gpu;
    const double per = 1.0 / 1024 / (double)(steps > 0 ? steps : 1);

    if (d)
        fprintf(stderr,
                "a step copied %.1f KiB to the GPU and %.1f KiB from it, and "
                "waited for it %.1f times\n",
                (double)d->up * per, (double)d->down * per,
                (double)d->waits * per * 1024);
}

/* ---- the run ---- */

static int resume(FgTrain *t, const Args *a, const char *checkpoint,
                  FgError *err)
{
    if (a->fresh)
        return 0;
    if (access(checkpoint, F_OK)) {
        if (a->resume)
            return fg_error(err, -ENOENT, "%s: no checkpoint to resume from",
                            checkpoint);
        return 0;
    }
    return fg_checkpoint_read(t, checkpoint, err);
}

static void print_best(const FgTrain *t, const char *out)
{
    const FgFigure *f = &t->family->figure;
    char figure[64];

    fg_figure_text(f, t->best, figure, sizeof(figure));
    fprintf(stderr, "%s: validation %s", out, figure);
    if (f->second && !strcmp(f->second, "val_ssim_y"))
        fprintf(stderr, ", SSIM %.4f", t->best_ssim);
    fprintf(stderr, ", from step %lld\n", (long long)t->best_step);
}

static int end_continued(const FgTrain *t, const Args *a, const char *out)
{
    FgError err = {""};
    char figure[64];
    int better, ret = fg_continue_end(t, &a->go_on, out, &better, &err);

    if (ret)
        return fg_fail(NAME, fg_exit_output(ret), "%s", err.text);
    if (better)
        return 0;
    fg_figure_text(&t->family->figure, t->best, figure, sizeof(figure));
    return fg_fail(NAME, FG_EXIT_PARENT,
                   "%s: nothing was better than the parent's %s: it is %s "
                   "again",
                   out, figure, a->go_on.model);
}

static int run_locked(FgTrain *t, const Args *a, const char *out,
                      const char *checkpoint)
{
    const FgLoopOptions o = {
        .out = out,
        .checkpoint = checkpoint,
        .log_dir = a->log ? a->log : fg_recipe_text(t->recipe, "log_dir"),
        .json = a->json,
        .gate = a->go_on.model != NULL};
    FgError err = {""};
    int64_t from;
    int ret = resume(t, a, checkpoint, &err);

    if (ret)
        return fg_fail(NAME, fg_exit_input(ret), "%s", err.text);
    if (!a->json)
        summary(t, out);
    if (!a->json && t->step)
        fprintf(stderr, "going on from step %lld\n", (long long)t->step);
    catch_signals();
    from = t->step;
    ret = fg_loop(t, &o, &err);
    if (!ret && !a->json)
        print_copies(t, t->step - from);
    if (ret == -EINTR)
        return fg_fail(NAME, 128 + fg_loop_signal,
                       "stopped at step %lld; the same command goes on",
                       (long long)t->step);
    if (ret)
        return fg_fail(NAME,
                       ret == -EIO && t->ex->gpu && t->ex->gpu->rc
                           ? FG_EXIT_DEVICE
                           : fg_exit_output(ret),
                       "%s", err.text);
    if (!a->json && isfinite(t->best))
        print_best(t, out);
    return a->go_on.model ? end_continued(t, a, out) : 0;
}

/* Two runs on one checkpoint would overwrite each other. */
static int run(FgTrain *t, const Args *a, const char *out,
               const char *checkpoint)
{
    char *path;
    int fd, code;

    if (asprintf(&path, "%s.lock", checkpoint) < 0)
        return FG_EXIT_TEMP;
    fd = open(path, O_CREAT | O_RDWR | O_CLOEXEC, 0644);
    if (fd < 0) {
        code = fg_fail(NAME, FG_EXIT_CANTCREAT, "%s: cannot create: %s", path,
                       strerror(errno));
    } else if (flock(fd, LOCK_EX | LOCK_NB)) {
        code = fg_fail(NAME, FG_EXIT_TEMP, "%s: another run is at work", out);
    } else {
        code = run_locked(t, a, out, checkpoint);
        unlink(path);
    }
    if (fd >= 0)
        close(fd);
    free(path);
    return code;
}

static int load(FgTrain *t, const Args *a, FgError *err)
{
    int ret = t->family->load ? t->family->load(t, err) : fg_train_load(t, err);

    if (!a->go_on.model)
        return ret;
    /* Where nothing old is replayed, nothing old need be there. */
    if (ret && ret != -ENOMEM && a->go_on.replay <= 0) {
        fg_data_free(&t->train);
        ret = 0;
    }
    return ret ? ret : fg_continue_data(t, &a->go_on, err);
}

static int train(FgTrain *t, const Args *a, const char *out,
                 const char *checkpoint)
{
    FgError err = {""};
    int ret = check_writable(out, &err), code;

    if (ret)
        return fg_fail(NAME, fg_exit_output(ret), "%s", err.text);
    if (a->resume && access(checkpoint, F_OK))
        return fg_fail(NAME, FG_EXIT_NOINPUT,
                       "%s: no checkpoint to resume from", checkpoint);
    t->family = t->recipe->family;
    ret = load(t, a, &err);
    if (ret) {
        t->family->close(t);
        return fg_fail(NAME, fg_exit_input(ret), "%s", err.text);
    }
    fg_recipe_set_pictures(t->recipe, t->train.nb);
    ret = t->family->create(t, &err);
    if (ret) {
        code = ret == -EINVAL ? FG_EXIT_CONFIG : fg_exit_input(ret);
        code = fg_fail(NAME, code, "%s", err.text);
    } else {
        if (a->dry) {
            summary(t, out);
            fputs(t->recipe->text, stdout);
        }
        code = a->dry ? 0 : run(t, a, out, checkpoint);
    }
    t->family->close(t);
    return code;
}

static int open_device(const Args *a, FgRecipe *r, FgExecutor *ex, FgGpu **gpu)
{
    FgError err = {""};
    int ret;

    if (a->device && fg_recipe_device(r, a->device))
        return fg_fail(NAME, FG_EXIT_USAGE,
                       "--device is %s, allowed auto, cpu, cuda, cuda:N",
                       a->device);
    ret = fg_gpu_open(gpu, r->device, r->precision, ex, &err);
    return ret ? fg_fail(NAME, ret == -ENOMEM ? FG_EXIT_TEMP : FG_EXIT_DEVICE,
                         "%s", err.text)
               : 0;
}

static int with_recipe(const Args *a, FgRecipe *r)
{
    FgTrain t = {.recipe = r, .best = -INFINITY, .last_val = NAN};
    FgPool *pool = NULL;
    FgGpu *gpu = NULL;
    char *out = NULL, *checkpoint = NULL;
    int code = FG_EXIT_TEMP;

    t.lr_scale = 1;
    if (a->out)
        out = strdup(a->out);
    else if (asprintf(&out, "%s.safetensors", r->name) < 0)
        out = NULL;
    checkpoint = out ? checkpoint_path(out) : NULL;
    if (!checkpoint || fg_pool_create(&pool, a->threads)) {
        fg_fail(NAME, code, "not enough memory or threads");
    } else {
        t.ex = fg_pool_executor(pool);
        code = open_device(a, r, t.ex, &gpu);
        if (!code)
            code = train(&t, a, out, checkpoint);
    }
    for (int i = 0; i < t.nb_nets; i++)
        fg_net_free(&t.net[i]);
    fg_data_free(&t.train);
    fg_data_free(&t.val);
    for (int i = 0; i < FG_MAX_EXTRA; i++)
        fg_data_free(&t.extra[i]);
    fg_params_free(&t.state);
    free(t.provenance);
    fg_gpu_close(&gpu);
    fg_pool_free(&pool);
    free(checkpoint);
    free(out);
    return code;
}

static int with_args(const Args *a, const char *recipe, const char **set,
                     int nb)
{
    FgRecipe r = {0};
    FgError err = {""};
    int code, ret;

    ret = fg_recipe_read(&r, recipe, set, nb, a->data_root, &err);
    if (ret == -ENOENT || ret == -EACCES || ret == -EISDIR)
        code = fg_fail(NAME, FG_EXIT_NOINPUT, "%s", err.text);
    else if (ret)
        code = fg_fail(NAME, FG_EXIT_CONFIG, "%s", err.text);
    else
        code = with_recipe(a, &r);
    fg_recipe_free(&r);
    return code;
}

/* The model's recipe, made gentle, with the user's own keys after that. */
static int go_on(const Args *a)
{
    FgError err = {""};
    char *path, **set = NULL;
    const char **all;
    int nb, ret, code;

    if (asprintf(&path, "%.*s.recipe.yaml", fg_stem(a->out), a->out) < 0)
        return FG_EXIT_TEMP;
    ret = fg_continue_recipe(&a->go_on, path, &set, &nb, &err);
    all = ret ? NULL
              : malloc(sizeof(*all) * ((size_t)nb + (size_t)a->nb_set + 1));
    if (ret) {
        code = ret == -EINVAL ? FG_EXIT_DATA : fg_exit_input(ret);
        code = fg_fail(NAME, code, "%s", err.text);
    } else if (!all) {
        code = FG_EXIT_TEMP;
    } else {
        for (int i = 0; i < nb; i++)
            all[i] = set[i];
        for (int i = 0; i < a->nb_set; i++)
            all[nb + i] = a->set[i];
        code = with_args(a, path, all, nb + a->nb_set);
    }
    fg_strings_free(&set, ret ? 0 : nb);
    free(all);
    free(path);
    return code;
}

static int watch(const Args *a, int argc, char **argv)
{
    const FgWatch w = {.folder = a->watch,
                       .model = a->go_on.model,
                       .out = a->out,
                       .every = a->every,
                       .at_least = a->at_least,
                       .rounds = a->rounds,
                       .json = a->json,
                       .argc = argc,
                       .argv = argv};
    FgError err = {"not enough memory"};
    int ret;

    catch_signals();
    ret = fg_watch(&w, &err);
    if (ret == -EINTR)
        return fg_fail(NAME, 128 + fg_loop_signal,
                       "stopped; the same command goes on");
    if (ret > 0)
        return fg_fail(NAME, ret, "%s", err.text);
    return ret ? fg_fail(NAME, fg_exit_output(ret), "%s", err.text) : 0;
}

int fg_main_train(int argc, char **argv)
{
    Args a = {.every = 10, .at_least = 4};
    int code;

    for (int i = 1; i < argc; i++) {
        if (!strcmp(argv[i], "--help") || !strcmp(argv[i], "-h")) {
            fputs(usage, stdout);
            return 0;
        }
        if (!strcmp(argv[i], "--keys")) {
            fg_recipe_print_keys();
            return 0;
        }
    }
    a.go_on.replay = 0.5;
    a.set = calloc((size_t)argc + 1, sizeof(*a.set));
    a.old = calloc((size_t)argc + 1, sizeof(*a.old));
    a.go_on.old = a.old;
    code = a.set && a.old ? parse_args(&a, argc, argv) : FG_EXIT_TEMP;
    if (!code)
        code = a.watch         ? watch(&a, argc, argv)
               : a.go_on.model ? go_on(&a)
                               : with_args(&a, a.recipe, a.set, a.nb_set);
    free(a.old);
    free(a.set);
    return code;
}
