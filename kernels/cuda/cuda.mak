# The CUDA plug-in where nvcc is, and its stand-in for tests, which runs the
# kernels' sources on the CPU.
# SPDX-License-Identifier: LGPL-2.1-or-later
#
#   make cuda-kernels   the kernels alone: build/kernels/cuda/kernels.fatbin
#   make gpu-pack       build/gpu: tests/gpu/run, for a machine with a GPU
CUDA_EMULATED := $(BUILD)/tests/ffgan-cuda-emulated.so
CUDA_DRIVER := $(BUILD)/tests/gpu/libcuda.so.1
CUDNN_STAND_IN := $(BUILD)/tests/gpu/cudnn/libcudnn.so.9
CUDA_HDRS := $(wildcard kernels/cuda/*.h kernels/cuda/*_template.c) \
    kernels/cuda.h kernels/plan.h kernels/flow_types.h kernels/flow_maths.h \
    kernels/adv_maths.h kernels/bits.h kernels/e4m3.h
CUDA_FATBIN := $(BUILD)/kernels/cuda/kernels.fatbin
CUDA_HOPPER := $(BUILD)/kernels/cuda/hopper.fatbin
CUDA_FP8 := $(BUILD)/kernels/cuda/fp8.fatbin
CUDA_PLUGIN := $(BUILD)/lib/ffgan-cuda.so
CUDA_PARTS := kernels/cuda/plugin.c kernels/cuda/images.c kernels/cuda/driver.c \
    kernels/cuda/cudnn.c kernels/error.c
# -isystem: cudnn.h wants CUDA's own headers, too.
CUDNN_FLAGS := $(if $(CUDNN_INCLUDE),-DFG_CUDNN -isystem $(CUDNN_INCLUDE) \
    -isystem $(CUDA_INCLUDE))
SO = $(CC) $(filter-out -MMD -MP,$(OWN)) $(PUBLIC) -fPIC -shared -o $@

$(CUDA_FATBIN): kernels/cuda/kernels.cu kernels/cuda/fatbin.sh $(CUDA_HDRS) \
    $(CONFIG)
	$(Q)mkdir -p $(@D)
	$(call BRIEF,NVCC,$<) FGCACHE=$(CACHE) sh kernels/cuda/fatbin.sh $@ \
	    "$(NVCC)" "$(CUDA_ARCHS)"

$(CUDA_HOPPER): kernels/cuda/hopper.cu kernels/cuda/fatbin.sh $(CUDA_HDRS) \
    $(CONFIG)
	$(Q)mkdir -p $(@D)
	$(call BRIEF,NVCC,$<) FGCACHE=$(CACHE) sh kernels/cuda/fatbin.sh $@ \
	    "$(NVCC)" 90a hopper.cu

# As PTX, too: for later ones, and 12.x where nvcc does not know that.
CUDA_FP8_ARCHS = 89 $(if $(findstring compute_120,$(shell $(NVCC) --list-gpu-arch)),120) ptx89
$(CUDA_FP8): kernels/cuda/fp8.cu kernels/cuda/fatbin.sh $(CUDA_HDRS) $(CONFIG)
	$(Q)mkdir -p $(@D)
	$(call BRIEF,NVCC,$<) FGCACHE=$(CACHE) sh kernels/cuda/fatbin.sh $@ \
	    "$(NVCC)" "$(CUDA_FP8_ARCHS)" fp8.cu

# libcuda and cuDNN are opened when it runs; there is nothing to link.
$(CUDA_PLUGIN): $(CUDA_PARTS) kernels/cuda/fatbin.S kernels/cuda/plugin.map \
    $(CUDA_FATBIN) $(CUDA_HOPPER) $(CUDA_FP8) build/config.h $(CUDA_HDRS)
	$(Q)mkdir -p $(@D)
	$(call BRIEF,LD,$@) $(SO) -isystem $(CUDA_INCLUDE) $(CUDNN_FLAGS) \
	    -DFG_CUDA_ARCHS='"$(CUDA_ARCHS)"' -DFATBIN='"$(CUDA_FATBIN)"' \
	    -DHOPPER_FATBIN='"$(CUDA_HOPPER)"' -DFP8_FATBIN='"$(CUDA_FP8)"' \
	    $(CUDA_PARTS) kernels/cuda/fatbin.S \
	    -Wl,--version-script=kernels/cuda/plugin.map

$(CUDA_EMULATED): kernels/cuda/emulate.c kernels/error.c build/config.h \
    $(CUDA_HDRS)
	$(Q)mkdir -p $(@D)
	$(call BRIEF,LD,$@) $(SO) kernels/cuda/emulate.c kernels/error.c -lm

# And one for the driver: FFmpeg and the real plug-in run on it.
$(CUDA_DRIVER): tests/gpu/fakecuda.c tests/gpu/runkernels.c \
    tests/gpu/fakecuda.h $(CUDA_HDRS)
	$(Q)mkdir -p $(@D)
	$(call BRIEF,LD,$@) $(SO) tests/gpu/fakecuda.c tests/gpu/runkernels.c \
	    -Wl,-soname,libcuda.so.1 -lm

# And one for cuDNN, on the driver's.
$(CUDNN_STAND_IN): tests/gpu/fakecudnn.c tests/gpu/fakecudnn.h \
    tests/gpu/fakecuda.h $(CUDA_DRIVER)
	$(Q)mkdir -p $(@D)
	$(call BRIEF,LD,$@) $(SO) -isystem $(CUDNN_INCLUDE) \
	    -isystem $(CUDA_INCLUDE) tests/gpu/fakecudnn.c $(CUDA_DRIVER) \
	    -Wl,-soname,libcudnn.so.9 -lm

$(BUILD)/tests/kernels/cuda_cudnn.o: PUBLIC += $(CUDNN_FLAGS)
all: $(if $(NVCC),$(CUDA_PLUGIN))
# All that tests/gpu/run needs on a machine with a GPU, beside the sources.
$(BUILD)/tests/gpu/accept: $(BUILD)/tests/gpu/accept.o $(LIBKERNELS)
	$(LINK) $^ $(LIBS)
GPU_STEPS := tape tape_gpu gpu net net_gpu optim loss loss_adv lot loss_tape
$(BUILD)/tests/gpu/steps: $(BUILD)/tests/gpu/steps.o \
    $(GPU_STEPS:%=$(BUILD)/trainer/%.o) $(LIBKERNELS)
	$(LINK) $^ $(LIBS)
GPU_PACK := tests/gpu/accept tests/gpu/steps tests/kernels/cuda_grad \
    tests/kernels/cuda_ops tests/kernels/cuda_plan tests/kernels/cuda_nets \
    tests/ffgan-cuda-emulated.so
GPU_BIG := bin/ffmpeg tests/trainer/batch_gpu
gpu-pack: $(call o,$(GPU_PACK) $(GPU_BIG)) $(CUDA_DRIVER)
	$(Q)BIG="$(call o,$(GPU_BIG))" sh tests/gpu/pack.sh build/gpu $(CUDA_DRIVER) $(call o,$(GPU_PACK))

cuda-kernels: $(CUDA_FATBIN) $(CUDA_HOPPER) $(CUDA_FP8)
tests: $(CUDA_EMULATED) $(CUDA_DRIVER) \
    $(if $(CUDNN_INCLUDE),$(CUDNN_STAND_IN)) $(BUILD)/tests/gpu/accept \
    $(BUILD)/tests/gpu/steps
.PHONY: cuda-kernels gpu-pack
