# objects of the ffgan program; SPDX-License-Identifier: LGPL-2.1-or-later
SOURCE_OBJS := pipeline/picture.o pipeline/list.o pipeline/yaml.o \
    pipeline/keys.o pipeline/recode.o

PIPELINE_OBJS := pipeline/main.o pipeline/util.o pipeline/log.o \
    pipeline/queue.o pipeline/progress.o pipeline/stop.o pipeline/input.o \
    pipeline/sequence.o pipeline/whole.o pipeline/times.o pipeline/source_av.o pipeline/graph.o \
    pipeline/encoder.o pipeline/output.o pipeline/tempfile.o \
    pipeline/streams.o pipeline/sink.o \
    pipeline/verify.o pipeline/run.o pipeline/job.o pipeline/dryrun.o \
    pipeline/cmd_upscale.o pipeline/cmd_model.o pipeline/model_plan.o pipeline/model_convert.o pipeline/cmd_check.o pipeline/model_reference.o pipeline/cmd_bench.o \
    pipeline/cmd_doctor.o
PIPELINE_OBJS += pipeline/index.o pipeline/temporal.o pipeline/rate.o pipeline/fields.o pipeline/packets.o \
    pipeline/hash.o pipeline/stream_info.o pipeline/job_plan.o \
    pipeline/job_plan_file.o pipeline/identity.o pipeline/preset_json.o \
    pipeline/path_json.o pipeline/receipt.o pipeline/chunk.o pipeline/join.o \
    pipeline/engine.o pipeline/device.o pipeline/workers.o pipeline/batch.o pipeline/cmd_job.o pipeline/cmd_colour.o pipeline/target.o pipeline/exr_read.o \
    pipeline/exr_write.o pipeline/exr_plan.o pipeline/chain.o pipeline/layers.o pipeline/provenance.o pipeline/dpx.o pipeline/bleed.o
PIPELINE_OBJS += pipeline/cmd_generate.o pipeline/generate.o \
    pipeline/generate_stage.o pipeline/cmd_variations.o pipeline/cmd_compare.o \
    pipeline/compare.o pipeline/compare_page.o
PIPELINE_OBJS += pipeline/preset.o pipeline/preset_keys.o \
    pipeline/preset_graph.o pipeline/preset_schema.o pipeline/cmd_preset.o
PIPELINE_OBJS += pipeline/preset_find.o pipeline/preset_params.o \
    pipeline/preset_option.o pipeline/preset_output.o pipeline/preset_shots.o
PIPELINE_OBJS += pipeline/attempt.o pipeline/cmd_worker.o pipeline/cmd_farm.o \
    pipeline/farm.o pipeline/farm_file.o pipeline/farm_slurm.o \
    pipeline/farm_openjd.o pipeline/farm_k8s.o pipeline/farm_commands.o \
    pipeline/farm_local.o pipeline/farm_status.o
PIPELINE_OBJS += pipeline/model_freeze.o pipeline/model_calibrate.o
