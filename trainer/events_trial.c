/* TensorBoard's event files: what the HPARAMS page reads.
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A Value with the tag "_hparams_/session_start_info" (and ..._end_info) and
 * metadata {1 plugin_data {1 "hparams", 2 content}}, content being
 * HParamsPluginData {1 version, 3 session_start_info | 4 session_end_info}. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "trainer/events_priv.h"

static int plugin(FgEvents *e, const char *tag, int field, FgBuf *info,
                  FgError *err)
{
    FgBuf b = fg_event_begin(0), summary = {0}, value = {0}, meta = {0};
    FgBuf data = {0}, content = {0};

    fg_buf_message(&content, field, info);
    fg_buf_text(&data, 1, "hparams");
    fg_buf_message(&data, 2, &content);
    fg_buf_message(&meta, 1, &data);
    fg_buf_text(&value, 1, tag);
    fg_buf_message(&value, 9, &meta);
    fg_buf_message(&summary, 1, &value);
    fg_buf_message(&b, 5, &summary);
    return fg_event_end(e, &b, err);
}

/* google.protobuf.Value: 2 number, 3 string, 4 bool. */
static FgBuf value_of(const char *text)
{
    FgBuf b = {0};
    char *end;
    const double v = strtod(text, &end);

    if (*text && !*end)
        fg_buf_double(&b, 2, v);
    else if (!strcmp(text, "true") || !strcmp(text, "false"))
        fg_buf_int(&b, 4, text[0] == 't');
    else
        fg_buf_text(&b, 3, text);
    return b;
}

int fg_events_trial(FgEvents *e, const char *name, char *const *pairs, int nb,
                    FgError *err)
{
    FgBuf info = {0};

    for (int i = 0; i < nb; i++) {
        const char *eq = strchr(pairs[i], '=');
        FgBuf entry = {0}, v;

        if (!eq)
            continue;
        v = value_of(eq + 1);
        fg_buf_data(&entry, 1, pairs[i], (size_t)(eq - pairs[i]));
        fg_buf_message(&entry, 2, &v);
        fg_buf_message(&info, 1, &entry);
    }
    fg_buf_text(&info, 4, name);
    fg_buf_double(&info, 5, (double)time(NULL));
    return plugin(e, "_hparams_/session_start_info", 3, &info, err);
}

int fg_events_trial_end(FgEvents *e, int good, FgError *err)
{
    FgBuf info = {0};

    fg_buf_int(&info, 1, good ? 1 : 2); /* STATUS_SUCCESS, STATUS_FAILURE */
    fg_buf_double(&info, 2, (double)time(NULL));
    return plugin(e, "_hparams_/session_end_info", 4, &info, err);
}
