# The GPU kernels' stand-in for tests, which runs their sources on the CPU; and
# the kernels themselves, where nvcc is.
# SPDX-License-Identifier: LGPL-2.1-or-later
#
#   make cuda-kernels [NVCC=nvcc] [CUDA_ARCHS="75 90a"]
NVCC := nvcc
CUDA_ARCHS := 75 90a
CUDA_EMULATED := $(BUILD)/tests/ffgan-cuda-emulated.so
CUDA_HDRS := $(wildcard kernels/cuda/*.h) kernels/cuda.h kernels/plan.h

$(BUILD)/kernels/cuda/kernels.fatbin: kernels/cuda/kernels.cu $(CUDA_HDRS)
	$(Q)mkdir -p $(@D)
	$(call BRIEF,NVCC,$<) $(NVCC) -std=c++17 -O3 \
	    $(foreach a,$(CUDA_ARCHS),-gencode arch=compute_$a,code=sm_$a) \
	    -Xptxas -v -Xfatbin -compress-all --fatbin -I$(CURDIR) -o $@ $< \
	    2> $@.log || { cat $@.log >&2; exit 1; }

$(CUDA_EMULATED): kernels/cuda/emulate.c kernels/error.c build/config.h \
    $(CUDA_HDRS)
	$(Q)mkdir -p $(@D)
	$(call BRIEF,LD,$@) $(CC) $(filter-out -MMD -MP,$(OWN)) $(PUBLIC) -fPIC \
	    -shared -o $@ kernels/cuda/emulate.c kernels/error.c -lm

cuda-kernels: $(BUILD)/kernels/cuda/kernels.fatbin
tests: $(CUDA_EMULATED)
.PHONY: cuda-kernels
