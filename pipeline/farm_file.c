/* ffgan: farms: files, clients, words that all engines share.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "pipeline/exit.h"
#include "pipeline/farm.h"
#include "pipeline/output.h"

void fg_farm_worker_options(const FgFarmTask *t, FgText *out)
{
    const FgFarm *const f = t->farm;
    const int grace = f->grace_s ? f->grace_s
                                 : fg_farm_engine(f->engine)->default_grace_s;
    fg_text_add(out, " --max-tries %d --wait 60", f->max_tries);
    if (grace)
        fg_text_add(out, " --grace %d", grace);
}

void fg_farm_quote(FgText *out, const char *text)
{
    fg_text_add(out, "'");
    for (; *text; text++)
        fg_text_add(out, *text == '\'' ? "'\\''" : "%c", *text);
    fg_text_add(out, "'");
}

void fg_farm_ranges(FgText *out, const int64_t *k, int64_t nb)
{
    for (int64_t i = 0, n; i < nb; i += n) {
        for (n = 1; i + n < nb && k[i + n] == k[i] + n;)
            n++;
        fg_text_add(out, n > 1 ? "%s%lld-%lld" : "%s%lld", i ? "," : "",
                    (long long)k[i], (long long)(k[i] + n - 1));
    }
}

void fg_farm_name(const FgJobPlan *p, char name[48])
{
    const char *const base = fg_path_base(p->job.output);
    size_t n = 0;
    for (const char *s = base; *s && n < 40; s++)
        if (isalnum((unsigned char)*s))
            name[n++] = (char)tolower((unsigned char)*s);
        else if (n && name[n - 1] != '-')
            name[n++] = '-';
    while (n && name[n - 1] == '-')
        n--;
    strcpy(name + n, n ? "" : "job");
}

static int failed(const char *path, int code, FgError *err)
{
    fg_error(err, 0, "%s: cannot write it: %s", fg_show(path), strerror(code));
    return fg_exit_output(-code);
}

int fg_farm_write(const FgFarmTask *t, const char *name, const char *ext,
                  const FgText *text, char **path, FgError *err)
{
    char *const file = fg_format("%s/%s-%d.%s", t->dir, name, t->turn, ext);
    int ret = file && !text->failed ? 0 : ENOMEM;
    if (!ret && t->farm->dry_run)
        printf("== %s\n%s\n", fg_show(file), text->s);
    else if (!ret && mkdir(t->dir, 0777) < 0 && errno != EEXIST)
        ret = errno;
    else if (!ret)
        ret = -fg_write_file(file, text->s, text->len, 1);
    if (ret)
        ret = failed(file ? file : t->dir, ret, err);
    else if (path)
        *path = file;
    if (ret || !path)
        free(file);
    return ret;
}

/* ---- clients ---- */

static void show_command(char *const argv[])
{
    FgText t = {0};
    for (int i = 0; argv[i]; i++) {
        fg_text_add(&t, i ? " " : "");
        fg_farm_quote(&t, argv[i]);
    }
    printf("%s\n", t.s ? t.s : "");
    fg_text_free(&t);
}

static char *read_all(int fd)
{
    FgText t = {0};
    char part[4096];
    ssize_t n;
    while ((n = read(fd, part, sizeof(part) - 1)) > 0 && t.len < 1 << 20) {
        part[n] = 0;
        fg_text_add(&t, "%s", part);
    }
    return t.s ? t.s : strdup("");
}

static int run(char *const argv[], char **out, int *status)
{
    int fd[2];
    if (pipe2(fd, O_CLOEXEC) < 0)
        return errno;
    const pid_t pid = fork();
    if (!pid) {
        dup2(fd[1], STDOUT_FILENO);
        execvp(argv[0], argv);
        _exit(127);
    }
    const int code = errno;
    close(fd[1]);
    *out = pid > 0 ? read_all(fd[0]) : NULL;
    close(fd[0]);
    if (pid < 0)
        return code;
    while (waitpid(pid, status, 0) < 0 && errno == EINTR)
        ;
    return *out ? 0 : ENOMEM;
}

int fg_farm_client(int dry_run, char *const argv[], char **out, FgError *err)
{
    int status = 0;
    *out = NULL;
    if (dry_run) {
        show_command(argv);
        *out = strdup("(id)");
        return *out ? 0 : FG_EXIT_RETRY;
    }
    fflush(stdout);
    const int ret = run(argv, out, &status);
    if (ret) {
        fg_error(err, 0, "%s: cannot be started: %s", argv[0], strerror(ret));
    } else if (WIFEXITED(status) && WEXITSTATUS(status) == 127) {
        fg_error(err, 0,
                 "%s: no such program here: this machine cannot submit to "
                 "that engine",
                 argv[0]);
    } else if (status) {
        fg_error(err, 0, "%s: ended with code %d: see its message above",
                 argv[0],
                 WIFEXITED(status) ? WEXITSTATUS(status)
                                   : FG_EXIT_SIGNAL + WTERMSIG(status));
    } else {
        if (*out)
            (*out)[strcspn(*out, "\n")] = 0;
        return *out ? 0 : FG_EXIT_RETRY;
    }
    free(*out);
    *out = NULL;
    return FG_EXIT_DEVICE;
}

/* ---- farm.json ---- */

static const struct {
    const char *key;
    size_t at;
} words[] =
    {
        {"engine", offsetof(FgFarm, engine)},
        {"program", offsetof(FgFarm, program)},
        {"queue", offsetof(FgFarm, queue)},
        {"image", offsetof(FgFarm, image)},
        {"volume", offsetof(FgFarm, volume)},
},
  counts[] = {
      {"gpus", offsetof(FgFarm, gpus)},
      {"cpus", offsetof(FgFarm, cpus)},
      {"max_tries", offsetof(FgFarm, max_tries)},
      {"max_running", offsetof(FgFarm, max_running)},
      {"workers", offsetof(FgFarm, workers)},
      {"grace", offsetof(FgFarm, grace_s)},
};

json_t *fg_farm_to_json(const FgFarm *f)
{
    json_t *const j = json_object(), *const args = json_array();
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        const char *const v = *(const char *const *)((const char *)f +
                                                     words[i].at);
        if (v)
            json_object_set_new(j, words[i].key, fg_json_text(v));
    }
    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++)
        json_object_set_new(
            j, counts[i].key,
            json_integer(*(const int *)((const char *)f + counts[i].at)));
    for (int i = 0; i < f->nb_args; i++)
        json_array_append_new(args, fg_json_text(f->arg[i]));
    json_object_set_new(j, "args", args);
    return j;
}

int fg_farm_from_json(FgFarm *f, const json_t *j)
{
    const json_t *const args = json_object_get(j, "args");
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        *(const char **)((char *)f + words[i].at) = json_string_value(
            json_object_get(j, words[i].key));
    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++)
        *(int *)((char *)f + counts[i].at) = (int)json_integer_value(
            json_object_get(j, counts[i].key));
    for (size_t i = 0; i < json_array_size(args) && i < FG_FARM_ARGS; i++)
        if ((f->arg[f->nb_args] = json_string_value(json_array_get(args, i))))
            f->nb_args++;
    return f->engine && fg_farm_engine(f->engine) ? 0 : -EINVAL;
}

json_t *fg_farm_read(const char *folder)
{
    char *const path = fg_format("%s/farm/farm.json", folder);
    json_t *const j = path ? json_load_file(path, 0, NULL) : NULL;
    free(path);
    return j;
}
