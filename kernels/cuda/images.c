/* ffgan: the kernels that the plug-in carries, loaded into a context.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "images.h"

#include <errno.h>
#include <string.h>

extern const char fg_cuda_fatbin[], fg_cuda_hopper[], fg_cuda_fp8[];

static const char *const symbols[FG_NB_KERNELS] = {
#define MAP(name) [FG_KERNEL_##name] = "fg_cuda_" #name,
    FG_KERNELS_MAP(MAP)
        FG_KERNELS_WIDE(MAP)[FG_KERNEL_moments] = "fg_cuda_moments",
#define MMA(name, element, n, k) [FG_KERNEL_##name] = "fg_cuda_" #name,
    FG_KERNELS_TENSOR(MMA)
#define TRAIN(name, grid) [FG_KERNEL_##name] = "fg_cuda_" #name,
        FG_KERNELS_TRAIN(TRAIN)};

const char *fg_kernel_symbol(int kernel)
{
    return symbols[kernel];
}

static int image_of(int kernel)
{
    switch (kernel) {
#define CASE(name, element, n, k) case FG_KERNEL_##name:
        FG_KERNELS_HOPPER(CASE)
        return FG_IMAGE_HOPPER;
        FG_KERNELS_FP8(CASE)
        return FG_IMAGE_FP8;
#undef CASE
    default:
        return FG_IMAGE_ALL;
    }
}

static CUresult find_kernels(FgImages *im, const FgDriver *cu, int image)
{
    CUresult r = CUDA_SUCCESS;
    for (int i = 0; i < FG_NB_KERNELS && !r; i++)
        if (image_of(i) == image)
            r = cu->module_function(&im->kernel[i], im->module[image],
                                    symbols[i]);
    return r;
}

/* All of its kernels, or none. */
static void load_more(FgImages *im, const FgDriver *cu, int image,
                      const char *from)
{
    if (cu->module_load(&im->module[image], from, 0, NULL, NULL)) {
        im->module[image] = NULL;
        return;
    }
    if (find_kernels(im, cu, image))
        for (int i = 0; i < FG_NB_KERNELS; i++)
            if (image_of(i) == image)
                im->kernel[i] = NULL;
}

/* CUDA_ERROR_INVALID_PTX and others have their reason in the log. */
static int load_first(FgImages *im, const FgDriver *cu,
                      const FgCudaDevice *about, FgError *err)
{
    char log[512] = "";
    CUjit_option o[] = {CU_JIT_ERROR_LOG_BUFFER,
                        CU_JIT_ERROR_LOG_BUFFER_SIZE_BYTES};
    void *v[] = {log, (void *)(uintptr_t)(sizeof(log) - 1)};
    CUmodule *const m = &im->module[FG_IMAGE_ALL];
    const CUresult r = cu->module_load(m, fg_cuda_fatbin, 2, o, v);
    if (r == CUDA_ERROR_NO_BINARY_FOR_GPU || r == CUDA_ERROR_INVALID_PTX ||
        r == CUDA_ERROR_UNSUPPORTED_PTX_VERSION)
        return fg_error(err, -ENOTSUP,
                        "CUDA: this plug-in has kernels for %s, and none that "
                        "%s (compute capability %d.%d) takes%s%.200s",
                        FG_CUDA_ARCHS, about->name, about->major, about->minor,
                        *log ? ": " : "", log);
    if (r) {
        *m = NULL;
        return fg_driver_check(cu, r, "loading the kernels", err);
    }
    return fg_driver_check(cu, find_kernels(im, cu, FG_IMAGE_ALL),
                           "looking for a kernel", err);
}

/* 9.0 and 10.x have no such mma: its products would be done in fp16. */
static int has_fp8(const FgCudaDevice *a)
{
    return a->major >= 12 || (a->major == 8 && a->minor == 9);
}

int fg_images_load(FgImages *im, const FgDriver *cu, const FgCudaDevice *about,
                   FgError *err)
{
    memset(im, 0, sizeof(*im));
    const int rc = load_first(im, cu, about, err);
    if (rc < 0)
        return rc;
    if (about->major == 9 && about->minor == 0)
        load_more(im, cu, FG_IMAGE_HOPPER, fg_cuda_hopper);
    if (has_fp8(about))
        load_more(im, cu, FG_IMAGE_FP8, fg_cuda_fp8);
    return 0;
}

void fg_images_unload(FgImages *im, const FgDriver *cu)
{
    for (int i = 0; i < FG_NB_IMAGES; i++)
        if (im->module[i])
            cu->module_unload(im->module[i]);
    memset(im, 0, sizeof(*im));
}
