/* ffgan: bytes of file names in JSON.
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A name is any bytes, JSON is UTF-8: what is not is written as {"hex": ...}.
 */
#ifndef FFGAN_PIPELINE_PATH_JSON_H
#define FFGAN_PIPELINE_PATH_JSON_H

#include <jansson.h>

json_t *fg_path_to_json(const char *s); /* NULL: no memory */
/* malloc'ed in *s (what was there is freed); 0, -EINVAL, -ENOMEM. */
int fg_path_from_json(const json_t *j, char **s);

#endif
