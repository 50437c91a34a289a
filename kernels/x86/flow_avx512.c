/* ffgan: the innermost loops of motion search, avx512.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#define FG_ROWS fg_flow_rows_avx512
#include "kernels/flow_template.c"
