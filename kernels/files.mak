# kernels: pure maths. KERNELS_REAL is compiled twice, as NAME.o (float) and
# NAME_f64.o (double, -DFG_REAL_DOUBLE). ISA flags come from file names.
# SPDX-License-Identifier: LGPL-2.1-or-later
KERNELS_OBJS := \
    kernels/error.o kernels/tensor.o kernels/cpu.o kernels/pool.o \
    kernels/philox.o kernels/dsp.o kernels/dsp_c.o kernels/gemm_c.o kernels/conv_gemm.o kernels/conv_pack.o \
    kernels/wino.o kernels/wino_pack.o kernels/wino_c.o \
    kernels/wino_grad.o kernels/wino_grad_c.o \
    kernels/mat.o kernels/mat_pack.o kernels/mat_c.o \
    kernels/q8.o kernels/q8_pack.o kernels/q8_c.o kernels/calibrate.o \
    kernels/ops.o \
    kernels/graph.o kernels/graph_json.o kernels/build.o kernels/build_gan.o kernels/collapse.o \
    kernels/build_cells.o kernels/params.o kernels/reach.o \
    kernels/model.o kernels/model_write.o kernels/model_find.o \
    kernels/model_task.o kernels/freeze.o kernels/latent.o kernels/latent_json.o \
    kernels/walk.o kernels/generator.o kernels/generator_fill.o \
    kernels/generator_project.o kernels/flow.o kernels/flow_time.o \
    kernels/flow_plane.o kernels/flow_c.o kernels/interp.o \
    kernels/plan.o kernels/plan_share.o kernels/plan_run.o kernels/plan_wave.o kernels/plan_tile.o kernels/plan_band.o kernels/plan_tail.o kernels/plan_fused.o \
    kernels/plan_type.o kernels/plan_cost.o \
    kernels/cache.o kernels/cuda_choice.o kernels/cuda_fp8.o kernels/fp8.o kernels/cuda_tune.o kernels/cuda_band.o \
    kernels/cuda_load.o kernels/cuda_plan.o kernels/cuda_step.o kernels/cuda_frame.o \
    kernels/cuda_work.o kernels/cuda_flow.o kernels/cuda_steady.o kernels/cuda_generator.o \
    kernels/cuda_between.o kernels/cuda_copy.o kernels/cuda_train.o kernels/cuda_train_conv.o \
    kernels/cuda_train_pass.o \
    kernels/zip.o kernels/pickle.o kernels/import.o kernels/import_bag.o kernels/import_probe.o kernels/import_text.o \
    kernels/import_layers.o kernels/import_cache.o kernels/import_torch.o \
    kernels/import_safetensors.o kernels/import_onnx.o kernels/onnx_read.o \
    kernels/onnx_shape.o kernels/onnx_math.o kernels/onnx_layers.o \
    kernels/onnx_norm.o kernels/onnx_view.o kernels/import_cubic.o \
    kernels/import_dysample.o kernels/import_ncnn.o \
    kernels/ncnn_frames.o kernels/ncnn_layers.o kernels/export_onnx.o kernels/export_onnx_far.o \
    kernels/onnx_write.o kernels/export_state.o \
    kernels/family_compact.o kernels/family_esrgan.o kernels/family_span.o \
    kernels/family_mosr.o kernels/family_ntire.o kernels/family_plksr.o kernels/family_ifnet.o \
    kernels/family_esa.o kernels/family_rfdn.o kernels/family_safmn.o kernels/family_pfdn.o

# The float form goes through FgDsp.
KERNELS_REAL := \
    kernels/conv2d.o kernels/deconv2d.o kernels/conv_ring.o \
    kernels/conv_rows.o kernels/conv_wgrad.o kernels/bias.o kernels/relu.o \
    kernels/leaky_relu.o kernels/prelu.o kernels/silu.o kernels/sigmoid.o \
    kernels/tanh.o kernels/add.o kernels/mul.o kernels/concat.o \
    kernels/scale.o kernels/pixel_shuffle.o kernels/pixel_unshuffle.o \
    kernels/resize.o kernels/avg_pool.o kernels/max_pool.o \
    kernels/instance_norm.o kernels/batch_norm.o kernels/dense.o \
    kernels/dropout.o kernels/warp.o kernels/pad.o kernels/slice.o kernels/correlate.o \
    kernels/gelu.o kernels/mish.o kernels/group_norm.o kernels/layer_norm.o \
    kernels/mean.o kernels/resize_like.o

MACHINE := $(shell $(or $(CC),cc) -dumpmachine)
ifneq ($(filter x86_64-%,$(MACHINE)),)
KERNELS_OBJS += \
    kernels/x86/flow_avx2.o kernels/x86/flow_avx512.o
KERNELS_OBJS += \
    kernels/x86/conv_row_avx2.o kernels/x86/wgrad_avx2.o kernels/x86/conv_row_bf16_avx2.o \
    kernels/x86/point_avx2.o \
    kernels/x86/conv_row_avx512.o kernels/x86/wgrad_avx512.o \
    kernels/x86/gemm_avx2.o kernels/x86/gemm_avx512.o \
    kernels/x86/point_avx512.o kernels/x86/conv_row_avx512bf16.o

KERNELS_OBJS += \
    kernels/x86/wino_avx2.o kernels/x86/wino_avx512.o \
    kernels/x86/wino_avx512vnni.o kernels/x86/wino_avxvnni.o \
    kernels/x86/wino_grad_avx2.o kernels/x86/wino_grad_avx512.o \
    kernels/x86/wino_grad_avx512bf16.o kernels/x86/mat_amx.o
KERNELS_OBJS += \
    kernels/x86/q8_avx2.o kernels/x86/q8_avxvnni.o kernels/x86/q8_avx512.o \
    kernels/x86/q8_avx512vnni.o kernels/x86/q8_amx.o
endif
ifneq ($(filter aarch64-%,$(MACHINE)),)
KERNELS_OBJS += \
    kernels/aarch64/wino_neon.o kernels/aarch64/wino_grad_neon.o \
    kernels/aarch64/dsp_neon.o kernels/aarch64/conv_row_bf16_neon.o kernels/aarch64/q8_neon.o
endif
