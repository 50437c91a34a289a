/* ffgan: opens the NVIDIA driver and says what is wrong with it.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "driver.h"

#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

/* Kernels for a GPU need a driver of the toolkit's major version. */
#define NEEDED (CUDA_VERSION / 1000 * 1000)

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static FgDriver driver;
static int ready;

static int version_of(int v, FgError *err)
{
    if (v >= NEEDED)
        return 0;
    return fg_error(err, -ENOTSUP,
                    "CUDA: this NVIDIA driver is for CUDA %d.%d, the plug-in "
                    "needs one for CUDA %d.0 or newer: update the driver",
                    v / 1000, v % 1000 / 10, NEEDED / 1000);
}

/* All entry points; the version first, so that an old driver is called old. */
static int resolve(void *so, FgError *err)
{
    static const char *const names[] = {
#define NAME(name, symbol, type) symbol,
        FG_DRIVER(NAME)};
    void *at[sizeof(names) / sizeof(*names)];
    size_t n = sizeof(names) / sizeof(*names);
    int rc = 0;
    _Static_assert(sizeof(at) == offsetof(FgDriver, cuda),
                   "a table of pointers and the version");
    PFN_cuDriverGetVersion_v2020 version;
    void *const v = dlsym(so, "cuDriverGetVersion");
    memcpy(&version, &v, sizeof(v));
    if (version && version(&driver.cuda) == CUDA_SUCCESS)
        rc = version_of(driver.cuda, err);
    for (size_t i = 0; i < n && rc >= 0; i++) {
        at[i] = dlsym(so, names[i]);
        if (!at[i])
            rc = fg_error(err, -ENOTSUP,
                          "CUDA: the NVIDIA driver has no %s: update it",
                          names[i]);
    }
    if (rc >= 0)
        memcpy(&driver, at, sizeof(at));
    return rc;
}

static int init(FgError *err)
{
    const CUresult r = driver.init(0);
    const char *name = NULL, *text = NULL;
    if (r == CUDA_SUCCESS)
        return 0;
    if (r == CUDA_ERROR_NO_DEVICE)
        return fg_error(err, -ENODEV, "CUDA: the NVIDIA driver sees no GPU");
    if (r == CUDA_ERROR_STUB_LIBRARY)
        return fg_error(err, -ENODEV,
                        "CUDA: libcuda.so.1 is the toolkit's stub and no "
                        "driver: take its folder out of LD_LIBRARY_PATH");
    driver.error_name(r, &name);
    driver.error_text(r, &text);
    return fg_error(err, -ENODEV,
                    "CUDA: the NVIDIA driver does not start: %s, %s",
                    name ? name : "?", text ? text : "?");
}

static int open_driver(FgError *err)
{
    void *const so = dlopen("libcuda.so.1", RTLD_NOW | RTLD_LOCAL);
    if (!so)
        return fg_error(err, -ENODEV, "CUDA: no NVIDIA driver here: %s",
                        dlerror());
    int rc = resolve(so, err);
    return rc < 0 ? rc : init(err);
}

const FgDriver *fg_driver(int *version, int *rc, FgError *err)
{
    pthread_mutex_lock(&lock);
    *rc = 0;
    if (!ready)
        *rc = open_driver(err);
    ready = *rc >= 0;
    if (version)
        *version = driver.cuda;
    pthread_mutex_unlock(&lock);
    return *rc < 0 ? NULL : &driver;
}

int fg_driver_check(const FgDriver *d, CUresult r, const char *doing,
                    FgError *err)
{
    const char *name = NULL, *text = NULL;
    if (r == CUDA_SUCCESS)
        return 0;
    if (r == CUDA_ERROR_OUT_OF_MEMORY)
        return fg_error(err, -ENOMEM, "CUDA: out of memory: %s", doing);
    d->error_name(r, &name);
    d->error_text(r, &text);
    return fg_error(err, -ENODEV, "CUDA: %s failed: %s, %s", doing,
                    name ? name : "?", text ? text : "?");
}
