/* ffgan: what the preset files share.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FFGAN_PIPELINE_PRESET_PRIV_H
#define FFGAN_PIPELINE_PRESET_PRIV_H

#include "pipeline/preset.h"

/* Sections of the key tables (preset_keys.c). */
extern const FgKey fg_preset_top[], fg_preset_param[], fg_preset_input[];
extern const FgKey fg_preset_gansr[], fg_preset_output[], fg_preset_video[];
extern const FgKey fg_preset_shot[];

enum { FG_MAX_EXTENDS = 16 };

/* One file of an extends line, derived first. */
typedef struct FgPresetDoc {
    char *file; /* as it stands in messages */
    FgYaml yaml;
} FgPresetDoc;

/* Everything that is known while a preset is being loaded. */
typedef struct FgLoad {
    FgPresetDoc docs[FG_MAX_EXTENDS];
    int nb_docs;
    FgYaml raw;  /* all docs merged, ${params} not yet substituted */
    FgYaml full; /* the same, substituted */
    FgPreset *preset;
    FgError *err;
} FgLoad;

/* The file that a value of the merged document comes from: keys is a
 * NULL-ended path such as {"output", "video", "crf"}. */
const char *fg_load_file(const FgLoad *l, const char *const *keys);
/* fg_error with the place of key i of map (its own place when i < 0). */
int fg_load_fail(const FgLoad *l, const char *const *keys, const FgYaml *map,
                 int i, const char *fmt, ...)
    __attribute__((format(printf, 5, 6)));
/* Appends; 0 or -ENOMEM. */
int fg_pair_add(FgPair **pairs, int *nb, const char *key, const char *value);
const char *fg_pair_get(const FgPair *pairs, int nb, const char *key);

/* preset_params.c: values of params (defaults, then set), and substitution of
 * ${name} in dst = copy of src. file stands in messages. */
int fg_params_resolve(FgLoad *l, const char *const *set, int nb_set);
int fg_params_check(const FgLoad *l, const char *name, const char *value,
                    const char *place);
int fg_params_substitute(FgYaml *y, const FgPair *params, int nb,
                         const char *file, FgError *err);

/* preset_option.c: one libav option; returns 0 or -EINVAL with what is
 * allowed in text ("is 3, allowed 0..1"). cls: class whose options (and
 * children's) are meant; extra: a second class, or NULL. */
struct AVClass;
typedef struct FgOptionSet {
    const char *what; /* "filter bwdif", "encoder libx264", in messages */
    const struct AVClass *cls, *extra;
    void *obj; /* an instance that av_opt_set may try values on, or NULL */
} FgOptionSet;
int fg_option_check(const FgOptionSet *set, const char *name, const char *value,
                    FgError *text);
int fg_option_is_runtime(const FgOptionSet *set, const char *name);

/* preset_output.c: the encoder, the muxer and what is copied. */
int fg_load_output(FgLoad *l);
/* preset_graph.c: checks the chain of l->full. */
int fg_load_chain(FgLoad *l);
/* preset_shots.c: l->preset->commands and shots. */
int fg_load_shots(FgLoad *l);
/* preset_graph.c: the texts; filters with commands get an instance name. */
int fg_load_graph(FgLoad *l);

/* Item i of a checked chain: its filter and options (NULL if it has none). */
const char *fg_chain_item(const FgYaml *chain, int i, const FgYaml **options);
/* As fg_option_check, for an option of a filter. */
int fg_chain_check_option(const char *filter, const char *name,
                          const char *value, FgError *text);
/* 1 when the option may change while the filter runs. */
int fg_chain_is_runtime(const char *filter, const char *name);

#endif
