/* ffgan: Open Job Description 2023-09: a template that AWS Deadline Cloud and
 * others take, and that runs on one machine by 'openjd run'.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdlib.h>
#include <string.h>

#include "pipeline/exit.h"
#include "pipeline/farm.h"

/* Values are not searched for "{{": the job's folder and the program may be
 * called what they want. Where its name is plain, the folder is a path that
 * services may map: it must be relative to the template, which lies in it. */
static json_t *parameters(const FgFarmTask *t)
{
    const int url = !strncmp(t->job, "file://", 7);
    json_t *const job = url ? json_pack("{s:s,s:s,s:s}", "name", "JobFolder",
                                        "type", "STRING", "default", t->job)
                            : json_pack("{s:s,s:s,s:s,s:s,s:s}", "name",
                                        "JobFolder", "type", "PATH",
                                        "objectType", "DIRECTORY", "dataFlow",
                                        "INOUT", "default", ".");
    return json_pack("[o,{s:s,s:s,s:o}]", job, "name", "Ffgan", "type",
                     "STRING", "default", fg_json_text(t->program));
}

static json_t *action(const FgFarmTask *t, const char *command, int chunks)
{
    const FgFarm *const f = t->farm;
    const int grace = f->grace_s ? f->grace_s : fg_farm_openjd.default_grace_s;
    json_t *const args = json_pack("[s,s,s,s]", command, "{{Param.JobFolder}}",
                                   "--progress", "openjd");
    if (chunks) {
        json_array_append_new(args, json_string("--chunk"));
        json_array_append_new(args, json_string("{{Task.Param.K}}"));
        json_array_append_new(args, json_string("--max-tries"));
        json_array_append_new(args, json_sprintf("%d", f->max_tries));
        json_array_append_new(args, json_string("--grace"));
        json_array_append_new(args, json_sprintf("%d", grace));
    }
    json_array_append_new(args, json_string("--wait"));
    json_array_append_new(args, json_string("60"));
    return json_pack("{s:{s:{s:s,s:o,s:{s:s,s:i}}}}", "actions", "onRun",
                     "command", "{{Param.Ffgan}}", "args", args, "cancelation",
                     "mode", "NOTIFY_THEN_TERMINATE", "notifyPeriodInSeconds",
                     grace > 600 ? 600 : grace);
}

static json_t *requirements(const FgFarm *f)
{
    json_t *const amounts = json_array();
    if (f->gpus)
        json_array_append_new(amounts,
                              json_pack("{s:s,s:i}", "name",
                                        "amount.worker.gpu", "min", f->gpus));
    if (f->cpus)
        json_array_append_new(amounts,
                              json_pack("{s:s,s:i}", "name",
                                        "amount.worker.vcpu", "min", f->cpus));
    return json_pack("{s:o}", "amounts", amounts);
}

static json_t *chunk_step(const FgFarmTask *t, const char *range)
{
    json_t *const step = json_pack(
        "{s:s,s:{s:[{s:s,s:s,s:s}]},s:o}", "name", "Chunks", "parameterSpace",
        "taskParameterDefinitions", "name", "K", "type", "INT", "range", range,
        "script", action(t, "worker", 1));
    if (step && (t->farm->gpus || t->farm->cpus))
        json_object_set_new(step, "hostRequirements", requirements(t->farm));
    return step;
}

static json_t *template(const FgFarmTask *t, const char *range)
{
    char name[48];
    json_t *const steps = json_array();
    fg_farm_name(t->plan, name);
    json_t *const join = json_pack("{s:s,s:o}", "name", "Assemble", "script",
                                   action(t, "assemble", 0));
    if (t->nb) {
        json_array_append_new(steps, chunk_step(t, range));
        json_object_set_new(join, "dependencies",
                            json_pack("[{s:s}]", "dependsOn", "Chunks"));
    }
    json_array_append_new(steps, join);
    return json_pack("{s:s,s:o,s:o,s:o}", "specificationVersion",
                     "jobtemplate-2023-09", "name",
                     json_sprintf("ffgan %s", name), "parameterDefinitions",
                     parameters(t), "steps", steps);
}

static int openjd_submit(const FgFarmTask *t, json_t *ids, FgError *err)
{
    FgText range = {0}, text = {0};
    char *path = NULL;
    (void)ids;
    fg_farm_ranges(&range, t->chunk, t->nb);
    json_t *const j = template(t, range.s ? range.s : "");
    char *const s = j ? json_dumps(j, JSON_INDENT(2) | JSON_PRESERVE_ORDER)
                      : NULL;
    int ret = s ? 0 : FG_EXIT_RETRY;
    if (s) {
        fg_text_add(&text, "%s\n", s);
        ret = fg_farm_write(t, "../template", "json", &text, &path, err);
    } else {
        fg_error(err, 0, "no memory");
    }
    if (!ret && !t->report->json)
        printf("Open Job Description: %s\nrun it here:  openjd run %s --step "
               "Assemble --run-dependencies\n",
               fg_show(path), fg_show(path));
    json_decref(j);
    fg_text_free(&text);
    fg_text_free(&range);
    free(s);
    free(path);
    return ret;
}

const FgFarmEngine fg_farm_openjd = {
    .name = "openjd",
    .help = "Open Job Description template: Deadline Cloud and others",
    .takes = FG_TAKES_SIZE | FG_TAKES_TASK,
    .default_grace_s = 120,
    .submit = openjd_submit,
};
