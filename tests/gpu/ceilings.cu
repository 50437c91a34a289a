/* ffgan: what this GPU can do at most: a large copy, and products of tensor
 * cores from registers. One JSON line.
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * nvcc -O3 -arch=sm_NN -o ceilings ceilings.cu && ./ceilings */
#include <cstdint>
#include <cstdio>

enum { WARPS = 8, ROUNDS = 4096, CHAINS = 8 };

/* Eight independent sums hide the latency of each. */
__global__ void products(float *out)
{
    float c[CHAINS][4] = {};
    const uint32_t a = 0x3c003800 + threadIdx.x, b = 0x38003c00 + threadIdx.x;
    for (int r = 0; r < ROUNDS; r++)
#pragma unroll
        for (int k = 0; k < CHAINS; k++)
            asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 "
                         "{%0,%1,%2,%3}, {%4,%4,%4,%4}, {%5,%5}, {%0,%1,%2,%3};"
                         : "+f"(c[k][0]), "+f"(c[k][1]), "+f"(c[k][2]),
                           "+f"(c[k][3])
                         : "r"(a), "r"(b));
    float sum = 0;
    for (int k = 0; k < CHAINS; k++)
        sum += c[k][0] + c[k][1] + c[k][2] + c[k][3];
    out[blockIdx.x * blockDim.x + threadIdx.x] = sum;
}

static int bad(cudaError_t e, const char *what)
{
    if (e != cudaSuccess)
        fprintf(stderr, "%s: %s\n", what, cudaGetErrorString(e));
    return e != cudaSuccess;
}

template <typename F> static float best_ms(F &&work)
{
    cudaEvent_t a, b;
    float best = 1e30f, ms;
    cudaEventCreate(&a);
    cudaEventCreate(&b);
    for (int i = 0; i < 10; i++) {
        cudaEventRecord(a);
        work();
        cudaEventRecord(b);
        cudaEventSynchronize(b);
        cudaEventElapsedTime(&ms, a, b);
        best = ms < best ? ms : best;
    }
    return best;
}

int main()
{
    cudaDeviceProp p;
    char *x, *y;
    const size_t n = (size_t)1 << 30;
    if (bad(cudaGetDeviceProperties(&p, 0), "device") ||
        bad(cudaMalloc(&x, n), "memory") || bad(cudaMalloc(&y, n), "memory"))
        return 1;
    const float copy = best_ms(
        [&] { cudaMemcpyAsync(y, x, n, cudaMemcpyDeviceToDevice); });
    const int blocks = p.multiProcessorCount * 8;
    const float mma = best_ms(
        [&] { products<<<blocks, WARPS * 32>>>((float *)x); });
    if (bad(cudaDeviceSynchronize(), "products"))
        return 1;
    printf("{\"copy_gb_s\": %.1f, \"mma_f16_tflop_s\": %.1f}\n",
           2.0 * n / copy / 1e6,
           2.0 * 16 * 8 * 16 * CHAINS * ROUNDS * (double)blocks * WARPS / mma /
               1e9);
    return 0;
}
