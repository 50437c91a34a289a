/* ffgan: attempts at a chunk: who works on it, and who failed.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "pipeline/attempt.h"
#include "pipeline/output.h"
#include "pipeline/path_json.h"
#include "pipeline/progress.h"
#include "pipeline/util.h"

struct FgAttempt {
    char *path;
    json_t *json;
    double began;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    int ended;
};

static void host_name(char host[65])
{
    if (gethostname(host, 64) < 0)
        *host = 0;
    host[64] = 0;
}

static double wall_clock(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_REALTIME, &ts);
    return (double)ts.tv_sec + (double)ts.tv_nsec * 1e-9;
}

/* Where stderr goes when that is a file: the scheduler's log of this task. */
static json_t *log_name(void)
{
    char path[4096];
    struct stat st;
    const ssize_t n = readlink("/proc/self/fd/2", path, sizeof(path) - 1);
    if (n <= 0 || fstat(STDERR_FILENO, &st) < 0 || !S_ISREG(st.st_mode))
        return json_null();
    path[n] = 0;
    return fg_path_to_json(path);
}

static int write_json(const FgAttempt *a)
{
    char *const text = json_dumps(a->json, JSON_INDENT(1));
    const int ret = text ? fg_write_file(a->path, text, strlen(text), 1)
                         : -ENOMEM;
    free(text);
    return ret;
}

/* The beat goes by the shared folder's own clock: hosts' clocks differ. */
static void *beat(void *arg)
{
    FgAttempt *const a = arg;
    struct timespec at;
    pthread_mutex_lock(&a->lock);
    while (!a->ended) {
        clock_gettime(CLOCK_REALTIME, &at);
        at.tv_sec += FG_BEAT_S;
        pthread_cond_timedwait(&a->wake, &a->lock, &at);
        if (!a->ended)
            utimensat(AT_FDCWD, a->path, NULL, 0);
    }
    pthread_mutex_unlock(&a->lock);
    return NULL;
}

static void destroy(FgAttempt *a)
{
    json_decref(a->json);
    free(a->path);
    free(a);
}

FgAttempt *fg_attempt_begin(const char *folder, int64_t k)
{
    char host[65];
    const double now = wall_clock();
    FgAttempt *const a = calloc(1, sizeof(*a));
    char *const dir = fg_format("%s/attempts", folder);
    host_name(host);
    if (a && dir && (!mkdir(dir, 0777) || errno == EEXIST)) {
        a->began = fg_now();
        a->path = fg_format("%s/%05lld-%s-%ld-%llx.json", dir, (long long)k,
                            host, (long)getpid(),
                            (unsigned long long)(now * 1e6));
        a->json = json_pack("{s:I,s:o,s:i,s:f,s:o}", "chunk", (json_int_t)k,
                            "host", fg_json_text(host), "pid", (int)getpid(),
                            "started", now, "log", log_name());
    }
    free(dir);
    if (a && (!a->path || !a->json || write_json(a) < 0)) {
        destroy(a);
        return NULL;
    }
    if (!a)
        return NULL;
    pthread_mutex_init(&a->lock, NULL);
    pthread_cond_init(&a->wake, NULL);
    if (pthread_create(&a->thread, NULL, beat, a)) {
        unlink(a->path);
        destroy(a);
        return NULL;
    }
    return a;
}

void fg_attempt_end(FgAttempt **pa, int code, const char *text)
{
    FgAttempt *const a = *pa;
    *pa = NULL;
    if (!a)
        return;
    pthread_mutex_lock(&a->lock);
    a->ended = 1;
    pthread_cond_signal(&a->wake);
    pthread_mutex_unlock(&a->lock);
    pthread_join(a->thread, NULL);
    pthread_cond_destroy(&a->wake);
    pthread_mutex_destroy(&a->lock);
    if (!code || code >= 128) {
        unlink(a->path);
    } else {
        json_object_set_new(a->json, "code", json_integer(code));
        json_object_set_new(a->json, "text", fg_json_text(text));
        json_object_set_new(a->json, "seconds", json_real(fg_now() - a->began));
        write_json(a);
    }
    destroy(a);
}

/* ---- reading ---- */

static int parse_try(FgTry *t, const json_t *j)
{
    const char *const host = json_string_value(json_object_get(j, "host"));
    const char *const text = json_string_value(json_object_get(j, "text"));
    const json_t *const log = json_object_get(j, "log");
    if (!host || !json_is_integer(json_object_get(j, "chunk")))
        return -EINVAL;
    t->chunk = json_integer_value(json_object_get(j, "chunk"));
    t->pid = (long)json_integer_value(json_object_get(j, "pid"));
    t->started = json_number_value(json_object_get(j, "started"));
    t->seconds = json_number_value(json_object_get(j, "seconds"));
    t->code = (int)json_integer_value(json_object_get(j, "code"));
    snprintf(t->host, sizeof(t->host), "%s", host);
    t->text = text ? strdup(text) : NULL;
    if (json_is_string(log) || json_is_object(log))
        fg_path_from_json(log, &t->log);
    return 0;
}

/* A file may go, or be half of nothing, while we look: then it is no attempt
 * worth telling of. */
static int read_try(FgTry *t, int dir, const char *name, double now)
{
    struct stat st;
    const int fd = openat(dir, name, O_RDONLY | O_CLOEXEC);
    FILE *const f = fd >= 0 ? fdopen(fd, "r") : NULL;
    if (!f || fstat(fd, &st) < 0) {
        if (f)
            fclose(f);
        else if (fd >= 0)
            close(fd);
        return -ENOENT;
    }
    json_t *const j = json_loadf(f, 0, NULL);
    const double mtime = (double)st.st_mtim.tv_sec +
                         (double)st.st_mtim.tv_nsec * 1e-9;
    fclose(f);
    *t = (FgTry){0};
    const int ret = j ? parse_try(t, j) : -EINVAL;
    json_decref(j);
    if (ret)
        return ret;
    t->silent = now > mtime ? now - mtime : 0;
    t->past = !strcmp(fg_path_ext(name), ".past");
    if (!t->code)
        t->seconds = mtime > t->started ? mtime - t->started : 0;
    return 0;
}

static void try_free(FgTry *t)
{
    free(t->text);
    free(t->log);
    *t = (FgTry){0};
}

/* What time it is for the file system that holds the folder. */
static double folder_clock(const char *dir)
{
    struct stat st;
    char *const path = fg_format("%s/.clock-%ld", dir, (long)getpid());
    const int fd = path ? open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0666) : -1;
    double now = wall_clock();
    if (fd >= 0 && write(fd, "", 1) == 1 && !fstat(fd, &st))
        now = (double)st.st_mtim.tv_sec + (double)st.st_mtim.tv_nsec * 1e-9;
    if (fd >= 0)
        close(fd);
    if (fd >= 0)
        unlink(path);
    free(path);
    return now;
}

static int compare(const void *a, const void *b)
{
    const FgTry *const x = a, *const y = b;
    if (x->chunk != y->chunk)
        return x->chunk < y->chunk ? -1 : 1;
    return x->started < y->started ? -1 : x->started > y->started;
}

static int add(FgTry **list, int *nb, const FgTry *t)
{
    const int grow = !(*nb & (*nb - 1)); /* a power of two, or 0: is full */
    FgTry *const more = grow ? realloc(*list, sizeof(*t) * (*nb ? 2 * *nb : 1))
                             : *list;
    if (!more)
        return -ENOMEM;
    *list = more;
    more[(*nb)++] = *t;
    return 0;
}

int fg_tries_read(const char *folder, FgTry **list, int *nb, FgError *err)
{
    char *const path = fg_format("%s/attempts", folder);
    DIR *const d = path ? opendir(path) : NULL;
    int ret = !path ? -ENOMEM : !d && errno != ENOENT ? -errno : 0;
    const double now = d ? folder_clock(path) : 0;
    *list = NULL;
    *nb = 0;
    for (struct dirent *e; d && !ret && (e = readdir(d));) {
        FgTry t = {0};
        const char *const ext = fg_path_ext(e->d_name);
        if (*e->d_name == '.' ||
            (strcmp(ext, ".json") != 0 && strcmp(ext, ".past") != 0))
            continue;
        if (!read_try(&t, dirfd(d), e->d_name, now))
            ret = add(list, nb, &t);
        if (ret)
            try_free(&t);
    }
    if (d)
        closedir(d);
    if (ret) {
        fg_error(err, ret, "%s: %s", fg_show(path ? path : folder),
                 strerror(-ret));
        fg_tries_free(list, *nb);
        *nb = 0;
    } else if (*nb) {
        qsort(*list, (size_t)*nb, sizeof(**list), compare);
    }
    free(path);
    return ret;
}

int fg_tries_forget(const char *folder, FgError *err)
{
    char *const path = fg_format("%s/attempts", folder);
    DIR *const d = path ? opendir(path) : NULL;
    int ret = !path ? -ENOMEM : !d && errno != ENOENT ? -errno : 0;
    const double now = d ? folder_clock(path) : 0;
    for (struct dirent *e; d && !ret && (e = readdir(d));) {
        FgTry t = {0};
        char name[300];
        const char *const ext = fg_path_ext(e->d_name);
        if (*e->d_name == '.' || strcmp(ext, ".json") != 0 ||
            read_try(&t, dirfd(d), e->d_name, now) < 0)
            continue;
        snprintf(name, sizeof(name), "%.*s.past", (int)(ext - e->d_name),
                 e->d_name);
        if (!fg_try_is_alive(&t) &&
            renameat(dirfd(d), e->d_name, dirfd(d), name) < 0)
            ret = -errno;
        try_free(&t);
    }
    if (d)
        closedir(d);
    if (ret)
        fg_error(err, ret, "%s: %s", fg_show(path ? path : folder),
                 strerror(-ret));
    free(path);
    return ret;
}

void fg_tries_free(FgTry **list, int nb)
{
    for (int i = 0; *list && i < nb; i++)
        try_free(&(*list)[i]);
    free(*list);
    *list = NULL;
}

int fg_try_is_alive(const FgTry *t)
{
    char host[65];
    host_name(host);
    if (t->code || t->silent >= FG_BEAT_LOST_S)
        return 0;
    /* Here we need not wait for the heart to miss its beats. */
    return strcmp(host, t->host) != 0 || t->pid <= 0 ||
           !kill((pid_t)t->pid, 0) || errno != ESRCH;
}
