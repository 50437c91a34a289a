/* ffgan: model info --plan. SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FFGAN_PIPELINE_MODEL_PLAN_H
#define FFGAN_PIPELINE_MODEL_PLAN_H

#include "kernels/plan.h"

typedef struct FgModelPlan {
    int wanted; /* --plan was given */
    int w, h;   /* --size: of the input */
    FgPrecision precision;
    const char *device; /* --device, NULL = the CPU */
} FgModelPlan;

/* --size, --precision or --device; value may be NULL. 0, or FG_EXIT_USAGE
 * (printed). */
int fg_model_plan_option(FgModelPlan *o, const char *name, const char *value);
/* Prints the plan of one thread on this CPU, or of a GPU; returns the exit
 * code. */
int fg_model_plan(const FgModel *m, const FgModelPlan *o, int json);

#endif
