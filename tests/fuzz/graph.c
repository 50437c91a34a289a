/* Fuzzes the graph reader: what it accepts must come back from its own text,
 * and its shapes, parameters and reach must be answered or refused.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/graph.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    FgGraph g, again, c;
    FgParams cp;
    const FgParams none = {0};
    FgReach reach;
    FgError err;
    if (fg_graph_from_json(&g, (const char *)data, size, &err) < 0)
        return 0;
    char *text = fg_graph_to_json(&g);
    if (!text || fg_graph_from_json(&again, text, strlen(text), &err) < 0)
        abort();
    if (again.nb_nodes != g.nb_nodes)
        abort();
    fg_graph_reach(&g, &reach, &err);
    fg_graph_shapes(&g, (FgShape){1, g.nodes[0].attr.channels, 1, 3}, NULL,
                    &err);
    if (fg_graph_collapse(&c, &cp, &g, &none, &err) >= 0) {
        fg_graph_free(&c);
        fg_params_free(&cp);
    }
    free(text);
    fg_graph_free(&again);
    fg_graph_free(&g);
    return 0;
}
