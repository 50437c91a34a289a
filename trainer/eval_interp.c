/* ffgan eval of in-between frames. SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "trainer/eval_interp.h"
#include "trainer/score_interp.h"
#include "trainer/triplets.h"

#define MOTION                                                                 \
    24 /* pixels, of made-up motions, where the file says nothing              \
        */

static int load(FgData *d, const char *path, FgExecutor *ex, FgError *err)
{
    struct stat st;
    int ret;

    if (stat(path, &st)) {
        ret = -errno;
        return fg_error(err, ret, "%s: %s", path, strerror(-ret));
    }
    d->scale = 1;
    ret = S_ISDIR(st.st_mode) ? fg_data_add(d, path, 1, 0, err)
                              : fg_clip_frames(d, path, 0, 0, err);
    return ret < 0 ? ret : fg_data_finish(d, 32, ex, err);
}

static void print(const char *name, const FgScore *s, int json, int nb)
{
    /* Equal pictures have an infinite PSNR, which JSON can only call null. */
    if (!json)
        printf("%-24s %8.3f dB  SSIM %.4f\n", name, s->psnr, s->ssim);
    else if (isfinite(s->psnr))
        printf("{\"what\":\"%s\",\"psnr\":%.4f,\"ssim\":%.5f,\"triplets\":%d}"
               "\n",
               name, s->psnr, s->ssim, nb);
    else
        printf("{\"what\":\"%s\",\"psnr\":null,\"ssim\":%.5f,"
               "\"triplets\":%d}\n",
               name, s->ssim, nb);
}

int fg_eval_interp(const FgModel *m, const char *data, int json, FgExecutor *ex,
                   FgError *err)
{
    const char *text = fg_model_meta(m, "ffgan.motion");
    const double motion = text ? atof(text) : MOTION;
    FgInterpScore s;
    FgData d = {0};
    int ret = load(&d, data, ex, err);

    if (!ret)
        ret = fg_interp_score(m, &d, 0, motion, ex, &s, err);
    if (!ret) {
        if (!json)
            printf("%d frames made again\n", s.nb);
        print("network", &s.net, json, s.nb);
        print("motion, no network", &s.plain, json, s.nb);
        print("mean of the two frames", &s.blend, json, s.nb);
    }
    fg_data_free(&d);
    return ret;
}
