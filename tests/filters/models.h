/* Small fixed networks for the filters' tests.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FFGAN_TESTS_FILTERS_MODELS_H
#define FFGAN_TESTS_FILTERS_MODELS_H

#include "kernels/model.h"

/* kind: "identity" (scale 1), "bicubic" (the plain enlargement), "compact" (a
 * random 16-feature network on a bicubic base, the same for ever), "bad" (its
 * output is infinite), "wide" (64 features: needs memory); dcgan, dcgan-alpha,
 * texture, plate, image, interp of tests/generators.h, whose colour and scale
 * are fixed. NULL and err on failure; free with fg_model_free. */
FgModel *test_model(const char *kind, int luma, int scale, FgError *err);

#endif
