/* ffgan: model list and info.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/model.h"
#include "kernels/op.h"
#include "pipeline/commands.h"
#include "pipeline/exit.h"
#include "pipeline/model_convert.h"
#include "pipeline/model_plan.h"
#include "pipeline/util.h"

static int print_help(void)
{
    puts(
        "usage: ffgan model list [--json]\n"
        "       ffgan model info FILE|NAME [--json] [--plan]\n"
        "             [--size WxH] [--precision P] [--device D]\n"
        "       ffgan model check FILE|NAME [--json]\n"
        "             [--reference FILE | --record FILE]\n"
        "       ffgan model convert FILE -o OUT.safetensors [--mix "
        "FILE:SHARE]\n"
        "       ffgan model export FILE|NAME --onnx OUT [--size WxH] |\n"
        "             --safetensors OUT | --pth-keys OUT\n"
        "       ffgan model freeze FILE|NAME --frame PICTURE -o OUT\n"
        "       ffgan model calibrate FILE|NAME --data PICTURE|CLIP|DIR...\n"
        "             -o OUT [--precision int8|fp8] [--psnr DB] [--samples N]\n"
        "       ffgan model formats\n"
        "list   names and places of the weights files that can be found\n"
        "info   what a file is, or why it is refused; --plan: how it would\n"
        "       be run here on pictures of WxH (1280x720), step by step; on\n"
        "       a GPU (cuda, cuda:N) this measures and keeps what is fastest\n"
        "check  runs it on a test picture, each precision against fp32, or\n"
        "       against a recorded reference: --reference, or the one that "
        "lies\n"
        "       beside it, STEM.reference.safetensors; --record writes one\n"
        "convert  writes FILE, which another program may have made, as a\n"
        "       model of ours; --mix adds SHARE of a second one's weights\n"
        "export writes a model for other programs: as ONNX, as weights\n"
        "       alone, or as weights under its family's usual names\n"
        "freeze  keeps the norms' statistics of one frame of a shot, so that "
        "a\n"
        "       style does not change with what comes into the picture\n"
        "calibrate  finds the ranges that precision=int8 needs, or fp8 on a\n"
        "       GPU, and which convolutions may be done so that the result\n"
        "       stays within DB (50) of the exact one\n"
        "formats  which files of other programs are read");
    return FG_EXIT_OK;
}

static int print_one(void *arg, const char *name, const char *path)
{
    FgError err = {{0}};
    FgModel *m = NULL;
    const int json = *(const int *)arg;
    const int bad = fg_model_read(&m, path, &err) < 0;
    if (json) {
        json_t *const o = bad ? json_pack("{s:s,s:s,s:s}", "name", name, "path",
                                          path, "error", err.text)
                              : json_pack(
                                    "{s:s,s:s,s:i,s:I}", "name", name, "path",
                                    path, "scale", m->scale, "parameters",
                                    (json_int_t)fg_params_count(&m->params));
        char *const s = o ? json_dumps(o, JSON_COMPACT | JSON_PRESERVE_ORDER)
                          : NULL;
        if (s)
            puts(s);
        free(s);
        json_decref(o);
    } else if (bad) {
        printf("%-20s refused: %s\n", name, err.text);
    } else {
        printf("%-20s x%d  %7zu parameters  %s\n", name, m->scale,
               fg_params_count(&m->params), fg_show(path));
    }
    fg_model_free(&m);
    return 0;
}

/* "input 1, conv2d 6, relu 5": which ops, how often. */
static void op_summary(const FgGraph *g, FgText *t)
{
    const FgOp *op;
    for (int i = 0; (op = fg_op_at(i)); i++) {
        int n = 0;
        for (int k = 0; k < g->nb_nodes; k++)
            n += g->nodes[k].op == op;
        if (n)
            fg_text_add(t, "%s%s %d", t->len ? ", " : "", op->name, n);
    }
}

static void info_text(const FgModel *m, const char *path, const FgReach *r,
                      const char *ops)
{
    static const char *const keys[][2] = {
        {"ffgan.metrics", "metrics"},   {"ffgan.licence", "licence"},
        {"ffgan.recipe", "recipe"},     {"ffgan.data", "data"},
        {"ffgan.transfer", "transfer"}, {"ffgan.notes", "notes"},
        {"ffgan.latent", "latent"},     {"ffgan.family", "family"},
        {"ffgan.source", "source"}};
    printf("file        %s\n", fg_show(path));
    printf("sha256      %s\n", m->sha256);
    printf("task        %s\n", fg_task_name(m->task));
    printf("scale       %d\n", m->scale);
    printf("colour      %s\n", m->luma ? "y" : "rgb");
    printf("parameters  %zu\n", fg_params_count(&m->params));
    printf("graph       %d nodes: %s\n", m->graph.nb_nodes, ops);
    if (m->nb_stages)
        printf("stages      %d more\n", m->nb_stages);
    if (r->global)
        puts("reach       the whole picture (cannot be tiled)");
    else
        printf("reach       %d pixels on each side\n", r->radius);
    printf("work        %.0f multiply-adds an input pixel\n", r->macs);
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        const char *const v = fg_model_meta(m, keys[i][0]);
        if (v && *v && strlen(v) < 400)
            printf("%-10s  %s\n", keys[i][1], fg_show(v));
    }
}

static void info_json(const FgModel *m, const char *path, const FgReach *r,
                      const char *ops)
{
    json_t *const meta = json_object();
    for (int i = 0; meta && i < m->nb_meta; i++)
        if (strcmp(m->meta[i].key, "ffgan.graph") != 0 &&
            strcmp(m->meta[i].key, "ffgan.stages") != 0)
            json_object_set_new(meta, m->meta[i].key,
                                json_string(m->meta[i].value));
    json_t *const o = json_pack(
        "{s:s,s:s,s:s,s:i,s:s,s:I,s:i,s:s,s:i,s:b,s:f,s:o}", "path",
        fg_show(path), "sha256", m->sha256, "task", fg_task_name(m->task),
        "scale", m->scale, "colour", m->luma ? "y" : "rgb", "parameters",
        (json_int_t)fg_params_count(&m->params), "nodes", m->graph.nb_nodes,
        "ops", ops, "reach", r->radius, "global", r->global, "macs_per_pixel",
        r->macs, "metadata", meta);
    char *const s = o ? json_dumps(o, JSON_COMPACT | JSON_PRESERVE_ORDER)
                      : NULL;
    if (s)
        puts(s);
    free(s);
    json_decref(o);
}

static int model_exit(int err)
{
    switch (err) {
    case -ENOENT:
    case -EACCES:
    case -ENAMETOOLONG:
        return FG_EXIT_NOINPUT;
    case -EIO:
        return FG_EXIT_IO;
    case -ENOMEM:
        return FG_EXIT_RETRY;
    default:
        return FG_EXIT_DATA;
    }
}

int fg_model_open(FgModel **m, const char *name, char *path, size_t size)
{
    FgError err = {{0}};
    *m = NULL;
    int ret = fg_model_find(name, path, size, &err);
    if (!ret)
        ret = fg_model_read(m, path, &err);
    if (!ret)
        return 0;
    fprintf(stderr, "ffgan: %s\n", err.text);
    return model_exit(ret);
}

static int info(const char *name, int json, const FgModelPlan *plan)
{
    char path[4096];
    FgError err = {{0}};
    FgReach r = {0};
    FgText ops = {0};
    FgModel *m = NULL;
    int ret = fg_model_open(&m, name, path, sizeof(path));
    if (!ret && fg_graph_reach(&m->graph, &r, &err) < 0) {
        fprintf(stderr, "ffgan: %s: %s\n", fg_show(path), err.text);
        ret = FG_EXIT_DATA;
    }
    if (!ret) {
        op_summary(&m->graph, &ops);
        if (!json || !plan->wanted)
            (json ? info_json : info_text)(m, path, &r, ops.s ? ops.s : "");
        if (plan->wanted)
            ret = fg_model_plan(m, plan, json);
    }
    fg_text_free(&ops);
    fg_model_free(&m);
    return ret;
}

int fg_cmd_model(int argc, char **argv)
{
    if (argc > 1 && (!strcmp(argv[1], "convert") || !strcmp(argv[1], "export")))
        return fg_model_convert(argc - 1, argv + 1);
    if (argc > 1 && !strcmp(argv[1], "check") &&
        strcmp(argv[argc - 1], "--help") != 0 &&
        strcmp(argv[argc - 1], "-h") != 0)
        return fg_model_check(argc - 1, argv + 1);
    if (argc > 1 && !strcmp(argv[1], "freeze"))
        return fg_model_freeze_command(argc - 1, argv + 1);
    if (argc > 1 && !strcmp(argv[1], "calibrate"))
        return fg_model_calibrate_command(argc - 1, argv + 1);
    if (argc == 2 && !strcmp(argv[1], "formats"))
        return fg_model_formats();
    int json = 0, n = 0;
    const char *words[3] = {NULL}, *sized = NULL;
    FgModelPlan plan = {.w = 1280, .h = 720};
    for (int i = 1; i < argc; i++) {
        if (!strcmp(argv[i], "-h") || !strcmp(argv[i], "--help"))
            return print_help();
        if (!strcmp(argv[i], "--json")) {
            json = 1;
        } else if (!strcmp(argv[i], "--plan")) {
            plan.wanted = 1;
        } else if (!strcmp(argv[i], "--size") ||
                   !strcmp(argv[i], "--precision") ||
                   !strcmp(argv[i], "--device")) {
            const int ret = fg_model_plan_option(&plan, argv[i], argv[i + 1]);
            if (ret)
                return ret;
            sized = argv[i++];
        } else if (argv[i][0] == '-' && argv[i][1]) {
            return fg_usage_error("model", "no option '%s'", argv[i]);
        } else if (n < 3) {
            words[n++] = argv[i];
        }
    }
    if ((plan.wanted || sized) && (n != 2 || strcmp(words[0], "info") != 0))
        return fg_usage_error("model", "%s goes with info FILE|NAME",
                              plan.wanted ? "--plan" : sized);
    if (sized && !plan.wanted)
        return fg_usage_error("model", "%s goes with --plan", sized);
    if (n == 1 && !strcmp(words[0], "list"))
        return fg_model_list(print_one, &json) < 0 ? FG_EXIT_BUG : FG_EXIT_OK;
    if (n == 2 && !strcmp(words[0], "info"))
        return info(words[1], json, &plan);
    return fg_usage_error("model", "allowed are list, info FILE|NAME, "
                                   "check FILE|NAME, convert, export and "
                                   "formats");
}
