/* ffgan: Slurm: an array job of chunks, and a job behind it that joins them.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "pipeline/exit.h"
#include "pipeline/farm.h"

enum { MAX_WORDS = 40 };

typedef struct Words {
    char *v[MAX_WORDS + 1]; /* owned */
    int nb, failed;
} Words;

static void add(Words *w, char *word)
{
    if (!word || w->nb == MAX_WORDS) {
        free(word);
        w->failed = 1;
        return;
    }
    w->v[w->nb++] = word;
}

static void words_free(Words *w)
{
    for (int i = 0; i < w->nb; i++)
        free(w->v[i]);
}

/* MaxArraySize is one more than the largest index; 1001 unless a site says
 * otherwise. */
static int64_t array_size(const FgFarm *f)
{
    FgError none;
    char *out = NULL;
    char *const argv[] = {"sh", "-c",
                          "scontrol show config 2> /dev/null | "
                          "sed -n 's/^MaxArraySize *= *\\([0-9]*\\).*/\\1/p'",
                          NULL};
    int64_t n = 0;
    if (!f->dry_run && !fg_farm_client(0, argv, &out, &none))
        fg_parse_int(out, 2, 4000000, &n);
    free(out);
    return n ? n : 1001;
}

/* Slurm's numbers are tasks; a file says which chunks they are, unless those
 * are all, one a task. */
static int write_list(const FgFarmTask *t, char **path, FgError *err)
{
    FgText list = {0};
    for (int64_t i = 0; i < t->nb; i++)
        fg_text_add(&list, "%lld\n", (long long)t->chunk[i]);
    const int ret = fg_farm_write(t, "chunks", "txt", &list, path, err);
    fg_text_free(&list);
    return ret;
}

static int write_script(const FgFarmTask *t, int64_t per_task, char **path,
                        FgError *err)
{
    FgText s = {0};
    char *list = NULL, *word = NULL;
    const int plain = per_task == 1 && t->nb &&
                      t->chunk[t->nb - 1] == t->nb - 1;
    int ret = plain ? 0 : write_list(t, &list, err);
    fg_text_add(&s, "#!/bin/sh\n# Chunks of a job of ffgan, one task each.\n"
                    "exec ");
    fg_farm_quote(&s, t->program);
    fg_text_add(&s, " worker %s --chunk-env SLURM_ARRAY_TASK_ID", t->job);
    if (list && (word = fg_path_to_word(list)))
        fg_text_add(&s, " --list %s --per-task %lld", word,
                    (long long)per_task);
    fg_farm_worker_options(t, &s);
    fg_text_add(&s, " --threads \"${SLURM_CPUS_PER_TASK:-0}\" --progress lines "
                    ">> \"logs/task-$SLURM_ARRAY_TASK_ID.txt\" 2>&1\n");
    if (!ret)
        ret = fg_farm_write(t, "task", "sh", &s, path, err);
    fg_text_free(&s);
    free(list);
    free(word);
    return ret;
}

static int write_join(const FgFarmTask *t, char **path, FgError *err)
{
    FgText s = {0};
    fg_text_add(&s, "#!/bin/sh\n# Joins the chunks of a job of ffgan.\nexec ");
    fg_farm_quote(&s, t->program);
    fg_text_add(&s,
                " assemble %s --wait 60 --progress lines "
                ">> logs/join.txt 2>&1\n",
                t->job);
    const int ret = fg_farm_write(t, "join", "sh", &s, path, err);
    fg_text_free(&s);
    return ret;
}

/* --output would read '%' in the folder's own name: the scripts redirect. */
static void common_words(Words *w, const FgFarmTask *t)
{
    const FgFarm *const f = t->farm;
    char name[48];
    fg_farm_name(t->plan, name);
    add(w, strdup("sbatch"));
    add(w, strdup("--parsable"));
    add(w, fg_format("--job-name=ffgan-%s", name));
    add(w, fg_format("--chdir=%s", t->plan->folder));
    add(w, strdup("--output=/dev/null"));
    add(w, strdup("--requeue"));
    if (f->queue)
        add(w, fg_format("--partition=%s", f->queue));
    for (int i = 0; i < f->nb_args; i++)
        add(w, strdup(f->arg[i]));
}

static int call(Words *w, const FgFarm *f, char **id, FgError *err)
{
    if (w->failed) {
        fg_error(err, 0, "no memory");
        return FG_EXIT_RETRY;
    }
    const int ret = fg_farm_client(f->dry_run, w->v, id, err);
    if (!ret)
        (*id)[strcspn(*id, ";")] = 0; /* "ID;cluster" */
    return ret;
}

static int submit_chunks(const FgFarmTask *t, char **id, FgError *err)
{
    const FgFarm *const f = t->farm;
    const int64_t size = array_size(f), per_task = (t->nb + size - 1) / size;
    const int64_t tasks = (t->nb + per_task - 1) / per_task;
    char *script = NULL;
    Words w = {0};
    int ret = write_script(t, per_task, &script, err);
    if (ret)
        return ret;
    common_words(&w, t);
    add(&w, f->max_running ? fg_format("--array=0-%lld%%%d",
                                       (long long)tasks - 1, f->max_running)
                           : fg_format("--array=0-%lld", (long long)tasks - 1));
    if (f->gpus)
        add(&w, fg_format("--gres=gpu:%d", f->gpus));
    if (f->cpus)
        add(&w, fg_format("--cpus-per-task=%d", f->cpus));
    add(&w, script);
    ret = call(&w, f, id, err);
    words_free(&w);
    return ret;
}

/* afterany: a chunk may be done although its task failed, by another attempt;
 * and assemble itself says what is missing. */
static int submit_join(const FgFarmTask *t, const char *after, char **id,
                       FgError *err)
{
    char *script = NULL;
    Words w = {0};
    int ret = write_join(t, &script, err);
    if (ret)
        return ret;
    common_words(&w, t);
    if (after)
        add(&w, fg_format("--dependency=afterany:%s", after));
    add(&w, script);
    ret = call(&w, t->farm, id, err);
    words_free(&w);
    return ret;
}

static int cancel_id(const char *id, FgError *err)
{
    char *out = NULL, *const argv[] = {"scancel", "--full", (char *)id, NULL};
    const int ret = fg_farm_client(0, argv, &out, err);
    free(out);
    return ret;
}

static int make_logs(const FgFarmTask *t, FgError *err)
{
    char *const logs = fg_format("%s/logs", t->plan->folder);
    const int bad = !logs || (!t->farm->dry_run && mkdir(logs, 0777) < 0 &&
                              errno != EEXIST);
    if (bad)
        fg_error(err, 0, "%s: cannot be made: %s",
                 fg_show(logs ? logs : t->plan->folder), strerror(errno));
    free(logs);
    return bad ? FG_EXIT_CANTCREAT : 0;
}

static int slurm_submit(const FgFarmTask *t, json_t *ids, FgError *err)
{
    char *chunks = NULL, *join = NULL;
    FgError none;
    int ret = make_logs(t, err);
    if (!ret && t->nb)
        ret = submit_chunks(t, &chunks, err);
    if (!ret)
        ret = submit_join(t, chunks, &join, err);
    if (ret && chunks && !t->farm->dry_run)
        cancel_id(chunks, &none); /* half a job helps nobody */
    if (!ret && chunks)
        json_array_append_new(ids, json_string(chunks));
    if (!ret)
        json_array_append_new(ids, json_string(join));
    if (!ret && !t->farm->dry_run && !t->report->json)
        printf("Slurm: job %s for %lld chunks, job %s joins them\n",
               chunks ? chunks : "-", (long long)t->nb, join);
    free(chunks);
    free(join);
    return ret;
}

static int slurm_cancel(const FgFarm *f, const json_t *ids, FgError *err)
{
    int ret = 0;
    size_t i;
    const json_t *id;
    (void)f;
    json_array_foreach(ids, i, id)
    {
        if (!ret && json_string_value(id))
            ret = cancel_id(json_string_value(id), err);
    }
    return ret;
}

const FgFarmEngine fg_farm_slurm = {
    .name = "slurm",
    .help = "sbatch: an array job, and one that joins",
    .takes = FG_TAKES_QUEUE | FG_TAKES_ARGS | FG_TAKES_SIZE | FG_TAKES_RUNNING |
             FG_TAKES_TASK,
    .default_grace_s = 25, /* KillWait is 30 s unless a site says otherwise */
    .submit = slurm_submit,
    .cancel = slurm_cancel,
};
