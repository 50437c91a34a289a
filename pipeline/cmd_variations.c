/* ffgan: variations: what a generator makes of several seeds.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <libavutil/parseutils.h>

#include "kernels/generator.h"
#include "kernels/walk.h"
#include "pipeline/commands.h"
#include "pipeline/exit.h"
#include "pipeline/sequence.h"
#include "pipeline/source.h"
#include "pipeline/util.h"

enum { MOST = 1024, GAP = 4, ROOM = 12 /* above each picture, for its seed */ };

typedef struct Args {
    const char *model, *output, *seeds;
    int w, h, columns, overwrite, help;
    double truncation;
    int64_t frame;
    char name[4096]; /* of the output when none is given */
} Args;

enum { O_SEEDS = 256, O_SIZE, O_COLUMNS, O_FRAME, O_TRUNCATION };

static const struct option options[] = {
    {"output", required_argument, NULL, 'o'},
    {"seeds", required_argument, NULL, O_SEEDS},
    {"size", required_argument, NULL, O_SIZE},
    {"columns", required_argument, NULL, O_COLUMNS},
    {"frame", required_argument, NULL, O_FRAME},
    {"truncation", required_argument, NULL, O_TRUNCATION},
    {"overwrite", no_argument, NULL, 'y'},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

static int print_help(void)
{
    puts(
        "usage: ffgan variations MODEL [-o OUT.png] [options]\n"
        "Writes a sheet of what a generator makes of several seeds, to pick\n"
        "one by looking: 'ffgan generate ... --seed N' then makes it.\n\n"
        "  -o, --output OUT.png  (default: MODEL-variations.png)\n"
        "      --seeds LIST      as 1-16 or 3,7,20-25 (default 1-16)\n"
        "      --size WxH        of each picture (default: the model's)\n"
        "      --columns N       (default: about a square)\n"
        "      --frame N         of the walk (default 0)\n"
        "      --truncation T    0..1, less is nearer the average (default 1)\n"
        "  -y, --overwrite  -h, --help");
    return FG_EXIT_OK;
}

static int usage(const char *what, const char *v, const char *allowed)
{
    return fg_usage_error("variations", "%s '%s' is not %s", what, v, allowed);
}

static int take_option(void *arg, int c, const char *v)
{
    Args *const a = arg;
    int64_t n;
    char *end;
    switch (c) {
    case 'o':
        a->output = v;
        return *v ? 0 : usage("-o", v, "a name");
    case O_SEEDS:
        a->seeds = v;
        return 0;
    case O_SIZE:
        return av_parse_video_size(&a->w, &a->h, v) < 0 || a->w > 4096 ||
                       a->h > 4096
                   ? usage("--size", v, "WxH up to 4096x4096")
                   : 0;
    case O_COLUMNS:
        if (fg_parse_int(v, 1, MOST, &n) < 0)
            return usage("--columns", v, "in 1..1024");
        a->columns = (int)n;
        return 0;
    case O_FRAME:
        return fg_parse_int(v, 0, 1 << 30, &a->frame) < 0
                   ? usage("--frame", v, "a frame's number")
                   : 0;
    case O_TRUNCATION:
        a->truncation = strtod(v, &end);
        return *v && !*end && a->truncation >= 0 && a->truncation <= 1
                   ? 0
                   : usage("--truncation", v, "in 0..1");
    case 'y':
        a->overwrite = 1;
        return 0;
    default:
        a->help = 1;
        return 0;
    }
}

static int parse(Args *a, int argc, char **argv)
{
    const int ret = fg_take_options("variations", argc, argv, ":o:yh", options,
                                    take_option, a);
    if (ret)
        return ret;
    if (!a->help && optind + 1 != argc)
        return fg_usage_error("variations", optind < argc
                                                ? "more than one model"
                                                : "no model given");
    a->model = argv[optind];
    return 0;
}

/* ---- the sheet ---- */

typedef struct Sheet {
    FgPicture pic;
    int columns, w, h;
} Sheet;

static void put(const Sheet *s, int x, int y, int r, int g, int b)
{
    uint8_t *d;
    if (x < 0 || y < 0 || x >= s->pic.w || y >= s->pic.h)
        return;
    d = s->pic.rgb + 3 * ((size_t)y * (size_t)s->pic.w + (size_t)x);
    d[0] = (uint8_t)r;
    d[1] = (uint8_t)g;
    d[2] = (uint8_t)b;
}

/* Digits of 3 x 5, twice as large; a row of a digit is three bits. */
static void draw_number(const Sheet *s, int x, int y, long long n)
{
    static const char rows[10][6] = {"75557", "26227", "71747", "71717",
                                     "55711", "74717", "74757", "71111",
                                     "75757", "75717"};
    char text[24];
    snprintf(text, sizeof(text), "%lld", n);
    for (const char *t = text; *t; t++, x += 8)
        for (int j = 0; j < 10; j++)
            for (int i = 0; i < 6; i++)
                if ((rows[*t - '0'][j / 2] - '0') >> (2 - i / 2) & 1)
                    put(s, x + i, y + j, 220, 220, 220);
}

static int sheet_open(Sheet *s, int nb)
{
    const int rows = (nb + s->columns - 1) / s->columns;
    s->pic.w = s->columns * (s->w + GAP) + GAP;
    s->pic.h = rows * (s->h + GAP + ROOM) + GAP;
    s->pic.rgb = malloc(3 * (size_t)s->pic.w * (size_t)s->pic.h);
    if (!s->pic.rgb)
        return -ENOMEM;
    memset(s->pic.rgb, 32, 3 * (size_t)s->pic.w * (size_t)s->pic.h);
    return 0;
}

/* Alpha shows over a chequered ground. */
static void sheet_add(Sheet *s, int i, int64_t seed, const FgTensor *t)
{
    const int x0 = GAP + i % s->columns * (s->w + GAP);
    const int y0 = GAP + ROOM + i / s->columns * (s->h + GAP + ROOM);
    draw_number(s, x0, y0 - ROOM, seed);
    for (int y = 0; y < s->h; y++)
        for (int x = 0; x < s->w; x++) {
            const float *p = fg_f32(t, 0, y, x);
            const float ground = ((x / 8 + y / 8) & 1) ? 0.6f : 0.4f;
            const float a = t->shape.c > 3 ? fminf(fmaxf(p[3], 0), 1) : 1;
            int v[3];
            for (int c = 0; c < 3; c++)
                v[c] = (int)(255 * (ground +
                                    a * (fminf(fmaxf(p[c], 0), 1) - ground)) +
                             0.5f);
            put(s, x0 + x, y0 + y, v[0], v[1], v[2]);
        }
}

static int fill(Sheet *s, FgGenerator *g, const Args *a, const int64_t *seed,
                int nb, FgError *err)
{
    for (int i = 0; i < nb; i++) {
        const FgWalk w = {.mode = FG_WALK_CIRCLE,
                          .seed = (uint64_t)seed[i],
                          .step = 0.04,
                          .truncation = (float)a->truncation};
        FgMoment at;
        FgTensor t;
        fg_walk_at(&w, a->frame, &at);
        const int ret = fg_generator_run(g, &at, &t, err);
        if (ret < 0)
            return ret;
        sheet_add(s, i, seed[i], &t);
    }
    return 0;
}

static int make(const Args *a, const FgModel *m, const int64_t *seed, int nb,
                FgExecutor *ex, FgError *err)
{
    Sheet s = {.w = a->w, .h = a->h, .columns = a->columns};
    FgGenerator *g = NULL;
    int ret = a->w ? 0 : fg_generator_size(m, &s.w, &s.h, err);
    if (!s.columns)
        s.columns = (int)ceil(sqrt(nb));
    if (s.columns > nb)
        s.columns = nb;
    const FgGeneratorOptions o = {.w = s.w, .h = s.h, .ex = ex};
    if (ret >= 0)
        ret = fg_generator_create(&g, m, &o, err);
    if (ret >= 0 && sheet_open(&s, nb) < 0)
        ret = fg_error(err, -ENOMEM, "out of memory");
    if (ret >= 0)
        ret = fill(&s, g, a, seed, nb, err);
    if (ret >= 0)
        ret = fg_picture_write_png(&s.pic, a->output, err);
    fg_picture_free(&s.pic);
    fg_generator_free(&g);
    return ret;
}

static int run(Args *a)
{
    char path[4096];
    FgError err = {{0}};
    FgModel *m = NULL;
    FgPool *pool = NULL;
    int64_t *seed = NULL;
    struct stat st;
    int nb = 0, ret;
    if (fg_frame_list(a->seeds, &seed, &nb, &err) < 0 || nb > MOST) {
        free(seed);
        return usage("--seeds", a->seeds, "a list of up to 1024, as 1-16");
    }
    if (!a->output) {
        const char *const base = fg_path_base(a->model);
        snprintf(a->name, sizeof(a->name), "%.*s-variations.png",
                 (int)(fg_path_ext(base) - base), base);
        a->output = a->name;
    }
    ret = fg_model_open(&m, a->model, path, sizeof(path));
    if (!ret && !a->overwrite && !stat(a->output, &st)) {
        fprintf(stderr, "ffgan: %s: exists; -y writes over it\n",
                fg_show(a->output));
        ret = FG_EXIT_CANTCREAT;
    }
    if (!ret) {
        int e = fg_model_expect(m, FG_TASK_GENERATOR, path, &err);
        if (e >= 0)
            e = fg_pool_create(&pool, 0);
        if (e >= 0)
            e = make(a, m, seed, nb, fg_pool_executor(pool), &err);
        if (e < 0) {
            fprintf(stderr, "ffgan: %s\n", err.text);
            ret = fg_exit_chain(e);
        } else {
            printf("%s: %d variations\n", fg_show(a->output), nb);
        }
    }
    fg_pool_free(&pool);
    fg_model_free(&m);
    free(seed);
    return ret;
}

int fg_cmd_variations(int argc, char **argv)
{
    Args a = {.seeds = "1-16", .truncation = 1};
    const int ret = parse(&a, argc, argv);
    if (ret)
        return ret;
    return a.help ? print_help() : run(&a);
}
