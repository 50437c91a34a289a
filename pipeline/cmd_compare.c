/* ffgan: compare. SPDX-License-Identifier: LGPL-2.1-or-later */
#include <assert.h>
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "pipeline/commands.h"
#include "pipeline/compare.h"
#include "pipeline/exit.h"
#include "pipeline/output.h"
#include "pipeline/util.h"

typedef struct Args {
    FgCompareOptions o;
    const char *output;
    int overwrite, json, help;
} Args;

enum { O_SHOTS = 256, O_FRAMES, O_WIDTH, O_JSON };

static const struct option options[] = {
    {"output", required_argument, NULL, 'o'},
    {"pictures", required_argument, NULL, O_SHOTS},
    {"max-frames", required_argument, NULL, O_FRAMES},
    {"width", required_argument, NULL, O_WIDTH},
    {"json", no_argument, NULL, O_JSON},
    {"overwrite", no_argument, NULL, 'y'},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

static int print_help(void)
{
    puts(
        "usage: ffgan compare A B -o OUT.html [options]\n"
        "Writes a page with a slider between two films or pictures, figures\n"
        "of each frame and a plot of the flicker. It needs no other file.\n\n"
        "  -o, --output OUT.html\n"
        "      --pictures N      frames to look at, 1..64 (default 12)\n"
        "      --width N         of these, at most (default 1280)\n"
        "      --max-frames N    0 = all (default)\n"
        "      --json            figures of each frame on stdout, a line each\n"
        "  -y, --overwrite  -h, --help");
    return FG_EXIT_OK;
}

static int take_int(const char *what, const char *v, int min, int max, int *to)
{
    int64_t n;
    if (fg_parse_int(v, min, max, &n) < 0)
        return fg_usage_error("compare", "%s '%s' is not in %d..%d", what, v,
                              min, max);
    *to = (int)n;
    return 0;
}

static int take_option(void *arg, int c, const char *v)
{
    Args *const a = arg;
    switch (c) {
    case 'o':
        a->output = v;
        return 0;
    case O_SHOTS:
        return take_int("--pictures", v, 1, 64, &a->o.shots);
    case O_FRAMES:
        return take_int("--max-frames", v, 0, 1 << 30, &a->o.max_frames);
    case O_WIDTH:
        return take_int("--width", v, 16, 8192, &a->o.width);
    case O_JSON:
        a->json = 1;
        return 0;
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
    const int ret = fg_take_options("compare", argc, argv, ":o:yh", options,
                                    take_option, a);
    if (ret)
        return ret;
    if (a->help)
        return 0;
    if (optind + 2 != argc)
        return fg_usage_error("compare", "two inputs are needed");
    a->o.a = argv[optind];
    a->o.b = argv[optind + 1];
    return a->output && *a->output ? 0
                                   : fg_usage_error("compare", "-o is needed");
}

static void print_json(const FgCompare *c)
{
    for (int i = 0; i < c->nb; i++)
        printf("{\"frame\":%d,\"psnr\":%.4f,\"ssim\":%.6f,\"flicker_a\":%.4f,"
               "\"flicker_b\":%.4f}\n",
               i, c->frame[i].psnr, c->frame[i].ssim, c->frame[i].a,
               c->frame[i].b);
}

static int write_page(const FgCompare *c, const Args *a)
{
    char *text = NULL;
    size_t size = 0;
    FILE *f = open_memstream(&text, &size);
    int ret = f ? fg_compare_page(c, f) : -ENOMEM;
    if (f && fclose(f))
        ret = -ENOMEM;
    if (!ret)
        ret = fg_write_file(a->output, text, size, a->overwrite);
    free(text);
    return ret;
}

static int run(const Args *a)
{
    FgCompare c;
    FgError err = {{0}};
    struct stat st;
    assert(a->output); /* by parse() */
    if (!a->overwrite && !stat(a->output, &st)) {
        fprintf(stderr, "ffgan: %s: exists; -y writes over it\n",
                fg_show(a->output));
        return FG_EXIT_CANTCREAT;
    }
    int ret = fg_compare_run(&c, &a->o, &err);
    if (ret < 0) {
        fprintf(stderr, "ffgan: %s\n", err.text);
        return fg_exit_input(ret);
    }
    ret = write_page(&c, a);
    if (ret)
        fprintf(stderr, "ffgan: %s: %s\n", fg_show(a->output),
                fg_strerror(ret));
    else if (a->json)
        print_json(&c);
    else
        printf("%s: %d frames, %d pictures\n", fg_show(a->output), c.nb,
               c.nb_shots);
    fg_compare_free(&c);
    return ret ? fg_exit_output(ret) : FG_EXIT_OK;
}

int fg_cmd_compare(int argc, char **argv)
{
    Args a = {.o = {.shots = 12, .width = 1280}};
    const int ret = parse(&a, argc, argv);
    if (ret)
        return ret;
    return a.help ? print_help() : run(&a);
}
