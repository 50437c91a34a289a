/* Training that goes on by itself when new pictures arrive.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "pipeline/source.h"
#include "trainer/atomic.h"
#include "trainer/main.h"
#include "trainer/train.h"
#include "trainer/watch.h"

/* What is known of a file in the folder. */
typedef struct Seen {
    char *path;
    long long size, time_ns;
    int stable; /* was the same at the last look */
    int bad;    /* whole, but no picture */
} Seen;

typedef struct Watch {
    const FgWatch *w;
    char *base; /* OUT.watch */
    Seen *seen;
    int nb_seen;
    int round; /* the newest one, 0 = none */
} Watch;

static char *text(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

static char *text(const char *fmt, ...)
{
    va_list ap;
    char *out;
    int n;

    va_start(ap, fmt);
    n = vasprintf(&out, fmt, ap);
    va_end(ap);
    return n < 0 ? NULL : out;
}

static int make_folder(const char *path, FgError *err)
{
    if (path && (!mkdir(path, 0777) || errno == EEXIST))
        return 0;
    return path ? fg_error(err, -errno, "%s: cannot be made: %s", path,
                           strerror(errno))
                : -ENOMEM;
}

/* Sleeps, less when a signal comes. */
static void rest(int seconds)
{
    struct timespec ts = {seconds, 0};

    if (!fg_loop_signal)
        nanosleep(&ts, NULL);
}

/* ---- which pictures are new ---- */

static long long time_of(const struct stat *st)
{
    return st->st_mtim.tv_sec * 1000000000LL + st->st_mtim.tv_nsec;
}

/* Was it part of an earlier round? Links and copies keep size and time. */
static int is_used(const Watch *s, const char *name, const Seen *f)
{
    for (int r = 1; r <= s->round; r++) {
        char *path = text("%s/%04d/new/%s", s->base, r, name);
        struct stat st;
        const int is = path && !stat(path, &st) && st.st_size == f->size &&
                       time_of(&st) == f->time_ns;

        free(path);
        if (is)
            return 1;
    }
    return 0;
}

static const char *name_of(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? slash + 1 : path;
}

static Seen *find(Watch *s, const char *path)
{
    Seen *all;

    for (int i = 0; i < s->nb_seen; i++)
        if (!strcmp(s->seen[i].path, path))
            return &s->seen[i];
    all = realloc(s->seen, sizeof(*all) * ((size_t)s->nb_seen + 1));
    if (!all)
        return NULL;
    s->seen = all;
    all[s->nb_seen] = (Seen){.path = strdup(path), .size = -1};
    return all[s->nb_seen].path ? &all[s->nb_seen++] : NULL;
}

/* Decoders are content with half a file. These formats say where they end. */
static int is_whole(const unsigned char *p, size_t n)
{
    if (n >= 12 && !memcmp(p, "\x89PNG", 4))
        return !memcmp(p + n - 8, "IEND", 4);
    if (n >= 12 && !memcmp(p, "RIFF", 4))
        return n >= 8 + (size_t)(p[4] | p[5] << 8 | p[6] << 16) +
                        ((size_t)p[7] << 24);
    if (n >= 4 && p[0] == 0xff && p[1] == 0xd8) {
        /* Cameras add a little after the end. */
        for (size_t i = n - 1; i > 0 && n - i < 65536; i--)
            if (p[i - 1] == 0xff && p[i] == 0xd9)
                return 1;
        return 0;
    }
    if (n >= 6 && !memcmp(p, "BM", 2))
        return n >=
               (size_t)(p[2] | p[3] << 8 | p[4] << 16) + ((size_t)p[5] << 24);
    return n > 0;
}

static int is_picture(const char *path)
{
    FgPicture p = {0};
    char *data = NULL;
    size_t size = 0;
    int is = !fg_read_file(path, &data, &size, NULL) &&
             is_whole((const unsigned char *)data, size);

    free(data);
    is = is && !fg_picture_read(&p, path, NULL);
    fg_picture_free(&p);
    return is;
}

static void look_at(Watch *s, const char *path)
{
    Seen *f = find(s, path);
    struct stat st;

    if (!f || stat(path, &st))
        return;
    if (f->size != st.st_size || f->time_ns != time_of(&st)) {
        *f = (Seen){f->path, st.st_size, time_of(&st), 0, 0};
        return;
    }
    if (f->stable || f->bad)
        return;
    f->stable = is_picture(path);
    f->bad = !f->stable;
    if (f->bad && !s->w->json)
        fprintf(stderr, "%s: no whole picture; left aside until it changes\n",
                path);
}

/* How many whole pictures wait that no round has had. */
static int look(Watch *s)
{
    char **list = NULL;
    int nb = 0, ready = 0;

    if (fg_list_pictures(s->w->folder, &list, &nb, NULL))
        nb = 0;
    for (int i = 0; i < nb; i++) {
        look_at(s, list[i]);
        for (int k = 0; k < s->nb_seen; k++)
            if (!strcmp(s->seen[k].path, list[i]) && s->seen[k].stable &&
                !is_used(s, name_of(list[i]), &s->seen[k]))
                ready++;
    }
    fg_strings_free(&list, nb);
    return ready;
}

/* ---- a round's folder ---- */

static int copy(const char *from, const char *to, const Seen *f, FgError *err)
{
    struct timespec times[2];
    char *data = NULL;
    size_t size = 0;
    int ret = fg_read_file(from, &data, &size, err);

    if (!ret)
        ret = fg_write_atomic(to, &(FgPart){data, size}, 1, err);
    free(data);
    times[0] = times[1] = (struct timespec){f->time_ns / 1000000000LL,
                                            f->time_ns % 1000000000LL};
    if (!ret && utimensat(AT_FDCWD, to, times, 0))
        ret = -errno;
    return ret;
}

static int take(Watch *s, const char *dir, const Seen *f, FgError *err)
{
    char *to = text("%s/%s", dir, name_of(f->path));
    int ret = to ? 0 : -ENOMEM;

    (void)s;
    if (!ret && link(f->path, to) && errno != EEXIST)
        ret = copy(f->path, to, f, err);
    free(to);
    return ret;
}

/* Filled under another name, so that a folder called NNNN is whole. */
static int begin(Watch *s, FgError *err)
{
    char *part = text("%s/part", s->base), *dir = text("%s/part/new", s->base);
    char *whole = text("%s/%04d", s->base, s->round + 1);
    int ret = whole ? make_folder(part, err) : -ENOMEM;

    if (!ret)
        ret = make_folder(dir, err);
    for (int i = 0; i < s->nb_seen && !ret; i++)
        if (s->seen[i].stable && !access(s->seen[i].path, F_OK) &&
            !is_used(s, name_of(s->seen[i].path), &s->seen[i]))
            ret = take(s, dir, &s->seen[i], err);
    if (!ret && rename(part, whole))
        ret = fg_error(err, -errno, "%s: cannot be made: %s", whole,
                       strerror(errno));
    s->round += !ret;
    free(part);
    free(dir);
    free(whole);
    return ret;
}

/* ---- a round ---- */

/* The newest result that was better than its parent, or the first model. */
static char *current(const Watch *s)
{
    for (int r = s->round - 1; r > 0; r--) {
        char *done = text("%s/%04d/done", s->base, r), *code = NULL, *out;
        size_t size = 0;
        int better = done && !fg_read_file(done, &code, &size, NULL) && size &&
                     code[0] == '0';

        free(done);
        free(code);
        out = text("%s/%04d/result.safetensors", s->base, r);
        if (better)
            return out;
        free(out);
    }
    return strdup(s->w->model);
}

typedef struct Command {
    char **v;
    int nb, bad;
} Command;

static void word(Command *c, char *v)
{
    char **all = realloc(c->v, sizeof(*all) * ((size_t)c->nb + 2));

    c->bad |= !all || !v;
    if (!all) {
        free(v);
        return;
    }
    c->v = all;
    all[c->nb++] = v;
    all[c->nb] = NULL;
}

/* Options that a round has of its own; the value may be the next word. */
static int is_ours(const char *arg, int *words)
{
    static const char *const own[] = {"--continue", "--watch",  "--every",
                                      "--at-least", "--rounds", "--out",
                                      "-o"};

    for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++) {
        const size_t n = strlen(own[i]);

        if (strncmp(arg, own[i], n) || (arg[n] && arg[n] != '='))
            continue;
        *words = arg[n] ? 1 : 2;
        return 1;
    }
    return 0;
}

static Command command(const Watch *s, char *model)
{
    Command c = {0};

    word(&c, strdup("/proc/self/exe"));
    for (int i = 1; i < s->w->argc; i++) {
        int words = 1;

        if (is_ours(s->w->argv[i], &words))
            i += words - 1;
        else
            word(&c, strdup(s->w->argv[i]));
    }
    word(&c, text("--continue=%s", model));
    word(&c, text("--data=%s/%04d/new", s->base, s->round));
    word(&c, text("--out=%s/%04d/result.safetensors", s->base, s->round));
    for (int r = 1; r < s->round; r++)
        word(&c, text("--old=%s/%04d/new", s->base, r));
    return c;
}

static int wait_for(pid_t pid)
{
    int status = 0, told = 0;

    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        if (fg_loop_signal && !told++)
            kill(pid, SIGTERM);
    if (fg_loop_signal)
        return -EINTR;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* Its exit code, or -errno. */
static int spawn(const Watch *s, FgError *err)
{
    char *model = current(s);
    Command c = command(s, model ? model : (char *)"");
    pid_t pid = c.bad || !model ? -1 : fork();
    int ret = -ENOMEM;

    if (!pid) {
        c.v[0] = strdup("ffgan-train");
        execv("/proc/self/exe", c.v);
        _exit(127);
    }
    if (pid > 0)
        ret = wait_for(pid);
    else if (!c.bad)
        ret = fg_error(err, -errno, "no new process: %s", strerror(errno));
    for (int i = 0; i < c.nb; i++)
        free(c.v[i]);
    free(c.v);
    free(model);
    return ret;
}

static int publish(const Watch *s, int code, FgError *err)
{
    char *result = text("%s/%04d/result.safetensors", s->base, s->round);
    char *done = text("%s/%04d/done", s->base, s->round), mark[32],
         *data = NULL;
    size_t size = 0;
    int ret = result && done ? 0 : -ENOMEM;

    if (!ret && !code)
        ret = fg_read_file(result, &data, &size, err);
    if (!ret && !code)
        ret = fg_write_atomic(s->w->out, &(FgPart){data, size}, 1, err);
    snprintf(mark, sizeof(mark), "%d\n", code);
    if (!ret)
        ret = fg_write_atomic(done, &(FgPart){mark, strlen(mark)}, 1, err);
    free(data);
    free(result);
    free(done);
    return ret;
}

static int run_round(const Watch *s, FgError *err)
{
    const int code = spawn(s, err);

    if (code && code != FG_EXIT_PARENT)
        return code < 0 ? code
                        : (fg_error(err, 0,
                                    "round %d failed with exit code %d; the "
                                    "same command tries it again",
                                    s->round, code),
                           code);
    return publish(s, code, err);
}

/* ---- the watch ---- */

static int is_open(const Watch *s)
{
    char *done = text("%s/%04d/done", s->base, s->round);
    const int is = s->round && done && access(done, F_OK);

    free(done);
    return is;
}

static void find_round(Watch *s)
{
    for (;;) {
        char *dir = text("%s/%04d", s->base, s->round + 1);
        const int is = dir && !access(dir, F_OK);

        free(dir);
        if (!is)
            return;
        s->round++;
    }
}

/* The first OUT is the model as it is. */
static int first_out(const Watch *s, FgError *err)
{
    char *data = NULL;
    size_t size = 0;
    int ret;

    if (!access(s->w->out, F_OK))
        return 0;
    ret = fg_read_file(s->w->model, &data, &size, err);
    if (!ret)
        ret = fg_write_atomic(s->w->out, &(FgPart){data, size}, 1, err);
    free(data);
    return ret;
}

static int go(Watch *s, FgError *err)
{
    int ret = first_out(s, err), rounds = 0, told = 0;

    while (!ret && !fg_loop_signal &&
           (!s->w->rounds || rounds < s->w->rounds)) {
        if (is_open(s) || look(s) >= s->w->at_least) {
            if (!is_open(s))
                ret = begin(s, err);
            if (!ret)
                ret = run_round(s, err);
            rounds += !ret;
            told = 0;
        } else {
            if (!told++ && !s->w->json)
                fprintf(stderr, "%s: waiting for new pictures\n", s->w->folder);
            rest(s->w->every);
        }
    }
    return fg_loop_signal ? -EINTR : ret;
}

int fg_watch(const FgWatch *w, FgError *err)
{
    Watch s = {.w = w};
    int ret = access(w->folder, R_OK | X_OK)
                  ? fg_error(err, -errno, "%s: cannot be read: %s", w->folder,
                             strerror(errno))
                  : 0;

    s.base = text("%.*s.watch", fg_stem(w->out), w->out);
    if (!ret)
        ret = make_folder(s.base, err);
    if (!ret) {
        find_round(&s);
        ret = go(&s, err);
    }
    for (int i = 0; i < s.nb_seen; i++)
        free(s.seen[i].path);
    free(s.seen);
    free(s.base);
    return ret;
}
