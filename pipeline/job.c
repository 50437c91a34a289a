/* ffgan: one job: the checks that need no media library.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>

#include "pipeline/exit.h"
#include "pipeline/job.h"
#include "pipeline/job_plan.h"
#include "pipeline/sequence.h"
#include "pipeline/util.h"

int fg_is_picture_name(const char *path)
{
    static const char *const exts[] = {
        ".png", ".tif", ".tiff", ".dpx", ".exr", ".jpg", ".jpeg", ".webp",
        ".bmp", ".ppm", ".pgm",  ".pam", ".j2k", ".jp2", ".tga",  ".hdr",
        ".sgi", ".pfm", ".qoi",  ".pcx", ".phm", ".jxl"};
    for (size_t i = 0; i < sizeof(exts) / sizeof(exts[0]); i++)
        if (!strcasecmp(fg_path_ext(path), exts[i]))
            return 1;
    return 0;
}

/* A name with %d may well be a film's: "100%d.mp4". */
static int is_picture_output(const char *path)
{
    const AVOutputFormat *const f = av_guess_format(NULL, path, NULL);
    return fg_is_picture_name(path) ||
           (fg_is_pattern(path) && (!f || !strncmp(f->name, "image2", 6)));
}

static int exists(const char *path)
{
    struct stat st;
    return !lstat(path, &st);
}

static int check_input(FgJob *job, FgError *err)
{
    struct stat st;
    if (job->make_nb)
        return 0;
    const int is_file = !stat(job->input, &st);
    const int code = errno;
    job->pictures_in = (!is_file && fg_is_pattern(job->input)) ||
                       fg_is_picture_name(job->input);
    if (is_file || (job->pictures_in && fg_is_pattern(job->input)))
        return 0;
    fg_error(err, 0, "%s: %s", fg_show(job->input), strerror(code));
    return FG_EXIT_NOINPUT;
}

static int container_takes_codec(const char *name, const char *codec)
{
    const AVOutputFormat *const f = av_guess_format(NULL, name, NULL);
    const AVCodec *const c = avcodec_find_encoder_by_name(codec);
    return f && c && avformat_query_codec(f, c->id, FF_COMPLIANCE_NORMAL) > 0;
}

static enum AVCodecID picture_codec(const char *path)
{
    const AVOutputFormat *const image2 = av_guess_format("image2", NULL, NULL);
    return image2 ? av_guess_codec(image2, NULL, fg_path_ext(path), NULL,
                                   AVMEDIA_TYPE_VIDEO)
                  : AV_CODEC_ID_NONE;
}

const char *fg_job_picture_encoder(const char *path, const char *codec)
{
    const enum AVCodecID id = picture_codec(path);
    const AVCodec *const enc = codec ? avcodec_find_encoder_by_name(codec)
                                     : avcodec_find_encoder(id);
    return enc && enc->id == id ? enc->name : NULL;
}

/* One picture: its own extension where the preset writes that kind, else one
 * of the kind that it writes. */
static const char *picture_ext(const FgJob *job)
{
    static const char *const exts[] = {".png", ".tif", ".dpx", ".exr", ".jpg",
                                       ".bmp", ".tga", ".jp2", ".qoi"};
    const AVCodec *const enc = avcodec_find_encoder_by_name(job->preset->codec);
    const char *const own = fg_path_ext(job->input);
    if (enc && picture_codec(own) == enc->id)
        return own + 1;
    for (size_t i = 0; enc && i < sizeof(exts) / sizeof(exts[0]); i++)
        if (picture_codec(exts[i]) == enc->id)
            return exts[i] + 1;
    return own + 1;
}

char *fg_job_extension(const FgJob *job)
{
    static const char *const known[] = {"mp4", "mov", "mkv", "m4v", "webm"};
    const char *const ext = fg_path_ext(job->input);
    const AVOutputFormat *const f = job->preset->container
                                        ? av_guess_format(
                                              job->preset->container, NULL,
                                              NULL)
                                        : NULL;
    if (job->pictures_in)
        return strdup(picture_ext(job));
    if (f && f->extensions)
        return strndup(f->extensions, strcspn(f->extensions, ","));
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        if (*ext && !strcasecmp(ext + 1, known[i]) &&
            container_takes_codec(ext, job->preset->codec))
            return strdup(ext + 1);
    return strdup("mkv");
}

/* IN.ext -> IN-PRESET.ext, beside it. */
static int default_output(FgJob *job, FgError *err)
{
    if (job->pictures_in && fg_is_pattern(job->input)) {
        fg_error(err, 0,
                 "%s: a sequence needs -o with a pattern, as "
                 "'out.%%05d.png'",
                 fg_show(job->input));
        return FG_EXIT_USAGE;
    }
    char *const ext = fg_job_extension(job);
    if (ext)
        job->output = fg_format("%.*s-%s.%s",
                                (int)(fg_path_ext(job->input) - job->input),
                                job->input, job->preset->name, ext);
    free(ext);
    if (job->output)
        return 0;
    fg_error(err, 0, "no memory");
    return FG_EXIT_RETRY;
}

static int check_pictures_out(const FgJob *job, FgError *err)
{
    const AVCodec *const enc = avcodec_find_encoder_by_name(job->preset->codec);
    if (!fg_is_pattern(job->output) &&
        (!job->pictures_in || fg_is_pattern(job->input))) {
        fg_error(err, 0, "%s: many frames need a pattern, as 'out.%%05d%s'",
                 fg_show(job->output), fg_path_ext(job->output));
        return FG_EXIT_USAGE;
    }
    const enum AVCodecID id = picture_codec(job->output);
    if (enc && enc->id == id)
        return 0;
    fg_error(err, 0,
             "%s: preset '%s' encodes %s, the name asks for %s: "
             "choose a preset for it, as --preset sequence-2x",
             fg_show(job->output), job->preset->name,
             enc ? avcodec_get_name(enc->id) : job->preset->codec,
             avcodec_get_name(id));
    return FG_EXIT_CONFIG;
}

static int check_folder(const FgJob *job, FgError *err)
{
    char *const dir = fg_path_dir(job->output);
    struct stat st;
    int ret = 0;
    if (!dir) {
        fg_error(err, 0, "no memory");
        return FG_EXIT_RETRY;
    }
    if (!*fg_path_base(job->output))
        errno = EISDIR;
    if (!*fg_path_base(job->output) || stat(dir, &st) < 0 ||
        access(dir, W_OK | X_OK) < 0) {
        fg_error(err, 0, "%s: cannot be made in %s: %s", fg_show(job->output),
                 fg_show(dir), strerror(errno));
        ret = FG_EXIT_CANTCREAT;
    }
    free(dir);
    return ret;
}

static int check_existing(FgJob *job, FgError *err)
{
    struct stat in, out;
    if (job->pictures_out && fg_is_pattern(job->output)) {
        if (strcmp(job->input, job->output) != 0)
            return 0; /* each number is looked at later */
        fg_error(err, 0, "%s: output and input are the same",
                 fg_show(job->output));
        return FG_EXIT_CANTCREAT;
    }
    if (!exists(job->output))
        return 0;
    if (!stat(job->output, &out)) {
        if (S_ISDIR(out.st_mode)) {
            fg_error(err, 0, "%s: is a folder; name a file in it",
                     fg_show(job->output));
            return FG_EXIT_CANTCREAT;
        }
        if (!job->make_nb && !stat(job->input, &in) &&
            in.st_dev == out.st_dev && in.st_ino == out.st_ino) {
            fg_error(err, 0, "%s: output and input are the same file",
                     fg_show(job->output));
            return FG_EXIT_CANTCREAT;
        }
        if (!S_ISREG(out.st_mode)) {
            fg_error(err, 0, "%s: not a regular file", fg_show(job->output));
            return FG_EXIT_CANTCREAT;
        }
    }
    if (fg_job_plan_was_joined(job->output))
        return -1;
    if (job->overwrite)
        return 0;
    fg_error(err, 0, "%s: exists; -y writes over it", fg_show(job->output));
    return FG_EXIT_CANTCREAT;
}

/* A link stays a link: what it leads to is replaced. */
static void follow_link(FgJob *job)
{
    struct stat st;
    if (lstat(job->output, &st) < 0 || !S_ISLNK(st.st_mode))
        return;
    char *const real = realpath(job->output, NULL);
    if (!real)
        return;
    free(job->output);
    job->output = real;
}

int fg_job_check(FgJob *job, FgError *err)
{
    int ret = check_input(job, err);
    if (!ret && !job->output)
        ret = default_output(job, err);
    if (ret)
        return ret;
    job->pictures_out = is_picture_output(job->output);
    if (!job->pictures_in && job->rate) {
        fg_error(err, 0, "%s: --rate is for pictures, and this is a video",
                 fg_show(job->input));
        return FG_EXIT_USAGE;
    }
    if (job->frames && !(job->pictures_in && fg_is_pattern(job->input))) {
        fg_error(err, 0, "%s: --frames is for sequences of pictures",
                 fg_show(job->input));
        return FG_EXIT_USAGE;
    }
    if (!job->pictures_in && !job->pictures_out && job->start_number >= 0) {
        fg_error(err, 0, "%s: --start-number is for pictures",
                 fg_show(job->input));
        return FG_EXIT_USAGE;
    }
    if (job->pictures_out)
        ret = check_pictures_out(job, err);
    if (ret || job->discard)
        return ret;
    ret = check_existing(job, err);
    if (ret < 0)
        return ret;
    follow_link(job);
    return ret ? ret : check_folder(job, err);
}

void fg_job_free(FgJob *job)
{
    free(job->output);
    free(job->rate);
    free(job->frames);
    fg_preset_free(&job->preset);
    *job = (FgJob){0};
}
