/* ffgan: doctor: is this machine and installation fit?
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <libavcodec/avcodec.h>
#include <libavfilter/avfilter.h>

#include "kernels/cpu.h"
#include "kernels/cuda.h"
#include "kernels/model.h"
#include "kernels/pool.h"
#include "pipeline/commands.h"
#include "pipeline/exit.h"
#include "pipeline/util.h"

typedef struct Doctor {
    int failed, warned;
    int models, bad_models;
} Doctor;

enum { OK, WARN, FAIL };

__attribute__((format(printf, 3, 4))) static void say(Doctor *d, int level,
                                                      const char *fmt, ...)
{
    static const char *const word[] = {"ok  ", "warn", "FAIL"};
    va_list ap;
    printf("%s  ", word[level]);
    va_start(ap, fmt);
    vprintf(fmt, ap);
    va_end(ap);
    putchar('\n');
    d->warned += level == WARN;
    d->failed += level == FAIL;
}

static void look_at_cpu(Doctor *d)
{
    const FgCpu have = fg_cpu_detect(), use = fg_cpu_level();
    if (use < have)
        say(d, WARN, "CPU: %s, lowered to %s by FFGAN_CPU", fg_cpu_name(have),
            fg_cpu_name(use));
    else
        say(d, have == FG_CPU_C ? WARN : OK, "CPU: %s%s", fg_cpu_name(have),
            have == FG_CPU_C ? ": no AVX2, so slow" : "");
    say(d, OK, "threads: %d", fg_cpu_count());
}

static void look_at_gpu(Doctor *d)
{
    FgError err = {{0}};
    FgCudaInfo i;
    char cudnn[sizeof(i.no_cudnn)];
    const int rc = fg_cuda_probe(&i, &err);
    /* 9 and later: 10000 * major + 100 * minor + patch */
    snprintf(cudnn, sizeof(cudnn), "cuDNN %d.%d.%d", i.cudnn / 10000,
             i.cudnn % 10000 / 100, i.cudnn % 100);
    if (i.no_cudnn[0])
        memcpy(cudnn, i.no_cudnn, sizeof(cudnn));
    if (rc >= 0)
        say(d, OK, "GPU plug-in: %s (%s), driver for CUDA %d.%d, %s", i.plugin,
            i.kind, i.driver / 1000, i.driver % 1000 / 10, cudnn);
    else if (i.kind[0])
        say(d, OK, "GPU plug-in: %s (%s), of version %s, %s", i.plugin, i.kind,
            i.version, cudnn);
    for (int k = 0; k < i.nb_devices; k++)
        say(d, OK, "GPU cuda:%d: %s, compute capability %d.%d, %zu MiB", k,
            i.device[k].name, i.device[k].major, i.device[k].minor,
            i.device[k].memory >> 20);
    if (rc < 0)
        say(d, WARN, "GPU: %s; the CPU does the work", err.text);
}

static void look_at_ffmpeg(Doctor *d)
{
    static const char *const filters[] = {"gansr", "scale", "bwdif", "null"};
    static const char *const encoders[] = {"libx264", "libx265", "ffv1", "png"};
    say(d, OK, "FFmpeg %s", av_version_info());
    for (size_t i = 0; i < sizeof(filters) / sizeof(filters[0]); i++)
        say(d, avfilter_get_by_name(filters[i]) ? OK : FAIL, "filter %s%s",
            filters[i],
            avfilter_get_by_name(filters[i]) ? "" : ": not in this build");
    for (size_t i = 0; i < sizeof(encoders) / sizeof(encoders[0]); i++) {
        const int there = !!avcodec_find_encoder_by_name(encoders[i]);
        say(d, there ? OK : WARN, "encoder %s%s", encoders[i],
            there ? "" : ": not in this build; presets that use it fail");
    }
}

static int look_at_model(void *arg, const char *name, const char *path)
{
    Doctor *const d = arg;
    FgError err = {{0}};
    FgModel *m = NULL;
    d->models++;
    if (fg_model_read(&m, path, &err) < 0) {
        d->bad_models++;
        say(d, WARN, "model %s: %s", name, err.text);
    }
    fg_model_free(&m);
    return 0;
}

static int count_preset(void *arg, const char *name, const char *path,
                        const char *help)
{
    Doctor *const d = arg;
    FgError err = {{0}};
    FgPreset *p = NULL;
    (void)help;
    if (fg_preset_load(&p, path, NULL, 0, &err) < 0)
        say(d, WARN, "preset %s: %s", name, err.text);
    else
        say(d, OK, "preset %s", name);
    fg_preset_free(&p);
    return 0;
}

static void look_at_data(Doctor *d)
{
    char path[4096];
    FgError err = {{0}};
    fg_model_list(look_at_model, d);
    if (d->models > d->bad_models)
        say(d, OK, "models: %d found", d->models - d->bad_models);
    else
        say(d, FAIL,
            "models: none found; looked in $FFGAN_PATH, "
            "~/.config/ffgan and the installed folder");
    fg_preset_list(count_preset, d);
    if (fg_preset_find(FG_PRESET_DEFAULT, path, sizeof(path), &err) < 0)
        say(d, FAIL, "default preset: %s", err.text);
}

static void look_at_folders(Doctor *d)
{
    const char *const set = getenv("TMPDIR");
    const char *const tmp = set ? set : "/tmp";
    say(d, access(tmp, W_OK | X_OK) ? WARN : OK, "temporary folder %s%s",
        fg_show(tmp), access(tmp, W_OK | X_OK) ? ": not writable" : "");
    say(d, access(".", W_OK | X_OK) ? WARN : OK, "working folder%s",
        access(".", W_OK | X_OK) ? ": not writable; use -o" : " is writable");
}

int fg_cmd_doctor(int argc, char **argv)
{
    Doctor d = {0};
    if (argc > 1 && (!strcmp(argv[1], "-h") || !strcmp(argv[1], "--help"))) {
        puts(
            "usage: ffgan doctor [--colour]\nLooks at the CPU, FFmpeg, models, "
            "presets "
            "and folders.\nExit code 0, or 69 when something needed is "
            "missing.\n\n"
            "  --colour  runs a network that changes nothing over all pixel\n"
            "            formats, ranges and matrices, and prints the largest\n"
            "            error of each component; 70 when one is not exact");
        return FG_EXIT_OK;
    }
    if (argc == 2 && !strcmp(argv[1], "--colour"))
        return fg_doctor_colour();
    if (argc > 1)
        return fg_usage_error(argv[0], "takes no '%s'", argv[1]);
    say(&d, OK, "ffgan %s", FG_VERSION);
    look_at_cpu(&d);
    look_at_gpu(&d);
    look_at_ffmpeg(&d);
    look_at_data(&d);
    look_at_folders(&d);
    printf("%d warning(s), %d failure(s)\n", d.warned, d.failed);
    return d.failed ? FG_EXIT_DEVICE : FG_EXIT_OK;
}
