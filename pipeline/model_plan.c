/* ffgan: model info --plan: how a network would be run, step by step.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "pipeline/model_plan.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/cuda.h"
#include "kernels/plan.h"
#include "pipeline/commands.h"
#include "pipeline/exit.h"
#include "pipeline/util.h"

int fg_model_plan_option(FgModelPlan *o, const char *name, const char *value)
{
    char end;

    if (!strcmp(name, "--size")) {
        if (value && sscanf(value, "%dx%d%c", &o->w, &o->h, &end) == 2 &&
            o->w >= 1 && o->h >= 1 && o->w <= 1 << 16 && o->h <= 1 << 16)
            return 0;
        return fg_usage_error("model",
                              "--size is '%s', allowed WxH, 1 to 65536",
                              value ? value : "");
    }
    if (!strcmp(name, "--device")) {
        o->device = value;
        if (value && (!strcmp(value, "cpu") || fg_cuda_ordinal(value) >= 0))
            return 0;
        return fg_usage_error("model",
                              "--device is '%s', allowed cpu, cuda, cuda:N",
                              value ? value : "");
    }
    const int p = value ? fg_precision_find(value) : -1;

    if (p < 0)
        return fg_usage_error("model",
                              "--precision is '%s', allowed " FG_PRECISIONS,
                              value ? value : "");
    o->precision = (FgPrecision)p;
    return 0;
}

static const char *value_name(const FgPlanStepInfo *s)
{
    return s->fp8          ? "fp8"
           : s->bits == 8  ? "int8"
           : s->half       ? "fp16"
           : s->bits == 16 ? "bf16"
                           : "fp32";
}

static void print_text(const FgPlan *p, const FgModelPlan *o)
{
    FgPlanInfo i;
    FgPlanStepInfo s;

    fg_plan_info(p, &i);
    printf("plan        %dx%d on %s, %s", o->w, o->h, i.isa,
           i.band ? "a rolling wave" : "layer by layer");
    if (i.band)
        printf(" of %d rows", i.band);
    if (i.groups > 1)
        printf(" for each of %d groups of steps", i.groups);
    printf(", tiles %dx%d, %.1f MB\n", i.tile_w < o->w ? i.tile_w : o->w,
           i.tile_h < o->h ? i.tile_h : o->h, (double)i.bytes / 1e6);
    if (i.note)
        printf("note        %s\n", i.note);
    for (int k = 0; !fg_plan_step(p, k, &s); k++) {
        printf("%4d  %-14s %-10s", k, fg_show(s.node), s.op);
        if (s.kernel)
            printf(" %dx%d", s.kernel, s.kernel);
        else
            printf("    ");
        printf(" %4d -> %-4d %-28s %-5s %5.1f %%%s%s\n", s.channels_in,
               s.channels_out, s.method, value_name(&s), 100 * s.share,
               s.activates ? " +activation" : "", s.adds ? " +add" : "");
        if (s.choice[0])
            printf("        %s\n", s.choice);
    }
}

static void print_json(const FgPlan *p, const FgModelPlan *o)
{
    json_t *const steps = json_array();
    FgPlanInfo i;
    FgPlanStepInfo s;

    fg_plan_info(p, &i);
    for (int k = 0; steps && !fg_plan_step(p, k, &s); k++)
        json_array_append_new(
            steps, json_pack("{s:s,s:s,s:i,s:i,s:i,s:s,s:s,s:b,s:b,s:f,s:s}",
                             "node", s.node, "op", s.op, "kernel", s.kernel,
                             "channels_in", s.channels_in, "channels_out",
                             s.channels_out, "method", s.method, "value",
                             value_name(&s), "activation", s.activates, "add",
                             s.adds, "share", s.share, "choice", s.choice));
    json_t *const root = json_pack(
        "{s:i,s:i,s:s,s:s,s:s,s:i,s:i,s:i,s:i,s:I,s:s*,s:o}", "w", o->w, "h",
        o->h, "device", i.device, "isa", i.isa, "precision", i.precision,
        "band", i.band, "groups", i.groups, "tile_w", i.tile_w, "tile_h",
        i.tile_h, "bytes", (json_int_t)i.bytes, "note", i.note, "steps", steps);
    char *const text = root ? json_dumps(root,
                                         JSON_COMPACT | JSON_PRESERVE_ORDER)
                            : NULL;
    if (text)
        puts(text);
    free(text);
    json_decref(root);
}

int fg_model_plan(const FgModel *m, const FgModelPlan *o, int json)
{
    const FgPlanOptions opt = {.device = o->device,
                               .precision = o->precision,
                               .max_w = o->w,
                               .max_h = o->h};
    FgError err = {{0}};
    FgPlan *p = NULL;
    const int ret = fg_plan_create(&p, m, &opt, &err);

    if (ret < 0) {
        fprintf(stderr, "ffgan: %s\n", err.text);
        return fg_exit_chain(ret);
    }
    (json ? print_json : print_text)(p, o);
    fg_plan_free(&p);
    return FG_EXIT_OK;
}
