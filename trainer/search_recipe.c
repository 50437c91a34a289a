/* The recipe of a search.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "trainer/recipe_keys.h"
#include "trainer/search.h"

#define MAP(name, required, help)                                              \
    {                                                                          \
        name, FG_KEY_MAP, NULL, 0, 0, NULL, required, help                     \
    }

static const FgKey keys[] = {
    {"search", FG_KEY_INT, NULL, 1, 1, NULL, 1, "version of this format"},
    FG_STRING("name", "search", "name of what is found"),
    {"recipe", FG_KEY_STRING, NULL, 0, 0, NULL, 1,
     "recipe whose keys are varied"},
    MAP("space", 1, "genes: keys of the recipe and what they may be"),
    {"arms", FG_KEY_LIST, NULL, 0, 0, "evolution|reinforce|lstm|tpe|random", 1,
     "ways to search, in turns; random always runs beside them"},
    FG_INT("evaluations", "40", 1, 100000, "candidates that each arm tries"),
    FG_INT("population", "16", 2, 10000, "evolution: living candidates"),
    FG_INT("tournament", "5", 1, 10000, "evolution: those who compete"),
    FG_INT("seed", "1", 0, 9007199254740992.0, "start of all random numbers"),
    MAP("proxy", 0, "keys of the recipe while searching, as steps: 600"),
    FG_INT("reports", "4", 1, FG_MAX_REPORTS, "validations of each candidate"),
    FG_BOOL("median_stop", "true",
            "end candidates whose best report is under the median"),
    FG_DOUBLE(
        "budget_ms", "0", 0, 1e9,
        "milliseconds of one frame on one thread that cost nothing, 0 = what "
        "the baseline takes"),
    FG_DOUBLE("penalty", "0", 0, 1e9,
              "what each further millisecond costs, in units of the figure"),
    FG_DOUBLE("max_times", "0", 0, 1e6,
              "candidates that take more times the free milliseconds are not "
              "trained, 0 = all are"),
    FG_STRING("frame", "", "frame to time, in input pixels, as 640x360"),
    FG_INT("top", "3", 0, 100, "candidates of each arm that are trained fully"),
    MAP("full", 0, "keys of the recipe for these, as steps: 20000"),
    FG_INT("seeds", "3", 1, 16, "full trainings of each, with seeds 1, 2, ..."),
    MAP("baseline", 0, "keys of the network made by hand, beside the recipe's"),
    FG_STRING("test", "", "folder of pictures for the full ones alone"),
    {0},
};

void fg_search_print_keys(void)
{
    static const char *const types[] = {"string", "integer", "number", "bool",
                                        "choice", "list",    "map",    "any"};

    for (const FgKey *k = keys; k->name; k++) {
        printf("%-12s %-8s", k->name, types[k->type]);
        if (k->choices)
            printf(" %s", k->choices);
        if (k->type == FG_KEY_INT || k->type == FG_KEY_DOUBLE)
            printf(" %.10g..%.10g", k->min, k->max);
        printf("  %s", k->help);
        if (k->required)
            printf(" (required)");
        else if (k->def && k->def[0])
            printf(" (default %s)", k->def);
        putchar('\n');
    }
}

/* ---- maps of overrides ---- */

static int take_map(FgTexts *t, const FgYaml *doc, const char *key,
                    const char *file, FgError *err)
{
    const FgYaml *map = fg_yaml_get(doc, key);

    if (!map)
        return 0;
    t->v = calloc((size_t)map->nb + 1, sizeof(*t->v));
    if (!t->v)
        return -ENOMEM;
    for (int i = 0; i < map->nb; i++) {
        const FgYaml *v = &map->items[i];

        if (v->type != FG_YAML_SCALAR)
            return fg_error(err, -EINVAL,
                            "%s:%d:%d: %s: '%s' is no plain value", file,
                            v->line, v->column, key, map->keys[i]);
        if (asprintf(&t->v[i], "%s=%s", map->keys[i], v->text) < 0)
            return -ENOMEM;
        t->nb++;
    }
    return 0;
}

static int take_arms(FgSearchRecipe *r)
{
    const FgYaml *l = fg_yaml_get(&r->doc, "arms");
    const int nb = l->type == FG_YAML_LIST ? l->nb : 1;
    int random = 0;

    for (int i = 0; i < nb; i++) {
        const FgYaml *item = l->type == FG_YAML_LIST ? &l->items[i] : l;
        const FgArm *a = fg_arm_find(item->text);
        int known = !a;

        for (int k = 0; k < r->nb_arms; k++)
            known |= r->arm[k] == a;
        if (!known)
            r->arm[r->nb_arms++] = a;
        random |= a == fg_arm_find("random");
    }
    if (!random)
        r->arm[r->nb_arms++] = fg_arm_find("random");
    return 0;
}

static int take_frame(FgSearchRecipe *r, const char *file, FgError *err)
{
    const char *text = fg_keys_string(&r->doc, keys, "frame");
    char end;

    if (text[0] && (sscanf(text, "%dx%d%c", &r->w, &r->h, &end) != 2 ||
                    r->w < 1 || r->h < 1 || r->w > 16384 || r->h > 16384))
        return fg_error(err, -EINVAL,
                        "%s: 'frame' is '%s', allowed WIDTHxHEIGHT, each "
                        "1..16384",
                        file, text);
    if (!r->w && (r->budget_ms > 0 || r->penalty > 0 || r->max_times > 0))
        return fg_error(err, -EINVAL,
                        "%s: 'budget_ms', 'penalty' and 'max_times' need a "
                        "'frame' to time",
                        file);
    return 0;
}

static void take_values(FgSearchRecipe *r)
{
    const FgYaml *d = &r->doc;

    r->name = fg_keys_string(d, keys, "name");
    r->evaluations = (int)fg_keys_int(d, keys, "evaluations");
    r->population = (int)fg_keys_int(d, keys, "population");
    r->tournament = (int)fg_keys_int(d, keys, "tournament");
    r->reports = (int)fg_keys_int(d, keys, "reports");
    r->median = fg_keys_bool(d, keys, "median_stop");
    r->top = (int)fg_keys_int(d, keys, "top");
    r->seeds = (int)fg_keys_int(d, keys, "seeds");
    r->seed = (uint64_t)fg_keys_int(d, keys, "seed");
    r->budget_ms = fg_keys_double(d, keys, "budget_ms");
    r->penalty = fg_keys_double(d, keys, "penalty");
    r->max_times = fg_keys_double(d, keys, "max_times");
}

/* ---- the resolved text ---- */

static void print(FILE *f, const FgYaml *y)
{
    if (y->type == FG_YAML_SCALAR)
        fprintf(f, "%s", y->text);
    for (int i = 0; i < y->nb; i++) {
        fputs(i ? ", " : "", f);
        if (y->type == FG_YAML_MAP)
            fprintf(f, "%s: ", y->keys[i]);
        fputs(y->items[i].type == FG_YAML_SCALAR ? "" : "{", f);
        print(f, &y->items[i]);
        fputs(y->items[i].type == FG_YAML_SCALAR ? "" : "}", f);
    }
}

/* More candidates, finalists or seeds go on with the same search. */
static int is_length(const char *key)
{
    return !strcmp(key, "evaluations") || !strcmp(key, "top") ||
           !strcmp(key, "seeds");
}

static int resolve(const FgSearchRecipe *r, int whole, char **text)
{
    size_t size = 0;
    FILE *f = open_memstream(text, &size);

    if (!f)
        return -ENOMEM;
    for (const FgKey *k = keys; k->name; k++) {
        const FgYaml *v = fg_yaml_get(&r->doc, k->name);

        if (!whole && is_length(k->name))
            continue;
        fprintf(f, "%s: ", k->name);
        if (v)
            print(f, v);
        else
            fputs(k->def ? k->def : "", f);
        fputc('\n', f);
    }
    return fclose(f) ? -ENOMEM : 0;
}

/* ---- reading ---- */

static char *beside(const char *file, const char *path)
{
    const char *slash = strrchr(file, '/');
    char *out;

    if (path[0] == '/' || !slash)
        return strdup(path);
    return asprintf(&out, "%.*s/%s", (int)(slash - file), file, path) < 0 ? NULL
                                                                          : out;
}

static int take(FgSearchRecipe *r, const char *path, FgError *err)
{
    const char *test = fg_keys_string(&r->doc, keys, "test");
    int ret;

    take_values(r);
    ret = take_arms(r);
    if (!ret)
        ret = take_frame(r, path, err);
    if (!ret)
        ret = fg_space_read(&r->space, fg_yaml_get(&r->doc, "space"), path,
                            err);
    if (!ret)
        ret = take_map(&r->proxy, &r->doc, "proxy", path, err);
    if (!ret)
        ret = take_map(&r->full, &r->doc, "full", path, err);
    if (!ret)
        ret = take_map(&r->baseline, &r->doc, "baseline", path, err);
    if (ret)
        return ret;
    r->recipe = beside(path, fg_keys_string(&r->doc, keys, "recipe"));
    r->test = test[0] ? strdup(test) : NULL;
    if (!r->recipe || (test[0] && !r->test))
        return -ENOMEM;
    ret = resolve(r, 1, &r->text);
    return ret ? ret : resolve(r, 0, &r->core);
}

int fg_search_read(FgSearchRecipe *r, const char *path, FgError *err)
{
    int ret;

    *r = (FgSearchRecipe){0};
    ret = fg_yaml_read(&r->doc, path, err);
    if (!ret && r->doc.type != FG_YAML_MAP)
        ret = fg_error(err, -EINVAL, "%s: wanted a map of keys", path);
    if (!ret)
        ret = fg_keys_check(&r->doc, keys, path, "search", err);
    if (!ret)
        ret = take(r, path, err);
    if (ret == -ENOMEM)
        fg_error(err, ret, "%s: not enough memory", path);
    if (ret)
        fg_search_recipe_free(r);
    return ret;
}

void fg_search_recipe_free(FgSearchRecipe *r)
{
    FgTexts *const all[] = {&r->proxy, &r->full, &r->baseline};

    for (int i = 0; i < 3; i++)
        fg_strings_free(&all[i]->v, all[i]->nb);
    fg_space_free(&r->space);
    fg_yaml_free(&r->doc);
    free(r->text);
    free(r->core);
    free(r->recipe);
    free(r->test);
    *r = (FgSearchRecipe){0};
}
