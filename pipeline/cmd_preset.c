/* ffgan: the command `ffgan preset`.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pipeline/exit.h"
#include "pipeline/preset_priv.h"

enum { MAX_SET = 64 };

static const char usage[] =
    "usage: ffgan preset list\n"
    "       ffgan preset show NAME [--set KEY=VALUE]...\n"
    "       ffgan preset graph NAME [--set KEY=VALUE]...\n"
    "       ffgan preset check FILE...\n"
    "       ffgan preset keys [--markdown]\n"
    "       ffgan preset schema\n"
    "\n"
    "list     the presets that can be found by name\n"
    "show     what a preset comes to: params, filters, encoder\n"
    "graph    its filters as plain text for ffmpeg's -vf\n"
    "check    reads presets and says what is wrong\n"
    "keys     every key: type, range, default, meaning\n"
    "schema   the same as a JSON Schema, for editors\n"
    "\n"
    "NAME is a path (with a '/' or ending in .yaml) or a name, looked up in\n"
    "$FFGAN_PATH, ~/.config/ffgan and the installed folder.\n";

typedef struct Args {
    const char *set[MAX_SET];
    int nb_set;
    int markdown;
    char **words;
    int nb_words;
} Args;

static int fail_usage(const char *text)
{
    fprintf(stderr, "ffgan: preset: %s; see 'ffgan preset --help'\n", text);
    return FG_EXIT_USAGE;
}

static int fail(int ret, const FgError *err)
{
    fprintf(stderr, "ffgan: %s\n", err->text);
    return ret == -ENOMEM ? FG_EXIT_RETRY : FG_EXIT_CONFIG;
}

static int done(int ret)
{
    if (!ret && !fflush(stdout) && !ferror(stdout))
        return FG_EXIT_OK;
    fprintf(stderr, "ffgan: preset: cannot write: %s\n",
            strerror(ret ? -ret : errno));
    return ret == -ENOMEM ? FG_EXIT_RETRY : FG_EXIT_IO;
}

static int print_entry(void *arg, const char *name, const char *path,
                       const char *help)
{
    (void)arg;
    (void)path;
    printf("%-18s %s\n", name, help);
    return 0;
}

static int cmd_list(const Args *a)
{
    (void)a;
    return done(fg_preset_list(print_entry, NULL));
}

static int cmd_keys(const Args *a)
{
    return done(fg_preset_print_keys(stdout, a->markdown));
}

static int cmd_schema(const Args *a)
{
    (void)a;
    return done(fg_preset_print_schema(stdout));
}

static int load_one(const Args *a, FgPreset **p)
{
    FgError err = {""};
    const int ret = fg_preset_load(p, a->words[0], a->set, a->nb_set, &err);

    return ret < 0 ? fail(ret, &err) : 0;
}

static int cmd_graph(const Args *a)
{
    FgPreset *p = NULL;
    int ret = load_one(a, &p);

    if (!ret) {
        printf("%s\n", p->graph);
        ret = done(0);
    }
    fg_preset_free(&p);
    return ret;
}

static int cmd_check(const Args *a)
{
    int code = FG_EXIT_OK;

    for (int i = 0; i < a->nb_words; i++) {
        FgError err = {""};
        FgPreset *p = NULL;
        const int ret = fg_preset_load(&p, a->words[i], a->set, a->nb_set,
                                       &err);
        if (ret < 0)
            code = fail(ret, &err);
        else
            printf("%s: ok\n", a->words[i]);
        fg_preset_free(&p);
    }
    return code ? code : done(0);
}

static void show_pairs(const char *title, const FgPair *pairs, int nb)
{
    for (int i = 0; i < nb; i++)
        printf("%-12s %s=%s\n", i ? "" : title, pairs[i].key, pairs[i].value);
}

static void show_copy(unsigned copy)
{
    static const char *const words[] = {"audio",    "subtitles", "attachments",
                                        "chapters", "metadata",  "data"};

    printf("%-12s", "copy");
    for (int i = 0; i < 6; i++)
        if (copy & (1u << i))
            printf(" %s", words[i]);
    printf("%s\n", copy ? "" : " none");
}

static void show_shots(const FgPreset *p)
{
    for (int i = 0; i < p->nb_shots; i++) {
        const FgShot *const s = &p->shots[i];
        printf("%-12s %g..%g s, frames %lld..", i ? "" : "shots", s->from_s,
               s->to_s, (long long)s->from_n);
        if (s->to_n < INT64_MAX)
            printf("%lld", (long long)s->to_n);
        printf(":");
        for (int k = 0; k < p->nb_commands; k++)
            if (s->values[k])
                printf(" %s %s=%s", p->commands[k].target,
                       p->commands[k].command, s->values[k]);
        printf("\n");
    }
}

static int cmd_show(const Args *a)
{
    static const char *const deint[] = {"no", "auto", "yes"};
    FgPreset *p = NULL;
    int ret = load_one(a, &p);

    if (!ret) {
        printf("%-12s %s\n%-12s %s\n%-12s %s\n", "name", p->name, "file",
               p->path, "help", p->help);
        show_pairs("params", p->params, p->nb_params);
        printf("%-12s %s\n", "deinterlace", deint[p->deinterlace]);
        if (p->rate)
            printf("%-12s %s\n", "rate", p->rate);
        printf("%-12s %s\n", "graph", p->graph);
        show_shots(p);
        printf("%-12s %s\n%-12s %s\n", "codec", p->codec, "pix_fmt",
               p->pix_fmt);
        show_pairs("encoder", p->codec_opts, p->nb_codec_opts);
        printf("%-12s %s\n", "container",
               p->container ? p->container : "by the output's name");
        show_pairs("muxer", p->mux_opts, p->nb_mux_opts);
        show_pairs("tags", p->tags, p->nb_tags);
        show_pairs("layers", p->layers, p->nb_layers);
        show_copy(p->copy);
        ret = done(0);
    }
    fg_preset_free(&p);
    return ret;
}

static const struct {
    const char *name;
    int (*fn)(const Args *a);
    int min_words, max_words;
} commands[] = {
    {"list", cmd_list, 0, 0},   {"show", cmd_show, 1, 1},
    {"graph", cmd_graph, 1, 1}, {"check", cmd_check, 1, 1 << 20},
    {"keys", cmd_keys, 0, 0},   {"schema", cmd_schema, 0, 0},
};

/* 0, an exit code, or -1 when help was printed. */
static int parse_args(Args *a, int argc, char **argv)
{
    static const struct option longs[] = {{"set", required_argument, NULL, 's'},
                                          {"markdown", no_argument, NULL, 'm'},
                                          {"help", no_argument, NULL, 'h'},
                                          {NULL, 0, NULL, 0}};
    int c;

    optind = 0; /* the main program has used getopt before */
    opterr = 0;
    while ((c = getopt_long(argc, argv, ":h", longs, NULL)) != -1) {
        if (c == 'h') {
            fputs(usage, stdout);
            return -1;
        }
        if (c == 'm')
            a->markdown = 1;
        else if (c == ':')
            return fail_usage("--set needs KEY=VALUE");
        else if (c != 's')
            return fail_usage("unknown option");
        else if (a->nb_set == MAX_SET)
            return fail_usage("more than 64 --set");
        else
            a->set[a->nb_set++] = optarg;
    }
    a->words = argv + optind;
    a->nb_words = argc - optind;
    return 0;
}

static int unknown_command(const char *word)
{
    enum { NB = sizeof(commands) / sizeof(commands[0]) };
    const char *names[NB + 1];
    const char *near;
    char text[200];

    for (int i = 0; i < NB; i++)
        names[i] = commands[i].name;
    names[NB] = NULL;
    near = fg_nearest(word, names);
    snprintf(text, sizeof(text), "no command '%.60s'%s%s%s", word,
             near ? ", did you mean '" : "", near ? near : "",
             near ? "'?" : "");
    return fail_usage(text);
}

int fg_cmd_preset(int argc, char **argv)
{
    Args a = {.nb_set = 0};
    const int ret = parse_args(&a, argc, argv);

    if (ret)
        return ret < 0 ? done(0) : ret;
    if (!a.nb_words)
        return fail_usage("a command is missing");
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        if (strcmp(commands[i].name, a.words[0]) != 0)
            continue;
        a.words++;
        a.nb_words--;
        if (a.nb_words < commands[i].min_words)
            return fail_usage("a name is missing");
        if (a.nb_words > commands[i].max_words)
            return fail_usage("too many words");
        return commands[i].fn(&a);
    }
    return unknown_command(a.words[0]);
}
