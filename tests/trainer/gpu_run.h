/* What the tests of training's passes on a device begin with.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FFGAN_TESTS_TRAINER_GPU_RUN_H
#define FFGAN_TESTS_TRAINER_GPU_RUN_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "kernels/pool.h"
#include "trainer/gpu.h"

static inline void ok(int rc, const FgError *err)
{
    if (rc)
        fail_msg("%d: %s", rc, err->text);
}

/* One worker, and the device's runner; NULL on the CPU. */
static inline void open_device(FgPool **pool, FgExecutor **ex, FgGpu **gpu,
                               const char *device, const char *precision)
{
    FgError err = {""};

    ok(fg_pool_create(pool, 1), &err);
    *ex = fg_pool_executor(*pool);
    ok(fg_gpu_open(gpu, device, precision, *ex, &err), &err);
}

#endif
