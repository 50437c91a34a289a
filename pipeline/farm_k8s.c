/* ffgan: Kubernetes: an Indexed Job of chunks, and a Job that waits for them
 * and joins. SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdlib.h>
#include <string.h>

#include "pipeline/exit.h"
#include "pipeline/farm.h"

/* Codes that another try does not change (exit.h). */
static json_t *failure_policy(void)
{
    static const int for_good[] = {64, 65, 66, 69, 70, 73, 78};
    json_t *const codes = json_array();
    for (size_t i = 0; i < sizeof(for_good) / sizeof(for_good[0]); i++)
        json_array_append_new(codes, json_integer(for_good[i]));
    return json_pack("{s:[{s:s,s:{s:s,s:s,s:o}},{s:s,s:[{s:s,s:s}]}]}", "rules",
                     "action", "FailIndex", "onExitCodes", "containerName",
                     "ffgan", "operator", "In", "values", codes, "action",
                     "Ignore", "onPodConditions", "type", "DisruptionTarget",
                     "status", "True");
}

static void limit(json_t *resources, const char *what, int n)
{
    if (!n)
        return;
    json_object_set_new(json_object_get(resources, "limits"), what,
                        json_integer(n));
    json_object_set_new(json_object_get(resources, "requests"), what,
                        json_integer(n));
}

static json_t *container(const FgFarm *f, json_t *args, const char *program,
                         int works)
{
    json_t *const resources = json_pack("{s:{},s:{}}", "limits", "requests");
    json_t *const c = json_pack("{s:s,s:s,s:[o],s:o}", "name", "ffgan", "image",
                                f->image, "command", fg_json_text(program),
                                "args", args);
    const char *const at = f->volume ? strchr(f->volume, ':') : NULL;
    if (works) {
        limit(resources, "nvidia.com/gpu", f->gpus);
        limit(resources, "cpu", f->cpus);
    }
    json_object_set_new(c, "resources", resources);
    if (at)
        json_object_set_new(
            c, "volumeMounts",
            json_pack("[{s:s,s:s}]", "name", "shared", "mountPath", at + 1));
    return c;
}

static json_t *pod(const FgFarm *f, json_t *args, const char *program,
                   int works)
{
    const int grace = f->grace_s ? f->grace_s : fg_farm_k8s.default_grace_s;
    json_t *const spec = json_pack("{s:s,s:i,s:[o]}", "restartPolicy", "Never",
                                   "terminationGracePeriodSeconds", grace,
                                   "containers",
                                   container(f, args, program, works));
    if (f->volume && strchr(f->volume, ':')) {
        const size_t n = (size_t)(strchr(f->volume, ':') - f->volume);
        json_object_set_new(spec, "volumes",
                            json_pack("[{s:s,s:{s:s%}}]", "name", "shared",
                                      "persistentVolumeClaim", "claimName",
                                      f->volume, n));
    }
    return json_pack("{s:o}", "spec", spec);
}

/* Kubernetes reads $(NAME) in args; "$$(" is how it writes a plain one. Words
 * for the job have no '$'. */
static json_t *worker_args(const FgFarmTask *t, const char *list)
{
    FgText options = {0};
    json_t *const a = json_pack("[s,s,s,s,s,s]", "worker", t->job,
                                "--chunk-env", "JOB_COMPLETION_INDEX",
                                "--progress", "lines");
    if (list) {
        json_array_append_new(a, json_string("--list"));
        json_array_append_new(a, json_string(list));
    }
    fg_farm_worker_options(t, &options);
    char *save = NULL;
    for (char *w = options.s ? strtok_r(options.s, " ", &save) : NULL; w;
         w = strtok_r(NULL, " ", &save))
        json_array_append_new(a, json_string(w));
    fg_text_free(&options);
    return a;
}

static json_t *job(const FgFarm *f, const char *name, const char *kind,
                   json_t *spec)
{
    json_t *const meta = json_pack("{s:o}", "name",
                                   json_sprintf("ffgan-%s-%s", name, kind));
    if (f->queue)
        json_object_set_new(meta, "namespace", json_string(f->queue));
    return json_pack("{s:s,s:s,s:o,s:o}", "apiVersion", "batch/v1", "kind",
                     "Job", "metadata", meta, "spec", spec);
}

static json_t *chunk_job(const FgFarmTask *t, const char *name,
                         const char *list)
{
    const FgFarm *const f = t->farm;
    const json_int_t at_once = f->max_running ? f->max_running : t->nb;
    return job(f, name, "chunks",
               json_pack("{s:s,s:I,s:I,s:i,s:s,s:o,s:o}", "completionMode",
                         "Indexed", "completions", (json_int_t)t->nb,
                         "parallelism", at_once < t->nb ? at_once : t->nb,
                         "backoffLimitPerIndex", f->max_tries,
                         "podReplacementPolicy", "Failed", "podFailurePolicy",
                         failure_policy(), "template",
                         pod(f, worker_args(t, list), t->program, 1)));
}

/* A year: it ends with the last receipt. */
static json_t *join_job(const FgFarmTask *t, const char *name)
{
    json_t *const args = json_pack("[s,s,s,s,s,s]", "assemble", t->job,
                                   "--wait", "31536000", "--progress", "lines");
    return job(t->farm, name, "assemble",
               json_pack("{s:i,s:o}", "backoffLimit", 2, "template",
                         pod(t->farm, args, t->program, 0)));
}

static json_t *manifest(const FgFarmTask *t, const char *list)
{
    char base[48], name[64];
    json_t *const items = json_array();
    fg_farm_name(t->plan, base);
    /* Names are labels: 63 characters, and one job's are told from another's.
     */
    snprintf(name, sizeof(name), "%.36s-%.6s-%d", base, t->plan->id, t->turn);
    if (t->nb)
        json_array_append_new(items, chunk_job(t, name, list));
    json_array_append_new(items, join_job(t, name));
    return json_pack("{s:s,s:s,s:o}", "apiVersion", "v1", "kind", "List",
                     "items", items);
}

static int write_list(const FgFarmTask *t, char **word, FgError *err)
{
    FgText list = {0};
    char *path = NULL;
    *word = NULL;
    if (!t->nb || t->chunk[t->nb - 1] == t->nb - 1)
        return 0;
    for (int64_t i = 0; i < t->nb; i++)
        fg_text_add(&list, "%lld\n", (long long)t->chunk[i]);
    const int ret = fg_farm_write(t, "chunks", "txt", &list, &path, err);
    if (!ret)
        *word = fg_path_to_word(path);
    fg_text_free(&list);
    free(path);
    return ret;
}

static int k8s_submit(const FgFarmTask *t, json_t *ids, FgError *err)
{
    FgText text = {0};
    char *path = NULL, *list = NULL;
    (void)ids;
    if (!t->farm->image) {
        fg_error(err, 0,
                 "k8s: --image is needed: the container that has ffgan");
        return FG_EXIT_USAGE;
    }
    int ret = write_list(t, &list, err);
    json_t *const j = ret ? NULL : manifest(t, list);
    char *const s = j ? json_dumps(j, JSON_INDENT(2) | JSON_PRESERVE_ORDER)
                      : NULL;
    if (s) {
        fg_text_add(&text, "%s\n", s);
        ret = fg_farm_write(t, "jobs", "json", &text, &path, err);
    } else if (!ret) {
        fg_error(err, 0, "no memory");
        ret = FG_EXIT_RETRY;
    }
    if (!ret && !t->report->json)
        printf("Kubernetes: kubectl apply -f %s\n", fg_show(path));
    json_decref(j);
    fg_text_free(&text);
    free(s);
    free(path);
    free(list);
    return ret;
}

const FgFarmEngine fg_farm_k8s = {
    .name = "k8s",
    .help = "Kubernetes manifest: an Indexed Job, and one that joins",
    .takes = FG_TAKES_QUEUE | FG_TAKES_IMAGE | FG_TAKES_SIZE |
             FG_TAKES_RUNNING | FG_TAKES_TASK,
    .default_grace_s = 30,
    .submit = k8s_submit,
};
