/* ffgan: finds and opens the CUDA plug-in.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config.h"
#include "cuda/abi.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static const FgCudaApi *loaded;
static char file[1024];

/* ---- where it is ---- */

static int set_file(const char *dir, const char *sub)
{
    const int n = snprintf(file, sizeof(file), "%s/%sffgan-cuda.so", dir, sub);
    return n > 0 && n < (int)sizeof(file) && !access(file, R_OK);
}

static int find(FgError *err)
{
    static const char *const places[] = {"", "../lib/", "../lib/ffgan/"};
    const char *const own = getenv("FFGAN_CUDA");
    char exe[900];
    if (own && *own) {
        snprintf(file, sizeof(file), "%s", own);
        if (!access(own, R_OK))
            return 0;
        file[0] = 0;
        return fg_error(err, -ENOENT,
                        "CUDA: FFGAN_CUDA is '%s', which cannot be read", own);
    }
    const ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);
    exe[n > 0 ? n : 0] = 0;
    char *const end = strrchr(exe, '/');
    if (end)
        *end = 0;
    for (size_t i = 0; end && i < sizeof(places) / sizeof(*places); i++)
        if (set_file(exe, places[i]))
            return 0;
    file[0] = 0;
    return fg_error(err, -ENOENT,
                    "CUDA: no plug-in ffgan-cuda.so beside the program or in "
                    "../lib (FFGAN_CUDA names another place)");
}

/* ---- opening ---- */

static int check(const FgCudaApi *a, FgError *err)
{
    if (a->abi != FG_CUDA_ABI)
        return fg_error(err, -ENOTSUP,
                        "CUDA: %s has interface %d, this program needs %d: "
                        "install both from one build",
                        file, a->abi, FG_CUDA_ABI);
    if (strcmp(a->version, FFGAN_VERSION) != 0)
        return fg_error(err, -ENOTSUP,
                        "CUDA: %s is of version %.32s, this program is %s: "
                        "install both from one build",
                        file, a->version, FFGAN_VERSION);
    return 0;
}

static int open_file(FgError *err)
{
    int rc = find(err);
    if (rc < 0)
        return rc;
    void *const so = dlopen(file, RTLD_NOW | RTLD_LOCAL);
    if (!so)
        return fg_error(err, -ENOTSUP, "CUDA: the plug-in does not load: %s",
                        dlerror());
    const FgCudaApi *const a = dlsym(so, FG_CUDA_ENTRY);
    rc = a ? check(a, err)
           : fg_error(err, -ENOTSUP, "CUDA: %s is no plug-in of ffgan", file);
    if (rc < 0)
        dlclose(so);
    else
        loaded = a;
    return rc;
}

const FgCudaApi *fg_cuda_load(int *rc, FgError *err)
{
    pthread_mutex_lock(&lock);
    *rc = loaded ? 0 : open_file(err);
    const FgCudaApi *const a = loaded;
    pthread_mutex_unlock(&lock);
    return a;
}

const char *fg_cuda_file(void)
{
    return file;
}

/* ---- asking ---- */

int fg_cuda_probe(FgCudaInfo *info, FgError *err)
{
    int rc;
    memset(info, 0, sizeof(*info));
    const FgCudaApi *const a = fg_cuda_load(&rc, err);
    snprintf(info->plugin, sizeof(info->plugin), "%s", file);
    if (!a)
        return rc;
    snprintf(info->kind, sizeof(info->kind), "%s", a->kind);
    snprintf(info->version, sizeof(info->version), "%s", a->version);
    return a->probe(info, err);
}

int fg_cuda_ordinal(const char *device)
{
    if (!device || strncmp(device, "cuda", 4) != 0)
        return -EINVAL;
    if (!device[4])
        return 0;
    char *end;
    const long n = device[4] == ':' && device[5] >= '0' && device[5] <= '9'
                       ? strtol(device + 5, &end, 10)
                       : -1;
    return n >= 0 && n < 1024 && !*end ? (int)n : -EINVAL;
}
