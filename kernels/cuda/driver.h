/* ffgan: the NVIDIA driver, opened at run time.
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * libcuda.so.1 is part of the driver and not of what we install: it is opened
 * when a GPU is first asked for, and its functions are called through a table.
 * No CUDA runtime is needed. */
#ifndef FFGAN_KERNELS_CUDA_DRIVER_H
#define FFGAN_KERNELS_CUDA_DRIVER_H

#include <cuda.h>
#include <cudaTypedefs.h>

#include "kernels/error.h"

/* X(name here, name in the driver, type): the forms that drivers for CUDA 12
 * and newer have. */
#define FG_DRIVER(X)                                                           \
    X(init, "cuInit", PFN_cuInit_v2000)                                        \
    X(version, "cuDriverGetVersion", PFN_cuDriverGetVersion_v2020)             \
    X(error_name, "cuGetErrorName", PFN_cuGetErrorName_v6000)                  \
    X(error_text, "cuGetErrorString", PFN_cuGetErrorString_v6000)              \
    X(dev_count, "cuDeviceGetCount", PFN_cuDeviceGetCount_v2000)               \
    X(dev_get, "cuDeviceGet", PFN_cuDeviceGet_v2000)                           \
    X(dev_name, "cuDeviceGetName", PFN_cuDeviceGetName_v2000)                  \
    X(dev_memory, "cuDeviceTotalMem_v2", PFN_cuDeviceTotalMem_v3020)           \
    X(dev_attribute, "cuDeviceGetAttribute", PFN_cuDeviceGetAttribute_v2000)   \
    X(ctx_create, "cuCtxCreate_v2", PFN_cuCtxCreate_v3020)                     \
    X(ctx_destroy, "cuCtxDestroy_v2", PFN_cuCtxDestroy_v4000)                  \
    X(ctx_push, "cuCtxPushCurrent_v2", PFN_cuCtxPushCurrent_v4000)             \
    X(ctx_pop, "cuCtxPopCurrent_v2", PFN_cuCtxPopCurrent_v4000)                \
    X(ctx_device, "cuCtxGetDevice", PFN_cuCtxGetDevice_v2000)                  \
    X(module_load, "cuModuleLoadDataEx", PFN_cuModuleLoadDataEx_v2010)         \
    X(module_unload, "cuModuleUnload", PFN_cuModuleUnload_v2000)               \
    X(module_function, "cuModuleGetFunction", PFN_cuModuleGetFunction_v2000)   \
    X(launch, "cuLaunchKernel", PFN_cuLaunchKernel_v4000)                      \
    X(alloc, "cuMemAlloc_v2", PFN_cuMemAlloc_v3020)                            \
    X(release, "cuMemFree_v2", PFN_cuMemFree_v3020)                            \
    X(alloc_host, "cuMemHostAlloc", PFN_cuMemHostAlloc_v2020)                  \
    X(release_host, "cuMemFreeHost", PFN_cuMemFreeHost_v2000)                  \
    X(upload, "cuMemcpyHtoDAsync_v2", PFN_cuMemcpyHtoDAsync_v3020)             \
    X(download, "cuMemcpyDtoHAsync_v2", PFN_cuMemcpyDtoHAsync_v3020)           \
    X(clear, "cuMemsetD8Async", PFN_cuMemsetD8Async_v3020)                     \
    X(stream_create, "cuStreamCreate", PFN_cuStreamCreate_v2000)               \
    X(stream_destroy, "cuStreamDestroy_v2", PFN_cuStreamDestroy_v4000)         \
    X(stream_sync, "cuStreamSynchronize", PFN_cuStreamSynchronize_v2000)       \
    X(stream_wait, "cuStreamWaitEvent", PFN_cuStreamWaitEvent_v3020)           \
    X(event_create, "cuEventCreate", PFN_cuEventCreate_v2000)                  \
    X(event_destroy, "cuEventDestroy_v2", PFN_cuEventDestroy_v4000)            \
    X(event_record, "cuEventRecord", PFN_cuEventRecord_v2000)                  \
    X(event_wait, "cuEventSynchronize", PFN_cuEventSynchronize_v2000)          \
    X(copy_rows, "cuMemcpy2DAsync_v2", PFN_cuMemcpy2DAsync_v3020)              \
    X(graph_create, "cuGraphCreate", PFN_cuGraphCreate_v10000)                 \
    X(graph_kernel, "cuGraphAddKernelNode_v2",                                 \
      PFN_cuGraphAddKernelNode_v12000)                                         \
    X(event_ms, "cuEventElapsedTime", PFN_cuEventElapsedTime_v2000)            \
    X(capture, "cuStreamBeginCapture_v2", PFN_cuStreamBeginCapture_v10010)     \
    X(captured, "cuStreamEndCapture", PFN_cuStreamEndCapture_v10000)           \
    X(graph_child, "cuGraphAddChildGraphNode",                                 \
      PFN_cuGraphAddChildGraphNode_v10000)                                     \
    X(graph_destroy, "cuGraphDestroy", PFN_cuGraphDestroy_v10000)              \
    X(exec_create, "cuGraphInstantiateWithFlags",                              \
      PFN_cuGraphInstantiateWithFlags_v11040)                                  \
    X(exec_launch, "cuGraphLaunch", PFN_cuGraphLaunch_v10000)                  \
    X(exec_destroy, "cuGraphExecDestroy", PFN_cuGraphExecDestroy_v10000)

typedef struct FgDriver {
#define FG_DRIVER_FIELD(name, symbol, type) type name;
    FG_DRIVER(FG_DRIVER_FIELD)
#undef FG_DRIVER_FIELD
    int cuda; /* CUDA version that it supports: 1000 * major + 10 * minor */
} FgDriver;

/* The driver, opened and initialised once; any thread. NULL with a negative
 * errno in *rc and err: -ENODEV (none, or it sees no GPU), -ENOTSUP (too old
 * for the toolkit that the plug-in was built with), -ENODEV. *version, unless
 * NULL, is its CUDA version or 0, on failure, too. */
const FgDriver *fg_driver(int *version, int *rc, FgError *err);

/* What a call of the driver returned as ours: 0, -ENOMEM or -ENODEV; doing, a
 * noun phrase, goes into err. */
int fg_driver_check(const FgDriver *d, CUresult r, const char *doing,
                    FgError *err);

#endif
