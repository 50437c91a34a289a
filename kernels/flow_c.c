/* ffgan: the innermost loops of motion search, c.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#define FG_ROWS fg_flow_rows_c
#include "kernels/flow_template.c"
