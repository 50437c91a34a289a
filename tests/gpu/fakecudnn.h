/* ffgan: what the stand-in for cuDNN tells a test.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FFGAN_TESTS_GPU_FAKECUDNN_H
#define FFGAN_TESTS_GPU_FAKECUDNN_H

/* The graph that was finalised last, a line per operation: "conv pad 1 stride 1
 * x=1:1x40x21x34/40 f16 w=2:... y=7"; values: id, n x c x h x w, pixels' step,
 * type; a value between has its id alone. */
const char *fake_dnn_graph(void);
/* Descriptors and handles that were not given back. */
int fake_dnn_left(void);

#endif
