/* ffgan: --dry-run: the plan, and estimates from a short measured sample.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#include <libavutil/pixdesc.h>

#include "pipeline/commands.h"
#include "pipeline/output.h"
#include "pipeline/util.h"

enum { SAMPLE_FRAMES = 12 };
static const double sample_seconds = 8;

typedef struct Estimate {
    double fps, seconds, memory_mb, size_mb;
    int64_t frames;
} Estimate;

/* Streams that are copied add what their rates say. */
static double copied_bytes(const FgRun *run)
{
    const AVFormatContext *const fmt = run->input->fmt;
    double bytes = 0;
    for (unsigned i = 0; fmt && i < fmt->nb_streams; i++)
        if ((int)i != run->input->video &&
            fg_output_wants(run->output, (int)i) && fmt->duration > 0)
            bytes += (double)fmt->streams[i]->codecpar->bit_rate / 8 *
                     (double)fmt->duration / AV_TIME_BASE;
    return bytes;
}

static Estimate estimate(const FgRun *run, double began)
{
    struct rusage u = {0};
    Estimate e = {.frames = run->input->nb_frames};
    const double span = run->last_frame_at - run->first_frame_at;
    const double n = (double)run->filtered;
    getrusage(RUSAGE_SELF, &u);
    e.memory_mb = (double)u.ru_maxrss / 1024;
    if (n > 1 && span > 0)
        e.fps = (n - 1) / span;
    const double out = (double)e.frames * run->rate_ratio;
    if (e.fps > 0)
        e.seconds = run->first_frame_at - began + out / e.fps;
    if (run->encoded > 0)
        e.size_mb = ((double)run->sink_bytes / (double)run->encoded * out +
                     copied_bytes(run)) *
                    1e-6;
    return e;
}

static const char *container(const FgRun *run)
{
    return run->output->format ? run->output->format->name : "pictures";
}

static void print_streams(const FgRun *run)
{
    const AVFormatContext *const fmt = run->input->fmt;
    for (unsigned i = 0; fmt && i < fmt->nb_streams; i++) {
        const AVStream *const st = fmt->streams[i];
        const char *const type = av_get_media_type_string(
            st->codecpar->codec_type);
        const int copied = run->output->map && run->output->map[i] >= 0;
        printf("  stream %u   %s, %s: %s\n", i, type ? type : "data",
               avcodec_get_name(st->codecpar->codec_id),
               (int)i == run->input->video ? "through the chain"
               : copied                    ? "copied"
                                           : "left out");
    }
}

static void print_text(const FgRun *run, const Estimate *e)
{
    const FgJob *const job = run->job;
    const FgPreset *const p = job->preset;
    const FgInput *const in = run->input;
    const char *const fmt_in = av_get_pix_fmt_name(in->dec->pix_fmt);
    const char *const fmt_out = av_get_pix_fmt_name(run->out_fmt);
    printf("input       %s\n", fg_show(job->input));
    printf("            %dx%d %s, %.3f fps, %lld frames\n", in->dec->width,
           in->dec->height, fmt_in ? fmt_in : "?", av_q2d(in->frame_rate),
           (long long)e->frames);
    print_streams(run);
    printf("preset      %s (%s)\n", p->name, p->path ? fg_show(p->path) : "-");
    for (int i = 0; i < p->nb_params; i++)
        printf("            %s = %s\n", p->params[i].key, p->params[i].value);
    printf("-vf         %s%s%s\n", run->deinterlaced ? p->deint : "",
           run->deinterlaced ? "," : "", p->chain);
    printf("output      %s\n", fg_show(job->output));
    printf("            %dx%d %s, %s in %s\n", run->out_w, run->out_h,
           fmt_out ? fmt_out : "?", p->codec, container(run));
    for (int i = 0; i < p->nb_codec_opts; i++)
        printf("            %s = %s\n", p->codec_opts[i].key,
               p->codec_opts[i].value);
    printf("estimate    from %lld frames: %.2f fps, %.0f s in all, about "
           "%.1f MB, %.0f MB of memory\n",
           (long long)run->filtered, e->fps, e->seconds, e->size_mb,
           e->memory_mb);
}

static void print_json(const FgRun *run, const Estimate *e)
{
    const FgPreset *const p = run->job->preset;
    const char *const fmt = av_get_pix_fmt_name(run->out_fmt);
    json_t *const params = json_object();
    for (int i = 0; params && i < p->nb_params; i++)
        json_object_set_new(params, p->params[i].key,
                            fg_json_text(p->params[i].value));
    json_t *const o = json_pack(
        "{s:s,s:o,s:o,s:o,s:o,s:o,s:i,s:i,s:s,s:s,s:s,s:I,s:f,s:f,s:f,s:f}",
        "event", "plan", "input", fg_json_text(run->job->input), "output",
        fg_json_text(run->job->output), "preset", fg_json_text(p->name),
        "params", params, "vf", fg_json_text(p->chain), "width", run->out_w,
        "height", run->out_h, "pix_fmt", fmt ? fmt : "", "encoder", p->codec,
        "container", container(run), "frames", (json_int_t)e->frames, "fps",
        e->fps, "seconds", e->seconds, "megabytes", e->size_mb, "memory_mb",
        e->memory_mb);
    char *const s = o ? json_dumps(o, JSON_COMPACT | JSON_PRESERVE_ORDER) : 0;
    if (s)
        puts(s);
    free(s);
    json_decref(o);
}

int fg_dry_run(FgRun *run, int json)
{
    const FgJob *const asked = run->job;
    FgJob job = *asked;
    const double began = fg_now();
    job.discard = 1;
    job.max_frames = SAMPLE_FRAMES;
    job.max_seconds = sample_seconds;
    run->job = &job;
    const int ret = fg_run_job(run);
    if (!ret) {
        const Estimate e = estimate(run, began);
        if (json)
            print_json(run, &e);
        else
            print_text(run, &e);
    }
    run->job = asked;
    return ret;
}
