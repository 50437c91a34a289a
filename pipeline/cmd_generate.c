/* ffgan: generate. SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <libavutil/parseutils.h>

#include "pipeline/commands.h"
#include "pipeline/device.h"
#include "pipeline/exit.h"
#include "pipeline/generate.h"
#include "pipeline/sequence.h"
#include "pipeline/stop.h"
#include "pipeline/util.h"

enum { MAX_SET = 64, OURS = 16 };

typedef struct Args {
    const char *preset, *frames, *seed, *size, *rate, *loop;
    const char *set[MAX_SET];
    int nb_set, json, verbosity, help, loops, whole_floats;
    FgDevice device;
    FgGenerate g;
} Args;

enum {
    O_SET = 256,
    O_FRAMES,
    O_SEED,
    O_SIZE,
    O_RATE,
    O_LOOP,
    O_JSON,
    O_THREADS,
    O_FRESH,
    O_FLOAT,
    O_CHUNK,
    O_WORKERS,
    O_KEEP,
    O_DEVICE
};

static const struct option options[] = {
    {"output", required_argument, NULL, 'o'},
    {"frames", required_argument, NULL, O_FRAMES},
    {"seed", required_argument, NULL, O_SEED},
    {"size", required_argument, NULL, O_SIZE},
    {"rate", required_argument, NULL, O_RATE},
    {"loop", optional_argument, NULL, O_LOOP},
    {"set", required_argument, NULL, O_SET},
    {"overwrite", no_argument, NULL, 'y'},
    {"fresh", no_argument, NULL, O_FRESH},
    {"float", no_argument, NULL, O_FLOAT},
    {"chunk", required_argument, NULL, O_CHUNK},
    {"workers", required_argument, NULL, O_WORKERS},
    {"keep-job", no_argument, NULL, O_KEEP},
    {"device", required_argument, NULL, O_DEVICE},
    {"threads", required_argument, NULL, O_THREADS},
    {"json", no_argument, NULL, O_JSON},
    {"verbose", no_argument, NULL, 'v'},
    {"quiet", no_argument, NULL, 'q'},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

static int print_help(void)
{
    puts(
        "usage: ffgan generate PRESET -o OUT [--frames A-B] [options]\n"
        "Makes frames with a generator: numbered pictures, or a film. Each\n"
        "frame depends on its number alone, so ranges of frames may be made\n"
        "anywhere; a run that was stopped goes on when the same command comes\n"
        "again.\n\n"
        "  -o, --output OUT      picture pattern such as fire.%05d.exr, or\n"
        "                        a film such as fire.mkv\n"
        "      --frames A-B      which frames (default 1-100)\n"
        "      --seed N          which random numbers\n"
        "      --size WxH        of the picture (default: the model's)\n"
        "      --rate R          frames a second (default 25)\n"
        "      --loop[=N]        repeats after N frames (default: all)\n"
        "      --set KEY=VALUE   parameter of the preset; may be repeated\n"
        "  -y, --overwrite       write over existing outputs\n"
        "      --fresh           do not go on where an earlier run stopped\n"
        "      --chunk N         films: frames in a chunk (default: 240 or "
        "more)\n"
        "      --workers N       films: processes at a time (default 1)\n"
        "      --keep-job        films: keep OUT.ffgan when it is done\n"
        "      --float           EXR: 32-bit floats instead of 16-bit ones\n"
        "      --device D        cpu, cuda, cuda:N, or cuda:all: films, a "
        "worker on each\n"
        "      --threads N       0 = all CPUs (default)\n"
        "      --json            one JSON object a line on stdout\n"
        "  -v, --verbose  -q, --quiet  -h, --help");
    return FG_EXIT_OK;
}

static int usage(const char *what, const char *v, const char *allowed)
{
    return fg_usage_error("generate", "%s '%s' is not %s", what, v, allowed);
}

static int take_frames(Args *a, const char *v)
{
    char *const dash = strchr(v + (*v == '-'), '-');
    char *const first = dash ? strndup(v, (size_t)(dash - v)) : strdup(v);
    int ret = first ? fg_parse_int(first, 0, 1 << 30, &a->g.first) : -ENOMEM;
    a->g.last = a->g.first;
    if (!ret && dash)
        ret = fg_parse_int(dash + 1, 0, 1 << 30, &a->g.last);
    free(first);
    return ret || a->g.last < a->g.first
               ? usage("--frames", v, "A-B, rising numbers from 0 on")
               : 0;
}

static int take_number(const char *what, const char *v, int64_t min,
                       int64_t max)
{
    int64_t n;
    char allowed[64];
    snprintf(allowed, sizeof(allowed), "in %lld..%lld", (long long)min,
             (long long)max);
    return fg_parse_int(v, min, max, &n) < 0 ? usage(what, v, allowed) : 0;
}

static int take_set(Args *a, const char *v)
{
    if (!strchr(v, '=') || *v == '=')
        return usage("--set", v, "KEY=VALUE");
    if (a->nb_set >= MAX_SET - OURS)
        return fg_usage_error("generate", "more than %d --set", MAX_SET - OURS);
    a->set[a->nb_set++] = v;
    return 0;
}

static int take_output(Args *a, const char *v)
{
    free(a->g.job.output);
    a->g.job.output = fg_is_picture_name(v) ? fg_pattern_normal(v) : strdup(v);
    return a->g.job.output ? 0 : FG_EXIT_RETRY;
}

static int take_option(void *arg, int c, const char *v)
{
    Args *const a = arg;
    int w, h;
    switch (c) {
    case 'o':
        return take_output(a, v);
    case O_FRAMES:
        return take_frames(a, v);
    case O_SEED:
        a->seed = v;
        return take_number("--seed", v, 0, INT64_MAX);
    case O_SIZE:
        a->size = v;
        return av_parse_video_size(&w, &h, v) < 0 ? usage("--size", v, "WxH")
                                                  : 0;
    case O_RATE:
        a->rate = v;
        return av_parse_video_rate(&a->g.rate, v) < 0
                   ? usage("--rate", v, "a rate, as 24 or 24000/1001")
                   : 0;
    case O_LOOP:
        a->loop = v;
        a->loops = 1;
        return v ? take_number("--loop", v, 1, 1 << 30) : 0;
    case O_SET:
        return take_set(a, v);
    case O_THREADS:
        a->g.job.threads = atoi(v);
        return take_number("--threads", v, 0, 1024);
    case 'y':
        a->g.job.overwrite = 1;
        return 0;
    case O_FRESH:
        a->g.engine.fresh = 1;
        return 0;
    case O_FLOAT:
        a->whole_floats = 1;
        return 0;
    case O_CHUNK:
        a->g.engine.plan.chunk = atoll(v);
        return take_number("--chunk", v, 1, 1 << 30);
    case O_WORKERS:
        a->g.engine.workers = atoi(v);
        return take_number("--workers", v, 1, 256);
    case O_KEEP:
        a->g.engine.keep = 1;
        return 0;
    case O_DEVICE:
        return fg_device_parse(&a->device, v) < 0
                   ? usage("--device", v, "one of " FG_DEVICE_WORDS)
                   : 0;
    case O_JSON:
        a->json = 1;
        return 0;
    case 'v':
    case 'q':
        a->verbosity = c == 'v' ? 1 : -1;
        return 0;
    default:
        a->help = 1;
        return 0;
    }
}

static int parse(Args *a, int argc, char **argv)
{
    const int ret = fg_take_options("generate", argc, argv, ":o:yvqh", options,
                                    take_option, a);
    if (ret)
        return ret;
    if (a->help)
        return 0;
    if (optind + 1 != argc)
        return fg_usage_error("generate", optind < argc ? "more than one preset"
                                                        : "no preset given");
    a->preset = argv[optind];
    if (!a->g.job.output || !*a->g.job.output)
        return fg_usage_error("generate", "-o is needed");
    a->g.job.pictures_out = fg_is_picture_name(a->g.job.output);
    if (a->whole_floats &&
        strcasecmp(fg_path_ext(a->g.job.output), ".exr") != 0)
        return fg_usage_error("generate", "--float is for .exr, -o is '%s'",
                              fg_show(a->g.job.output));
    if (a->g.job.pictures_out && a->g.last > a->g.first &&
        !fg_is_pattern(a->g.job.output))
        return fg_usage_error("generate",
                              "-o '%s' names one picture, %lld are to be made: "
                              "a pattern such as fire.%%05d.exr is needed",
                              fg_show(a->g.job.output),
                              (long long)(a->g.last - a->g.first + 1));
    return 0;
}

/* ---- the preset ---- */

typedef struct Sets {
    char text[OURS][160];
    const char *all[MAX_SET];
    int nb;
} Sets;

static void add(Sets *s, int i, const char *key, const char *value)
{
    snprintf(s->text[i], sizeof(s->text[i]), "%s=%s", key, value);
    s->all[s->nb++] = s->text[i];
}

static const char *own_codec(const Args *a)
{
    for (int i = a->nb_set - 1; i >= 0; i--)
        if (!strncmp(a->set[i], "codec=", 6))
            return a->set[i] + 6;
    return NULL;
}

/* What the output's name asks for stands before the user's own words, so that
 * these win. Linear light and premultiplied alpha are what EXR means. What an
 * encoder without alpha drops is premultiplied first: a picture over black. */
static int add_kind(Sets *s, const Args *a, FgError *err)
{
    const FgJob *const job = &a->g.job;
    const char *const ext = fg_path_ext(job->output);
    const int exr = !strcasecmp(ext, ".exr");
    const char *const own = own_codec(a);
    const char *codec = own;
    if (job->pictures_out)
        codec = fg_job_picture_encoder(job->output, codec);
    else if (!codec)
        codec = "libx264";
    if (!codec) {
        fg_error(err, 0,
                 "%s: %s does not write that kind of pictures: use .exr, .png, "
                 ".tif, .dpx or .jpg",
                 fg_show(job->output), own ? own : "this ffmpeg");
        return FG_EXIT_CONFIG;
    }
    add(s, 0, "codec", codec);
    add(s, 1, "transfer", exr ? "linear" : "srgb");
    add(s, 2, "alpha_mode",
        exr || !fg_codec_keeps_alpha(codec) ? "premultiplied" : "straight");
    return 0;
}

static int make_sets(Sets *s, const Args *a, int64_t first, int64_t nb,
                     FgError *err)
{
    char number[32];
    s->nb = 0;
    const int ret = add_kind(s, a, err);
    for (int i = 0; i < a->nb_set; i++)
        s->all[s->nb++] = a->set[i];
    snprintf(number, sizeof(number), "%lld", (long long)first);
    add(s, 5, "start", number);
    snprintf(number, sizeof(number), "%lld", (long long)nb);
    add(s, 6, "frames", number);
    if (a->seed)
        add(s, 7, "seed", a->seed);
    if (a->size)
        add(s, 8, "size", a->size);
    if (a->rate)
        add(s, 9, "rate", a->rate);
    snprintf(number, sizeof(number), "%lld",
             (long long)(a->g.last - a->g.first + 1));
    if (a->loops)
        add(s, 10, "loop", a->loop ? a->loop : number);
    return ret;
}

static int add_float(FgPreset *p, FgError *err)
{
    FgPair *const more = realloc(
        p->codec_opts, sizeof(*more) * (size_t)(p->nb_codec_opts + 1));
    if (more)
        p->codec_opts = more;
    char *const key = strdup("format"), *const value = strdup("float");
    if (!more || !key || !value) {
        free(key);
        free(value);
        fg_error(err, 0, "no memory");
        return FG_EXIT_RETRY;
    }
    p->codec_opts[p->nb_codec_opts++] = (FgPair){key, value};
    return 0;
}

static int load(const Args *a, FgJob *job, int64_t first, int64_t nb,
                FgError *err)
{
    Sets s;
    const int ret = make_sets(&s, a, first, nb, err);
    if (ret)
        return ret;
    if (fg_preset_load(&job->preset, a->preset, s.all, s.nb, err) < 0)
        return FG_EXIT_CONFIG;
    if (fg_device_apply(&a->device, job->preset) < 0)
        return FG_EXIT_RETRY;
    if (job->preset->generates)
        return a->whole_floats ? add_float(job->preset, err) : 0;
    fg_error(err, 0,
             "preset '%s': its chain starts with no source such as gansrc: "
             "'ffgan run' takes it and an input",
             a->preset);
    return FG_EXIT_CONFIG;
}

static int load_part(void *arg, FgJob *job, int64_t first, int64_t last,
                     FgError *err)
{
    return load(arg, job, first, last - first + 1, err);
}

static void warn_through(void *arg, const char *text)
{
    fg_report_warn(arg, "%s", text);
}

static int run(Args *a, FgReport *report)
{
    FgError err = {{0}};
    char *identity = NULL;
    fg_stop_init();
    fg_log_set_warn(warn_through, report);
    int ret = load(a, &a->g.job, 0, -1, &err);
    if (!ret && !(identity = strdup(a->g.job.preset->chain)))
        ret = FG_EXIT_RETRY;
    if (!ret)
        ret = fg_device_ready(&a->device, &a->g.job, &a->g.engine, &err);
    a->g.identity = identity;
    a->g.load = load_part;
    a->g.arg = a;
    if (!ret)
        ret = fg_generate_run(&a->g, report, &err);
    if (ret)
        fg_report_error(report, ret, err.text);
    fg_log_set_warn(NULL, NULL);
    free(identity);
    return ret;
}

int fg_cmd_generate(int argc, char **argv)
{
    Args a = {.g = {.first = 1,
                    .last = 100,
                    .rate = {25, 1},
                    .engine = {.plan = {.overlap = -1}, .lock = -1}}};
    FgReport report;
    int ret = parse(&a, argc, argv);
    if (!ret && a.help) {
        ret = fg_stdout_end(print_help());
    } else if (!ret) {
        fg_log_init(a.verbosity);
        fg_report_init(&report, a.json, a.verbosity < 0);
        ret = run(&a, &report);
    }
    fg_job_free(&a.g.job);
    return ret;
}
