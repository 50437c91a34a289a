/* ffgan: a preset that is ready for a job, as JSON.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FFGAN_PIPELINE_PRESET_JSON_H
#define FFGAN_PIPELINE_PRESET_JSON_H

#include <jansson.h>

#include "pipeline/preset.h"

/* Everything that a worker needs; nothing has to be looked up again. NULL: no
 * memory. */
json_t *fg_preset_to_json(const FgPreset *p);
/* 0; -EINVAL, -ENOMEM with err, *p NULL. */
int fg_preset_from_json(FgPreset **p, const json_t *j, FgError *err);

#endif
