/* Fuzzes the readers of other programs' models: pickles in zip files,
 * safetensors, ONNX, and ncnn (first half the text, then a 0xff byte, then the
 * weights). What they accept must write and read again.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/import.h"
#include "kernels/plan.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void run(const FgModel *m)
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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    FgImportFile f = {.data = data, .size = size, .name = "fuzz"};
    const uint8_t *const cut = size ? memchr(data, 0xff, size) : NULL;
    FgModel *m = NULL;
    FgError err;
    if (cut && size > 8 && !memcmp(data, "7767517", 7)) {
        f.size = (size_t)(cut - data);
        f.more = cut + 1;
        f.more_size = size - f.size - 1;
    }
    if (fg_import_parse(&m, &f, &err) >= 0)
        run(m);
    fg_model_free(&m);
    return 0;
}
