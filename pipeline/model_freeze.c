/* ffgan: model freeze. SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "kernels/freeze.h"
#include "pipeline/commands.h"
#include "pipeline/exit.h"
#include "pipeline/model_convert.h"
#include "pipeline/source.h"
#include "pipeline/util.h"

static int failed(int rc, const FgError *err)
{
    fprintf(stderr, "ffgan: %s\n", err->text);
    return rc == -ENOMEM                                  ? FG_EXIT_RETRY
           : rc == -ENOENT                                ? FG_EXIT_NOINPUT
           : rc == -EIO || rc == -ENOSPC || rc == -EACCES ? FG_EXIT_IO
                                                          : FG_EXIT_DATA;
}

/* The picture from its top left, cut to sides that the network's strides
 * divide, 0..1. */
static int to_tensor(FgTensor *t, const FgPicture *p, int align)
{
    const FgShape s = {1, 3, p->h / align * align, p->w / align * align};
    const int ret = fg_tensor_alloc(t, s, FG_F32);
    for (int y = 0; y < s.h && !ret; y++)
        for (int x = 0; x < s.w; x++)
            for (int c = 0; c < 3; c++)
                fg_f32(t, 0, y, x)[c] = p->rgb[((size_t)y * p->w + x) * 3 + c] /
                                        255.0f;
    return ret;
}

static int freeze(FgModel **out, const FgModel *m, const char *frame,
                  FgError *err)
{
    FgReach reach = {0};
    FgPicture pic = {0};
    FgTensor t = {0};
    int ret = fg_graph_reach(&m->graph, &reach, err);
    if (ret >= 0)
        ret = fg_picture_read(&pic, frame, err);
    if (!ret && (pic.w < reach.align || pic.h < reach.align))
        ret = fg_error(err, -EINVAL, "%s: %dx%d, allowed from %dx%d", frame,
                       pic.w, pic.h, reach.align, reach.align);
    if (!ret && to_tensor(&t, &pic, reach.align))
        ret = fg_error(err, -ENOMEM, "%s: out of memory", frame);
    if (!ret)
        ret = fg_model_freeze(out, m, &t, NULL, err);
    fg_tensor_free(&t);
    fg_picture_free(&pic);
    return ret;
}

static int run(const char *name, const char *frame, const char *to)
{
    char path[4096];
    FgError err = {{0}};
    FgModel *m = NULL, *out = NULL;
    int ret = fg_model_open(&m, name, path, sizeof(path));
    if (ret)
        return ret;
    ret = fg_model_expect(m, FG_TASK_IMAGE, path, &err);
    if (!ret)
        ret = freeze(&out, m, frame, &err);
    if (!ret && m->sha256[0])
        ret = fg_model_set_meta(out, "ffgan.parent_sha256", m->sha256);
    if (!ret)
        ret = fg_model_write(out, to, &err);
    fg_model_free(&m);
    fg_model_free(&out);
    return ret ? failed(ret, &err) : FG_EXIT_OK;
}

int fg_model_freeze_command(int argc, char **argv)
{
    const char *model = NULL, *frame = NULL, *to = NULL;
    for (int i = 1; i < argc; i++) {
        const int more = i + 1 < argc;
        if (!strcmp(argv[i], "--frame") && more)
            frame = argv[++i];
        else if (!strcmp(argv[i], "-o") && more)
            to = argv[++i];
        else if (argv[i][0] == '-' || model)
            return fg_usage_error("model", "freeze: '%s' is not understood",
                                  argv[i]);
        else
            model = argv[i];
    }
    if (!model || !frame || !to)
        return fg_usage_error("model",
                              "freeze wants FILE|NAME --frame PICTURE -o OUT");
    return run(model, frame, to);
}
