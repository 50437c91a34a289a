/* ffgan: what an output says of how it was made.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pipeline/commands.h"
#include "pipeline/exit.h"
#include "pipeline/job_plan.h"
#include "pipeline/util.h"

/* "; model NAME sha256 HEX" for each. NULL: no memory. */
static char *models_text(const json_t *models)
{
    char *text = strdup("");
    const char *name;
    json_t *sha;
    json_object_foreach((json_t *)models, name, sha)
    {
        char *const more = text ? fg_format("%s; model %s sha256 %s", text,
                                            fg_path_base(name),
                                            json_string_value(sha))
                                : NULL;
        free(text);
        text = more;
    }
    return text;
}

int fg_provenance(char **text, const FgPreset *p, FgError *err)
{
    int code = 0;
    *text = NULL;
    if (!p->provenance)
        return 0;
    json_t *const models = fg_chain_models(p->chain, &code, err);
    if (!models)
        return code;
    char *const list = models_text(models);
    json_decref(models);
    if (list)
        *text = fg_format("ffgan %s; preset %s%s", FG_VERSION, p->name, list);
    free(list);
    if (*text)
        return 0;
    fg_error(err, 0, "no memory");
    return FG_EXIT_RETRY;
}
