/* ffgan: the layers of OpenEXR pictures beside the one that is the picture.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FFGAN_PIPELINE_LAYERS_H
#define FFGAN_PIPELINE_LAYERS_H

#include "pipeline/exr.h"
#include "pipeline/preset.h"

typedef struct FgLayers FgLayers;

/* For a preset, which must live as long. 0, -EINVAL + err: its `layers` asks
 * for the network, and the chain looks at more than one frame; -ENOMEM. */
int fg_layers_open(FgLayers **l, const FgPreset *p, int threads, int gpu,
                   FgError *err);
void fg_layers_close(FgLayers **l); /* accepts NULL */
/* Sets what FgExrOptions asks of layers: `layers` of the preset, by the first
 * pattern that fits the layer, its part, or PART/LAYER; else colours through
 * the chain where it looks at one frame only, all other resampled. */
void fg_layers_use(FgLayers *l, FgExrOptions *o);

/* The word of an FgExrOther in a preset, -1 = none. */
int fg_layers_word(const char *word);

#endif
