/* Fuzzes the readers of other programs' models, one program for each: what they
 * accept must write and read again, and plan.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FFGAN_TESTS_FUZZ_IMPORT_H
#define FFGAN_TESTS_FUZZ_IMPORT_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/import.h"
#include "kernels/plan.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static inline void fuzz_run(const FgModel *m)
{
    const FgPlanOptions o = {.max_w = 9, .max_h = 7, .memory_limit = 1 << 22};
    FgPlan *p = NULL;
    char *const text = fg_graph_to_json(&m->graph);
    FgGraph g;
    FgError err;
    if (!text || fg_graph_from_json(&g, text, strlen(text), &err) < 0)
        abort();
    free(text);
    fg_graph_free(&g);
    fg_plan_create(&p, m, &o, NULL);
    fg_plan_free(&p);
}

static inline void fuzz_import(const FgImportFile *f)
{
    FgModel *m = NULL;
    FgError err;
    if (fg_import_parse(&m, f, &err) >= 0)
        fuzz_run(m);
    fg_model_free(&m);
}

#endif
