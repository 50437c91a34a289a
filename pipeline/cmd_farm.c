/* ffgan: farm: submit, status, retry, cancel.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pipeline/commands.h"
#include "pipeline/exit.h"
#include "pipeline/farm.h"
#include "pipeline/stop.h"

static int print_help(FILE *f)
{
    fputs("usage: ffgan farm submit PRESET IN... --engine E [options]\n"
          "       ffgan farm status JOB... [--json] [--watch] [--rate MONEY]\n"
          "                                [--lines N]\n"
          "       ffgan farm retry JOB...\n"
          "       ffgan farm cancel JOB...\n"
          "Hands the chunks of a job to a render farm, and looks at it. JOB is "
          "the\nfolder OUT.ffgan. 'ffgan farm submit --help' lists its options."
          "\n\nengines:\n",
          f);
    for (int i = 0; fg_farm_engine_at(i); i++)
        fprintf(f, "  %-10s%s\n", fg_farm_engine_at(i)->name,
                fg_farm_engine_at(i)->help);
    return f == stdout ? FG_EXIT_OK : FG_EXIT_USAGE;
}

enum { O_JSON = 256, O_WATCH, O_RATE, O_LINES };
static const struct option options[] = {
    {"json", no_argument, NULL, O_JSON},
    {"watch", no_argument, NULL, O_WATCH},
    {"rate", required_argument, NULL, O_RATE},
    {"lines", required_argument, NULL, O_LINES},
    {"quiet", no_argument, NULL, 'q'},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

typedef struct Args {
    FgFarmLook look;
    int quiet, help;
} Args;

static int take_option(void *arg, int c, const char *v)
{
    Args *const a = arg;
    char *end;
    int64_t n;
    switch (c) {
    case O_JSON:
        a->look.json = 1;
        return 0;
    case O_WATCH:
        a->look.watch = 1;
        return 0;
    case O_LINES:
        if (fg_parse_int(v, 0, 1000, &n) < 0)
            return fg_usage_error("farm", "--lines '%s' is not in 0..1000", v);
        a->look.lines = (int)n;
        return 0;
    case O_RATE:
        a->look.rate = strtod(v, &end);
        return !*v || *end || !(a->look.rate >= 0 && a->look.rate < 1e9)
                   ? fg_usage_error("farm", "--rate '%s' is not money an hour",
                                    v)
                   : 0;
    case 'q':
        a->quiet = 1;
        return 0;
    default:
        a->help = 1;
        return 0;
    }
}

static int parse(Args *a, int argc, char **argv)
{
    const int ret = fg_take_options("farm", argc, argv, ":qh", options,
                                    take_option, a);
    if (ret)
        return ret;
    return a->help || optind < argc ? 0
                                    : fg_usage_error("farm", "no job given");
}

static int one_job(const Args *a, const char *command, const char *word,
                   FgReport *report)
{
    FgError err = {{0}};
    char *const folder = fg_path_from_url(word);
    int ret = FG_EXIT_USAGE;
    if (!folder)
        fg_error(&err, 0, "%s: not a file:// URL", fg_show(word));
    else if (!strcmp(command, "status"))
        ret = fg_farm_status(folder, &a->look, &err);
    else if (!strcmp(command, "retry"))
        ret = fg_farm_retry(folder, report, &err);
    else
        ret = fg_farm_cancel(folder, report, &err);
    free(folder);
    return ret ? fg_report_error(report, ret, err.text) : 0;
}

static int on_jobs(int argc, char **argv)
{
    Args a = {.look = {.lines = 3}};
    FgReport report;
    int ret = parse(&a, argc, argv);
    if (ret || a.help)
        return ret ? ret : print_help(stdout);
    fg_report_init(&report, a.look.json, a.quiet);
    fg_stop_init();
    for (int i = optind; i < argc; i++) {
        const int one = one_job(&a, argv[0], argv[i], &report);
        ret = ret ? ret : one;
    }
    return ret;
}

int fg_cmd_farm(int argc, char **argv)
{
    const char *const command = argc > 1 ? argv[1] : "";
    if (!strcmp(command, "-h") || !strcmp(command, "--help"))
        return print_help(stdout);
    if (!strcmp(command, "submit")) {
        argv[1] = "farm submit";
        return fg_cmd_run(argc - 1, argv + 1);
    }
    if (!strcmp(command, "status") || !strcmp(command, "retry") ||
        !strcmp(command, "cancel"))
        return on_jobs(argc - 1, argv + 1);
    if (*command)
        fprintf(stderr, "ffgan: farm: no command '%s'\n", fg_show(command));
    return print_help(stderr);
}
