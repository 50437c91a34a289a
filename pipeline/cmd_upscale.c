/* ffgan: upscale and run.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include <libavutil/parseutils.h>

#include "pipeline/batch.h"
#include "pipeline/commands.h"
#include "pipeline/device.h"
#include "pipeline/engine.h"
#include "pipeline/exit.h"
#include "pipeline/fields.h"
#include "pipeline/farm.h"
#include "pipeline/stop.h"
#include "pipeline/target.h"
#include "pipeline/util.h"

enum { MAX_SET = 64 };

typedef struct Args {
    const char *command, *preset;
    const char *set[MAX_SET];
    int nb_set, json, dry_run, verbosity, help;
    const char *out_dir, *name; /* of many outputs */
    const char *size;
    FgTarget target;
    FgDevice device;
    char **input; /* argv's */
    int nb_inputs;
    FgEngine engine;
    FgJob job;
    FgFarm farm; /* farm submit */
} Args;

enum {
    O_SET = 256,
    O_DRY,
    O_SAMPLE,
    O_JSON,
    O_THREADS,
    O_ALLOW,
    O_START,
    O_RATE,
    O_CHUNK,
    O_WORKERS,
    O_FRESH,
    O_KEEP,
    O_OVERLAP,
    O_SEAMS,
    O_DIR,
    O_NAME,
    O_FRAMES,
    O_SIZE,
    O_DEVICE,
    O_FARM /* and the rows of farm_options behind it */
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
    {"chunk", required_argument, NULL, O_CHUNK},
    {"workers", required_argument, NULL, O_WORKERS},
    {"fresh", no_argument, NULL, O_FRESH},
    {"keep-job", no_argument, NULL, O_KEEP},
    {"overlap", required_argument, NULL, O_OVERLAP},
    {"allow-seams", no_argument, NULL, O_SEAMS},
    {"out-dir", required_argument, NULL, O_DIR},
    {"name", required_argument, NULL, O_NAME},
    {"frames", required_argument, NULL, O_FRAMES},
    {"size", required_argument, NULL, O_SIZE},
    {"device", required_argument, NULL, O_DEVICE},
    {"verbose", no_argument, NULL, 'v'},
    {"quiet", no_argument, NULL, 'q'},
    {"help", no_argument, NULL, 'h'},
    {"engine", required_argument, NULL, O_FARM},
    {"program", required_argument, NULL, O_FARM + 1},
    {"queue", required_argument, NULL, O_FARM + 2},
    {"image", required_argument, NULL, O_FARM + 3},
    {"volume", required_argument, NULL, O_FARM + 4},
    {"engine-arg", required_argument, NULL, O_FARM + 5},
    {"gpus", required_argument, NULL, O_FARM + 6},
    {"cpus", required_argument, NULL, O_FARM + 7},
    {"max-tries", required_argument, NULL, O_FARM + 8},
    {"max-running", required_argument, NULL, O_FARM + 9},
    {"grace", required_argument, NULL, O_FARM + 10},
    {"chunk-minutes", required_argument, NULL, O_FARM + 11},
    {"node-fps", required_argument, NULL, O_FARM + 12},
    {"only-missing", no_argument, NULL, O_FARM + 13},
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
    "      --device D        cpu, cuda, cuda:N, or cuda:all: a worker on each\n"
    "      --threads N       0 = all CPUs (default)\n"
    "      --allow-errors    go on with damaged or cut input\n"
    "      --rate R          pictures: frames a second (default 25)\n"
    "      --start-number N  pictures: first number\n"
    "      --frames LIST     pictures: which numbers, as 1-100x2,150\n"
    "      --size WxH        the output's size; xH or Wx keeps the shape\n"
    "      --out-dir DIR     many inputs or folders: where outputs go; those\n"
    "                        that are there are passed over\n"
    "      --name TEMPLATE   their names: {stem}, {preset}, {ext}\n"
    "                        (default {stem}-{preset}.{ext})\n"
    "      --workers N       processes at a time (default 1)\n"
    "      --chunk FRAMES    frames that are done at once (default: a minute)\n"
    "      --fresh           do not go on where an earlier run stopped\n"
    "      --keep-job        keep OUT.ffgan, the folder of what was done\n"
    "      --overlap FRAMES  what filters look at around each chunk\n"
    "      --allow-seams     cut chains that remember earlier frames, too\n"
    "      --json            one JSON object a line on stdout\n"
    "  -v, --verbose  -q, --quiet  -h, --help\n";

static const char help_farm[] =
    "  what 'farm submit' adds:\n"
    "      --engine E        slurm openjd k8s commands local\n"
    "      --chunk N|auto    frames of a chunk; auto (default) measures\n"
    "      --chunk-minutes M auto: how long a chunk should take (default 10)\n"
    "      --node-fps F      auto: a node's speed, where this machine is none\n"
    "      --gpus N  --cpus N  of each task\n"
    "      --max-tries N     of each chunk (default 3)\n"
    "      --max-running N   tasks at a time\n"
    "      --grace SECONDS   that this farm leaves between SIGTERM and "
    "SIGKILL\n"
    "      --queue NAME      partition or namespace\n"
    "      --program PATH    ffgan on the nodes (default: this one's path)\n"
    "      --image NAME  --volume CLAIM:/PATH    k8s\n"
    "      --engine-arg WORD a word for sbatch; may be repeated\n"
    "      --only-missing    what is missing of a job that was submitted\n"
    "      --dry-run         prints exactly what would be submitted\n";

static int print_help(const char *command)
{
    if (!strcmp(command, "farm submit"))
        puts("usage: ffgan farm submit PRESET IN... --engine E "
             "[-o OUT | --out-dir DIR]\n"
             "Plans jobs in chunks and hands them to a render farm.\n");
    else if (!strcmp(command, "plan"))
        puts("usage: ffgan plan [options] PRESET IN -o OUT\n"
             "Lists the frames of a video, cuts them into chunks, and writes\n"
             "OUT.ffgan for 'ffgan worker' and 'ffgan assemble'.\n");
    else if (!strcmp(command, "run"))
        puts(
            "usage: ffgan run [options] PRESET IN... [-o OUT | --out-dir DIR]\n"
            "Runs a preset over a video or a sequence of pictures.\n");
    else
        puts("usage: ffgan upscale [options] IN... [-o OUT | --out-dir DIR]\n"
             "Enlarges a video or a sequence of pictures. Sound, subtitles,\n"
             "chapters and the rest are copied. A run that was stopped goes\n"
             "on when the same command comes again.\n");
    fputs(help_options, stdout);
    if (!strcmp(command, "farm submit"))
        fputs(help_farm, stdout);
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

static int no_memory(void)
{
    fputs("ffgan: no memory\n", stderr);
    return FG_EXIT_RETRY;
}

static int replace(char **to, const char *text)
{
    free(*to);
    *to = strdup(text);
    return *to ? 0 : no_memory();
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

static int whole_number(const Args *a, const char *name, const char *v,
                        int64_t min, int64_t max, int64_t *n)
{
    const size_t len = strlen(v);
    char *const digits = strndup(v, len && v[len - 1] == 'f' ? len - 1 : len);
    const int ret = digits ? fg_parse_int(digits, min, max, n) : -ENOMEM;
    free(digits);
    if (ret == -ENOMEM)
        return no_memory();
    return ret < 0 ? fg_usage_error(a->command, "%s '%s' is not in %lld..%lld",
                                    name, v, (long long)min, (long long)max)
                   : 0;
}

static int chunk_option(Args *a, int c, const char *v)
{
    int64_t n = 0;
    int ret = 0;
    if (c == O_CHUNK && !strcmp(v, "auto")) {
        a->engine.plan.chunk = 0;
    } else if (c == O_CHUNK) {
        ret = whole_number(a, "--chunk", v, 1, 100000000,
                           &a->engine.plan.chunk);
    } else if (c == O_WORKERS) {
        ret = whole_number(a, "--workers", v, 1, 256, &n);
        a->engine.workers = (int)n;
    } else {
        ret = whole_number(a, "--overlap", v, 0, 10000, &n);
        a->engine.plan.overlap = (int)n;
    }
    return ret;
}

static int farm_count(Args *a, const char *name, const char *v, int max,
                      int *to)
{
    int64_t n = 0;
    const int ret = whole_number(a, name, v, 0, max, &n);
    *to = (int)n;
    return ret;
}

static int farm_positive(const Args *a, const char *name, const char *v,
                         double max, double *to)
{
    char *end;
    *to = strtod(v, &end);
    return !*v || *end || !(*to > 0 && *to <= max)
               ? fg_usage_error(a->command, "%s '%s' is not above 0, up to %g",
                                name, v, max)
               : 0;
}

static int farm_engine(Args *a, const char *v)
{
    a->farm.engine = v;
    return fg_farm_engine(v) ? 0
                             : fg_usage_error(a->command,
                                              "--engine '%s': slurm, openjd, "
                                              "k8s, commands, local",
                                              v);
}

static int farm_option(Args *a, int c, const char *v)
{
    FgFarm *const f = &a->farm;
    const char **const words[] = {&f->program, &f->queue, &f->image,
                                  &f->volume};
    if (strcmp(a->command, "farm submit") != 0)
        return fg_usage_error(a->command,
                              "that option belongs to 'ffgan farm submit'");
    switch (c - O_FARM) {
    case 0:
        return farm_engine(a, v);
    case 1:
    case 2:
    case 3:
    case 4:
        *words[c - O_FARM - 1] = v;
        return 0;
    case 5:
        if (f->nb_args == FG_FARM_ARGS)
            return fg_usage_error(a->command, "more than %d --engine-arg",
                                  FG_FARM_ARGS);
        f->arg[f->nb_args++] = v;
        return 0;
    case 6:
        return farm_count(a, "--gpus", v, 64, &f->gpus);
    case 7:
        return farm_count(a, "--cpus", v, 1024, &f->cpus);
    case 8:
        return farm_count(a, "--max-tries", v, 1000, &f->max_tries);
    case 9:
        return farm_count(a, "--max-running", v, 1000000, &f->max_running);
    case 10:
        return farm_count(a, "--grace", v, 86400, &f->grace_s);
    case 11:
        return farm_positive(a, "--chunk-minutes", v, 1440, &f->chunk_min);
    case 12:
        return farm_positive(a, "--node-fps", v, 1e6, &f->node_fps);
    default:
        f->only_missing = 1;
        return 0;
    }
}

/* Which of several GPUs is each task's own business. */
static int device_option(Args *a, const char *v)
{
    const int plans = !strcmp(a->command, "plan") ||
                      !strcmp(a->command, "farm submit");
    const int bad = fg_device_parse(&a->device, v) < 0;
    if (!bad && !(plans && (a->device.gpu || a->device.all)))
        return 0;
    return fg_usage_error(a->command, "--device '%s' is not one of %s", v,
                          plans ? "auto, cpu, cuda" : FG_DEVICE_WORDS);
}

static int take_option(Args *a, int c, const char *v)
{
    if (c >= O_FARM)
        return farm_option(a, c, v);
    switch (c) {
    case O_CHUNK:
    case O_WORKERS:
    case O_OVERLAP:
        return chunk_option(a, c, v);
    case O_FRESH:
        a->engine.fresh = 1;
        return 0;
    case O_KEEP:
        a->engine.keep = 1;
        return 0;
    case O_SEAMS:
        a->engine.plan.allow_seams = 1;
        return 0;
    case O_DIR:
        a->out_dir = v;
        return 0;
    case O_NAME:
        a->name = v;
        return 0;
    case O_FRAMES:
        return replace(&a->job.frames, v);
    case O_DEVICE:
        return device_option(a, v);
    case O_SIZE:
        a->size = v;
        return fg_target_parse(v, &a->target) < 0
                   ? fg_usage_error(a->command,
                                    "--size '%s' is not WxH, xH or Wx, of 2 to "
                                    "32768",
                                    v)
                   : 0;
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

/* What the engine has no use for is refused, not passed over. */
static int check_farm(const Args *a)
{
    const FgFarm *const f = &a->farm;
    const struct {
        int given;
        unsigned takes;
        const char *name;
    } all[] = {
        {f->queue != NULL, FG_TAKES_QUEUE, "--queue"},
        {f->image != NULL, FG_TAKES_IMAGE, "--image"},
        {f->volume != NULL, FG_TAKES_IMAGE, "--volume"},
        {f->nb_args > 0, FG_TAKES_ARGS, "--engine-arg"},
        {f->gpus > 0, FG_TAKES_SIZE, "--gpus"},
        {f->cpus > 0, FG_TAKES_SIZE, "--cpus"},
        {f->max_running > 0, FG_TAKES_RUNNING, "--max-running"},
        {f->program != NULL, FG_TAKES_TASK, "--program"},
        {f->max_tries >= 0, FG_TAKES_TASK, "--max-tries"},
        {f->grace_s > 0, FG_TAKES_TASK, "--grace"},
        {a->engine.workers > 0, FG_TAKES_WORKERS, "--workers"},
    };
    if (!f->engine)
        return fg_usage_error(a->command, "--engine is needed: slurm, openjd, "
                                          "k8s, commands, local");
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
        if (all[i].given && !(fg_farm_engine(f->engine)->takes & all[i].takes))
            return fg_usage_error(a->command, "%s means nothing to engine %s",
                                  all[i].name, f->engine);
    return 0;
}

static int check_words(Args *a)
{
    const int many = a->nb_inputs > 1 || a->out_dir || a->name;
    if (!a->nb_inputs)
        return fg_usage_error(a->command, "no input given");
    for (int i = 0; i < a->nb_inputs; i++)
        if (!*a->input[i] || !strcmp(a->input[i], "-"))
            return fg_usage_error(
                a->command, "the input is a file's name; pipes cannot be read");
    const int farm = !strcmp(a->command, "farm submit");
    if (a->nb_inputs > 1 &&
        (a->job.output || (a->dry_run && !farm) || !strcmp(a->command, "plan")))
        return fg_usage_error(a->command, "more than one input: use --out-dir");
    if (many && a->job.output)
        return fg_usage_error(a->command, "-o is for one output, --out-dir and "
                                          "--name for many");
    if (!strcmp(a->command, "plan") && !a->job.output)
        return fg_usage_error(a->command, "-o is needed");
    const int bad = farm ? check_farm(a) : 0;
    if (bad)
        return bad;
    a->job.input = a->input[0];
    return 0;
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
    if (strcmp(a->command, "upscale") != 0 && optind < argc)
        a->preset = argv[optind++];
    a->input = argv + optind;
    a->nb_inputs = argc - optind;
    return check_words(a);
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

static int dry_run(Args *a, FgReport *report, FgError *err)
{
    FgRun run = {.job = &a->job, .report = report};
    a->job.discard = 1;
    int ret = fg_job_check(&a->job, err);
    if (!ret)
        ret = fg_fields_resolve(&a->job, report, err);
    if (ret)
        return ret;
    ret = fg_dry_run(&run, a->json);
    if (ret)
        fg_error(err, 0, "%s", run.err.text);
    fg_run_free(&run);
    return ret;
}

/* The text for people; the plan itself is in the folder. */
static int plan_only(Args *a, FgReport *report, FgError *err)
{
    FgJobPlan *p = NULL;
    int ret = fg_job_check(&a->job, err);
    if (!ret)
        ret = fg_fields_resolve(&a->job, report, err);
    if (!ret)
        ret = fg_job_plan_make(&p, &a->job, &a->engine.plan, report, err);
    if (!ret)
        ret = fg_job_plan_write(p, err);
    if (!ret && a->json)
        printf("{\"event\":\"plan\",\"chunks\":%lld,\"frames\":%lld,"
               "\"chunk\":%lld}\n",
               (long long)p->nb_chunks, (long long)fg_index_out(&p->index).nb,
               (long long)p->chunk);
    else if (!ret)
        printf("%s: %lld frames in %lld chunks of %lld\n", fg_show(p->folder),
               (long long)fg_index_out(&p->index).nb, (long long)p->nb_chunks,
               (long long)p->chunk);
    fg_job_plan_free(&p);
    return ret == 1 ? FG_EXIT_CONFIG : ret;
}

/* "####" and the like, where no such file is there. */
static int normal_patterns(FgJob *job, char **input)
{
    struct stat st;
    if (!job->input)
        return FG_EXIT_USAGE;
    *input = stat(job->input, &st) < 0 ? fg_pattern_normal(job->input)
                                       : strdup(job->input);
    char *const out = job->output && fg_is_picture_name(job->output)
                          ? fg_pattern_normal(job->output)
                          : NULL;
    if (out) {
        free(job->output);
        job->output = out;
    }
    job->input = *input;
    return *input ? 0 : FG_EXIT_RETRY;
}

/* The default preset for pictures writes what the output's name says. 1: that
 * stands behind the user's own settings. */
static int own_codec(Args *a, const char *preset)
{
    static const char *const kinds[][2] = {{".exr", "codec=exr"},
                                           {".dpx", "codec=dpx"},
                                           {".tif", "codec=tiff"},
                                           {".tiff", "codec=tiff"}};
    const char *const name = a->job.output ? a->job.output : a->job.input;
    if (a->preset || strcmp(preset, "sequence-2x") != 0 || a->nb_set == MAX_SET)
        return 0;
    for (int i = 0; i < a->nb_set; i++)
        if (!strncmp(a->set[i], "codec=", 6))
            return 0;
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        if (!strcasecmp(fg_path_ext(name), kinds[i][0])) {
            a->set[a->nb_set] = kinds[i][1];
            return 1;
        }
    return 0;
}

/* With a size to reach, the network goes by how much there is to enlarge. */
static int load_preset(Args *a, FgError *err)
{
    FgJob *const job = &a->job;
    const char *name = a->preset ? a->preset : default_preset(job);
    FgSize s = {0};
    if (a->size) {
        const int ret = fg_target_size(&s, &a->target, job, err);
        if (ret)
            return ret;
        if (!a->preset && !strcmp(name, FG_PRESET_DEFAULT) && s.factor > 2.02)
            name = "upscale-4x";
    }
    const int nb = a->nb_set + own_codec(a, name);
    const int bad = fg_preset_load(&job->preset, name, a->set, nb, err);
    if (bad)
        return bad == -ENOMEM ? FG_EXIT_RETRY : FG_EXIT_CONFIG;
    if (job->preset->generates) {
        fg_error(err, 0,
                 "preset '%s' makes pictures of its own: 'ffgan generate' "
                 "takes it",
                 name);
        return FG_EXIT_CONFIG;
    }
    if (a->size && job->preset->square) {
        s.square = 1;
        const int ret = fg_target_size(&s, &a->target, job, err);
        if (ret)
            return ret;
    }
    if (a->size && fg_target_apply(job->preset, &s) < 0)
        return FG_EXIT_RETRY;
    return fg_device_apply(&a->device, job->preset) < 0 ? FG_EXIT_RETRY : 0;
}

static int submit(Args *a, FgReport *report, FgError *err)
{
    a->farm.dry_run = a->dry_run;
    a->farm.chunk_auto = 1;
    if (a->farm.max_tries < 0)
        a->farm.max_tries = 3;
    a->farm.workers = a->engine.workers;
    return fg_farm_submit(&a->farm, &a->job, &a->engine.plan, report, err);
}

static int run_ready(Args *a, FgReport *report, FgError *err)
{
    const int ret = load_preset(a, err);
    if (ret)
        return ret;
    if (!strcmp(a->command, "farm submit"))
        return submit(a, report, err);
    const int none = fg_device_ready(&a->device, &a->job, &a->engine, err);
    if (none)
        return none;
    if (a->dry_run)
        return dry_run(a, report, err);
    if (!strcmp(a->command, "plan"))
        return plan_only(a, report, err);
    return fg_engine_run(&a->engine, &a->job, report, err);
}

/* One input; a->job is used up. */
static int run_one(Args *a, FgReport *report, FgError *err)
{
    char *input = NULL;
    int ret = normal_patterns(&a->job, &input);
    if (ret)
        fg_error(err, 0, "no memory");
    else
        ret = run_ready(a, report, err);
    free(input);
    return ret;
}

static int run_of_many(void *arg, const char *input, const char *output,
                       FgReport *report, FgError *err)
{
    Args one = *(const Args *)arg;
    one.job.input = input;
    one.job.output = strdup(output);
    one.job.rate = one.job.rate ? strdup(one.job.rate) : NULL;
    one.job.frames = one.job.frames ? strdup(one.job.frames) : NULL;
    const int ret = run_one(&one, report, err);
    fg_job_free(&one.job);
    return ret;
}

static char *extension(void *arg, const char *input, FgError *err)
{
    const Args *const a = arg;
    FgJob job = {.input = input, .pictures_in = fg_is_picture_name(input)};
    const char *const name = a->preset ? a->preset : default_preset(&job);
    if (fg_preset_load(&job.preset, name, a->set, a->nb_set, err) < 0)
        return NULL;
    char *const ext = fg_job_extension(&job);
    if (!ext)
        fg_error(err, 0, "no memory");
    fg_job_free(&job);
    return ext;
}

static int run_many(Args *a, FgReport *report)
{
    const FgBatch b = {
        .input = a->input,
        .nb = a->nb_inputs,
        .out_dir = a->out_dir,
        .name = a->name ? a->name : "{stem}-{preset}.{ext}",
        .preset = a->preset ? fg_path_base(a->preset) : NULL,
        .overwrite = a->job.overwrite,
        .run = run_of_many,
        .extension = extension,
        .arg = a,
    };
    return fg_batch_run(&b, report);
}

static int run_job(Args *a, FgReport *report)
{
    FgError err = {{0}};
    int ret;
    fg_stop_init();
    fg_log_set_warn(warn_through, report);
    if (a->nb_inputs > 1 || a->out_dir || a->name) {
        ret = run_many(a, report);
    } else {
        ret = run_one(a, report, &err);
        if (ret)
            fg_report_error(report, ret, err.text);
    }
    fg_log_set_warn(NULL, NULL);
    return a->dry_run || !strcmp(a->command, "plan") ? fg_stdout_end(ret) : ret;
}

int fg_cmd_run(int argc, char **argv)
{
    Args a = {.command = argv[0],
              .job = {.start_number = -1},
              .engine = {.plan = {.overlap = -1}, .lock = -1},
              .farm = {.max_tries = -1, .chunk_min = 10}};
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
