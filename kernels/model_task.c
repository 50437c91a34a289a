/* ffgan: what a weights file's network is for.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "graph_priv.h"
#include "interp.h"
#include "model.h"
#include "model_priv.h"

static const struct {
    const char *name, *filter;
} tasks[] = {
    [FG_TASK_SR] = {"sr", "gansr"},
    [FG_TASK_IMAGE] = {"image", "ganfx"},
    [FG_TASK_GENERATOR] = {"generator", "gansrc"},
    [FG_TASK_INTERP] = {"interp", "ganinterp"},
};
enum { NB_TASKS = sizeof(tasks) / sizeof(tasks[0]) };

const char *fg_task_name(FgTask task)
{
    return tasks[task].name;
}

int fg_model_expect(const FgModel *m, FgTask task, const char *file,
                    FgError *err)
{
    if (m->task == task)
        return 0;
    return fg_error(err, -ENOTSUP,
                    "%s: its task is '%s', for the filter %s; '%s' is needed "
                    "here",
                    file, tasks[m->task].name, tasks[m->task].filter,
                    tasks[task].name);
}

const FgGraph *fg_model_stage(const FgModel *m, int k)
{
    return k ? &m->stages[k - 1] : &m->graph;
}

int fg_model_add_stage(FgModel *m, const FgGraph *g)
{
    if (m->nb_stages >= FG_MAX_STAGES - 1)
        return -EINVAL;
    FgGraph *p = realloc(m->stages, sizeof(*p) * (size_t)(m->nb_stages + 1));
    if (!p)
        return -ENOMEM;
    m->stages = p;
    const int rc = fg_graph_copy(&p[m->nb_stages], g);
    if (rc >= 0)
        m->nb_stages++;
    return rc;
}

static int graph_uses(const FgGraph *g, const char *name)
{
    for (int i = 0; i < g->nb_nodes; i++)
        for (int k = 0; k < g->nodes[i].nb_param; k++)
            if (!strcmp(g->nodes[i].param[k], name))
                return 1;
    return 0;
}

int fg_model_uses(const FgModel *m, const char *name)
{
    for (int i = 0; i <= m->nb_stages; i++)
        if (graph_uses(fg_model_stage(m, i), name))
            return 1;
    return 0;
}

/* ---- reading ---- */

static int add_text_stage(FgModel *m, json_t *v, FgError *err)
{
    FgGraph g = {0};
    char *text = json_dumps(v, JSON_COMPACT);
    int rc = text ? fg_graph_from_json(&g, text, strlen(text), err) : -ENOMEM;
    if (rc >= 0)
        rc = fg_model_add_stage(m, &g);
    fg_graph_free(&g);
    free(text);
    return rc;
}

static int read_stages(FgModel *m, const char *text, FgError *err)
{
    json_error_t at;
    json_t *a = json_loads(text, JSON_REJECT_DUPLICATES, &at);
    const size_t nb = json_array_size(a);
    int rc = 0;
    if (!json_is_array(a) || nb < 1 || nb > FG_MAX_STAGES - 1)
        rc = fg_error(err, -EBADMSG,
                      "ffgan.stages is no list of 1 to %d graphs",
                      FG_MAX_STAGES - 1);
    for (size_t i = 0; i < nb && rc >= 0; i++) {
        FgError why = {{0}};
        rc = add_text_stage(m, json_array_get(a, i), &why);
        if (rc < 0)
            fg_error(err, rc, "ffgan.stages, graph %zu: %.800s", i + 1,
                     why.text);
    }
    json_decref(a);
    return rc;
}

static int read_task(FgModel *m, FgError *err)
{
    const char *task = fg_model_meta(m, "ffgan.task");
    const char *stages = fg_model_meta(m, "ffgan.stages");
    const char *latent = fg_model_meta(m, "ffgan.latent");
    int k = 0;
    while (task && k < NB_TASKS && strcmp(task, tasks[k].name) != 0)
        k++;
    if (k == NB_TASKS)
        return fg_error(err, -ENOTSUP,
                        "ffgan.task is '%.32s', this version knows sr, image, "
                        "generator, interp",
                        task);
    m->task = (FgTask)k;
    if (!!latent != (k == FG_TASK_GENERATOR))
        return fg_error(err, -EBADMSG, "ffgan.latent %s for the task '%s'",
                        latent ? "has no meaning" : "is missing",
                        tasks[k].name);
    const int rc = latent ? fg_latent_parse(&m->latent, latent, err) : 0;
    return rc < 0 || !stages ? rc : read_stages(m, stages, err);
}

int fg_model_read_task(FgModel *m, const char *file, FgError *err)
{
    FgError why = {{0}};
    const int rc = read_task(m, &why);
    return rc < 0 ? fg_error(err, rc == -EINVAL ? -EBADMSG : rc, "%s: %.900s",
                             file, why.text)
                  : 0;
}

/* ---- the rules ---- */

typedef struct Ends {
    FgShape in, out; /* of some picture that the graph accepts */
} Ends;

static int ends_of(const FgGraph *g, Ends *e, FgError *err)
{
    FgShape *s = fg_graph_any_shapes(g, err);
    if (!s)
        return errno ? -errno : -ENOMEM;
    *e = (Ends){s[0], s[g->nb_nodes - 1]};
    free(s);
    for (int i = 1; i < g->nb_nodes; i++)
        if (fg_node_is(&g->nodes[i], "input"))
            return fg_error(err, -EINVAL, "a graph has more than one input");
    return 0;
}

static int takes(const Ends *e, int k, int in, FgError *err)
{
    if (e->in.c == in)
        return 0;
    return fg_error(err, -EINVAL,
                    "graph %d takes %d channels, its place and task need %d", k,
                    e->in.c, in);
}

static int gives(const Ends *e, int k, int low, int high, FgError *err)
{
    if (e->out.c >= low && e->out.c <= high)
        return 0;
    return fg_error(err, -EINVAL,
                    "graph %d gives %d channels, its place and task need %d", k,
                    e->out.c, low);
}

static int same_size(const Ends *e, int k, FgError *err)
{
    if (e->in.h == e->out.h && e->in.w == e->out.w)
        return 0;
    return fg_error(err, -EINVAL,
                    "graph %d makes %dx%d of %dx%d, its place and task need "
                    "the same size",
                    k, e->out.w, e->out.h, e->in.w, e->in.h);
}

/* Each stage takes what the one before gives, the noise added or beside. */
static int check_plate(const FgModel *m, FgError *err)
{
    const FgLatent *l = &m->latent;
    int rc = 0, before = 0;
    if (l->nb_sizes != m->nb_stages + 1)
        return fg_error(err, -EINVAL,
                        "ffgan.latent has %d sizes, the file %d graphs",
                        l->nb_sizes, m->nb_stages + 1);
    for (int k = 0; k <= m->nb_stages && rc >= 0; k++) {
        const int last = k == m->nb_stages;
        Ends e = {0};
        rc = ends_of(fg_model_stage(m, k), &e, err);
        if (rc >= 0 && !(k && e.in.c == before))
            rc = takes(&e, k, before + l->channels, err);
        if (rc >= 0)
            rc = same_size(&e, k, err);
        if (rc >= 0)
            rc = gives(&e, k, last ? 3 : 1, last ? 4 : 4096, err);
        before = rc >= 0 ? e.out.c : 0;
    }
    return rc;
}

/* The second graph gives a texture's wave numbers. */
static int check_waves(const FgModel *m, FgError *err)
{
    const int waves = m->latent.kind == FG_LATENT_TEXTURE && m->latent.periodic;
    Ends e = {0};
    if (m->nb_stages != waves)
        return fg_error(err, -EINVAL,
                        "ffgan.stages has %d graphs, this latent needs %d",
                        m->nb_stages, waves);
    if (!waves)
        return 0;
    int rc = ends_of(&m->stages[0], &e, err);
    rc = rc < 0 ? rc : takes(&e, 1, m->latent.global, err);
    rc = rc < 0 ? rc : same_size(&e, 1, err);
    return rc < 0 ? rc
                  : gives(&e, 1, 2 * m->latent.periodic, 2 * m->latent.periodic,
                          err);
}

static int check_generator(const FgModel *m, FgError *err)
{
    Ends e = {0};
    int rc = fg_latent_check(&m->latent, err);
    if (rc < 0 || m->latent.kind == FG_LATENT_PLATE)
        return rc < 0 ? rc : check_plate(m, err);
    rc = ends_of(&m->graph, &e, err);
    rc = rc < 0 ? rc : takes(&e, 0, fg_latent_channels(&m->latent), err);
    rc = rc < 0 ? rc : gives(&e, 0, 3, 4, err);
    return rc < 0 ? rc : check_waves(m, err);
}

static int check_sr(const FgModel *m, FgError *err)
{
    const int c = m->luma ? 1 : 3;
    FgReach reach = {0};
    const int rc = fg_graph_reach(&m->graph, &reach, err);
    if (rc < 0)
        return rc;
    if (m->graph.nodes[0].attr.channels != c)
        return fg_error(
            err, -EINVAL, "the graph takes %d channels, colour '%s' has %d",
            m->graph.nodes[0].attr.channels, m->luma ? "y" : "rgb", c);
    if (!reach.global && reach.scale_num != m->scale * reach.scale_den)
        return fg_error(err, -EINVAL,
                        "the graph scales by %d/%d, ffgan.scale says %d",
                        reach.scale_num, reach.scale_den, m->scale);
    return 0;
}

/* One graph that keeps its size. */
static int check_same(const FgModel *m, int in, int out, FgError *err)
{
    Ends e = {0};
    int rc = ends_of(&m->graph, &e, err);
    rc = rc < 0 ? rc : takes(&e, 0, in, err);
    rc = rc < 0 ? rc : gives(&e, 0, out, out, err);
    return rc < 0 ? rc : same_size(&e, 0, err);
}

/* Colour "y": what mends a motion found by arithmetic; "rgb": a network that
 * does all of it, of frame 0, frame 1 and the time. */
static int check_interp(const FgModel *m, FgError *err)
{
    return m->luma ? check_same(m, FG_INTERP_IN, FG_INTERP_OUT, err)
                   : check_same(m, FG_INTERP_RGB_IN, FG_INTERP_RGB_OUT, err);
}

int fg_model_check_task(const FgModel *m, FgError *err)
{
    const int interp = m->task == FG_TASK_INTERP;
    if (m->task == FG_TASK_SR)
        return m->nb_stages ? fg_error(err, -EINVAL,
                                       "ffgan.stages has no meaning for the "
                                       "task 'sr'")
                            : check_sr(m, err);
    if (m->scale != 1 || (m->luma && !interp))
        return fg_error(err, -EINVAL,
                        "the task '%s' needs scale 1 and colour %s",
                        tasks[m->task].name, interp ? "'y' or 'rgb'" : "'rgb'");
    if (m->task == FG_TASK_GENERATOR)
        return check_generator(m, err);
    if (m->nb_stages)
        return fg_error(err, -EINVAL,
                        "ffgan.stages has no meaning for the task '%s'",
                        tasks[m->task].name);
    return interp ? check_interp(m, err) : check_same(m, 3, 3, err);
}

/* ---- writing ---- */

char *fg_model_stages_json(const FgModel *m)
{
    json_t *a = json_array();
    int bad = !a;
    for (int i = 0; i < m->nb_stages && !bad; i++) {
        char *text = fg_graph_to_json(&m->stages[i]);
        json_t *v = text ? json_loads(text, 0, NULL) : NULL;
        bad = !v || json_array_append_new(a, v);
        free(text);
    }
    char *text = bad ? NULL : json_dumps(a, JSON_COMPACT);
    json_decref(a);
    return text;
}
