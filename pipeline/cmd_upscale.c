/* ffgan: upscale and run.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libavutil/parseutils.h>

#include "pipeline/commands.h"
#include "pipeline/exit.h"
#include "pipeline/stop.h"
#include "pipeline/util.h"

enum { MAX_SET = 64 };

typedef struct Args {
    const char *command, *preset;
    const char *set[MAX_SET];
    int nb_set, json, dry_run, verbosity, help;
    FgJob job;
} Args;

enum {
    O_SET = 256,
    O_DRY,
    O_SAMPLE,
    O_JSON,
    O_THREADS,
    O_ALLOW,
    O_START,
    O_RATE
};

static const struct option options[] = {
    {"output", required_argument, NULL, 'o'},
    {"preset", required_argument, NULL, 'p'},
    {"set", required_argument, NULL, O_SET},
    {"overwrite", no_argument, NULL, 'y'},
    {"sample", required_argument, NULL, O_SAMPLE},
    {"dry-run", no_argument, NULL, O_DRY},
    {"json", no_argument, NULL, O_JSON},
    {"threads", required_argument, NULL, O_THREADS},
    {"allow-errors", no_argument, NULL, O_ALLOW},
    {"start-number", required_argument, NULL, O_START},
    {"rate", required_argument, NULL, O_RATE},
    {"verbose", no_argument, NULL, 'v'},
    {"quiet", no_argument, NULL, 'q'},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

static const char help_options[] =
    "  -o, --output OUT      file, or picture pattern such as out.%05d.png\n"
    "                        (default: IN-PRESET.ext beside IN)\n"
    "  -p, --preset NAME     preset by name or path ('ffgan preset list')\n"
    "      --set KEY=VALUE   parameter of the preset; may be repeated\n"
    "  -y, --overwrite       write over an existing output\n"
    "      --sample LEN@FROM only a part, as 5s@01:10\n"
    "      --dry-run         plan and estimates; writes nothing\n"
    "      --threads N       0 = all CPUs (default)\n"
    "      --allow-errors    go on with damaged or cut input\n"
    "      --rate R          pictures: frames a second (default 25)\n"
    "      --start-number N  pictures: first number\n"
    "      --json            one JSON object a line on stdout\n"
    "  -v, --verbose  -q, --quiet  -h, --help\n";

static int print_help(const char *command)
{
    if (!strcmp(command, "run"))
        puts("usage: ffgan run [options] PRESET IN [-o OUT]\n"
             "Runs a preset over a video or a sequence of pictures.\n");
    else
        puts("usage: ffgan upscale [options] IN [-o OUT]\n"
             "Enlarges a video or a sequence of pictures. Sound, subtitles,\n"
             "chapters and the rest are copied.\n");
    fputs(help_options, stdout);
    return FG_EXIT_OK;
}

static int parse_sample(FgJob *job, const char *text)
{
    const char *const at = strchr(text, '@');
    char *const len = strndup(text, at ? (size_t)(at - text) : strlen(text));
    int ret = len ? fg_parse_time(len, &job->len_s) : -ENOMEM;
    free(len);
    if (!ret && at)
        ret = fg_parse_time(at + 1, &job->from_s);
    return ret < 0 || job->len_s <= 0 ? -EINVAL : 0;
}

static int replace(char **to, const char *text)
{
    free(*to);
    *to = strdup(text);
    return *to ? 0 : FG_EXIT_RETRY;
}

static int number_option(Args *a, int c, const char *v)
{
    int64_t n;
    if (fg_parse_int(v, 0, c == O_THREADS ? 1024 : 1000000000, &n) < 0)
        return fg_usage_error(a->command, "%s '%s' is not in 0..%d",
                              c == O_THREADS ? "--threads" : "--start-number",
                              v, c == O_THREADS ? 1024 : 1000000000);
    if (c == O_THREADS)
        a->job.threads = (int)n;
    else
        a->job.start_number = n;
    return 0;
}

static int rate_option(Args *a, const char *v)
{
    AVRational rate;
    if (av_parse_video_rate(&rate, v) < 0)
        return fg_usage_error(
            a->command, "--rate '%s' is not a rate, as 24 or 24000/1001", v);
    return replace(&a->job.rate, v);
}

static int add_set(Args *a, const char *v)
{
    if (!strchr(v, '=') || *v == '=')
        return fg_usage_error(a->command, "--set '%s' is not KEY=VALUE", v);
    if (a->nb_set == MAX_SET)
        return fg_usage_error(a->command, "more than %d --set", MAX_SET);
    a->set[a->nb_set++] = v;
    return 0;
}

static int take_option(Args *a, int c, const char *v)
{
    switch (c) {
    case 'o':
        return *v ? replace(&a->job.output, v)
                  : fg_usage_error(a->command, "-o is empty");
    case 'p':
        a->preset = v;
        return 0;
    case O_SET:
        return add_set(a, v);
    case 'y':
        a->job.overwrite = 1;
        return 0;
    case O_SAMPLE:
        return !parse_sample(&a->job, v)
                   ? 0
                   : fg_usage_error(
                         a->command,
                         "--sample '%s' is not LEN@FROM, as 5s@01:10", v);
    case O_DRY:
        a->dry_run = 1;
        return 0;
    case O_JSON:
        a->json = 1;
        return 0;
    case O_THREADS:
    case O_START:
        return number_option(a, c, v);
    case O_ALLOW:
        a->job.allow_errors = 1;
        return 0;
    case O_RATE:
        return rate_option(a, v);
    case 'v':
        a->verbosity = 1;
        return 0;
    case 'q':
        a->verbosity = -1;
        return 0;
    default:
        a->help = 1;
        return 0;
    }
}

/* word: the last one that getopt was at; letters may stand several in one. */
static int bad_option(const Args *a, int c, const char *word)
{
    char letter[3] = {'-', (char)optopt, 0};
    const int is_letter = optopt > 32 && optopt < 127 && strncmp(word, "--", 2);
    const char *const what = is_letter ? letter : fg_show(word);
    return c == ':' ? fg_usage_error(a->command, "%s needs a value", what)
                    : fg_usage_error(a->command, "no option '%s'", what);
}

static int parse(Args *a, int argc, char **argv)
{
    int c;
    opterr = 0;
    optind = 1;
    while ((c = getopt_long(argc, argv, ":o:p:yvqh", options, NULL)) != -1) {
        if (c == '?' || c == ':')
            return bad_option(a, c, argv[optind - 1]);
        const int ret = take_option(a, c, optarg);
        if (ret)
            return ret;
    }
    if (a->help)
        return 0;
    const int is_run = !strcmp(a->command, "run");
    if (is_run && optind < argc)
        a->preset = argv[optind++];
    if (argc - optind != 1)
        return fg_usage_error(a->command, argc > optind ? "more than one input"
                                                        : "no input given");
    a->job.input = argv[optind];
    if (!*a->job.input || !strcmp(a->job.input, "-"))
        return fg_usage_error(a->command, "the input is a file's name; pipes "
                                          "cannot be read");
    return 0;
}

static const char *default_preset(const FgJob *job)
{
    const char *const name = job->output ? job->output : job->input;
    return fg_is_picture_name(name) ? "sequence-2x" : FG_PRESET_DEFAULT;
}

static void warn_through(void *arg, const char *text)
{
    fg_report_warn(arg, "%s", text);
}

static int run_job(Args *a, FgReport *report)
{
    FgError err = {{0}};
    FgRun run = {.job = &a->job, .report = report};
    const char *const name = a->preset ? a->preset : default_preset(&a->job);
    int ret = fg_preset_load(&a->job.preset, name, a->set, a->nb_set, &err);
    if (ret < 0)
        return fg_report_error(report, FG_EXIT_CONFIG, err.text);
    a->job.discard = a->dry_run;
    ret = fg_job_check(&a->job, &err);
    if (ret)
        return fg_report_error(report, ret, err.text);
    fg_stop_init();
    fg_log_set_warn(warn_through, report);
    ret = a->dry_run ? fg_dry_run(&run, a->json) : fg_run_job(&run);
    fg_log_set_warn(NULL, NULL);
    if (ret)
        fg_report_error(report, ret, run.err.text);
    fg_run_free(&run);
    return a->dry_run ? fg_stdout_end(ret) : ret;
}

int fg_cmd_run(int argc, char **argv)
{
    Args a = {.command = argv[0], .job = {.start_number = -1}};
    FgReport report;
    int ret = parse(&a, argc, argv);
    if (!ret && a.help) {
        ret = fg_stdout_end(print_help(a.command));
    } else if (!ret) {
        fg_log_init(a.verbosity);
        fg_report_init(&report, a.json, a.verbosity < 0);
        ret = run_job(&a, &report);
    }
    fg_job_free(&a.job);
    return ret;
}

int fg_cmd_upscale(int argc, char **argv)
{
    return fg_cmd_run(argc, argv);
}
