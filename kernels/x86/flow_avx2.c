/* ffgan: the innermost loops of motion search, avx2.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#define FG_ROWS fg_flow_rows_avx2
#include "kernels/flow_template.c"
