# ffgan: builds everything; rooms list their objects in */files.mak.
# SPDX-License-Identifier: LGPL-2.1-or-later
#
#   V=1 shows commands, SAN=1 builds with sanitizers into build-san, BUILD=DIR
#   builds elsewhere, DATADIR=DIR is where programs look for presets/.
.DEFAULT_GOAL := help
MAKEFLAGS += --no-builtin-rules
.SUFFIXES:
.DELETE_ON_ERROR:

CONFIG := build/config.mak
NO_CONFIG := help clean distclean source
ifneq ($(filter-out $(NO_CONFIG),$(or $(MAKECMDGOALS),help)),)
include $(CONFIG)
FLAGS := build/ffmpeg.mak
include $(FLAGS)
endif
include $(wildcard kernels/files.mak filters/files.mak pipeline/files.mak \
    trainer/files.mak) tests/files.mak

BUILD := $(if $(SAN),build-san,build)
DATADIR := $(CURDIR)/presets
JOBS := $(shell nproc)
Q := $(if $(V),,@)
BRIEF = $(if $(V),,@printf '  %-8s %s\n' $(1) $(2);)
unexport FLAGS

# ---- flags ----
ifneq ($(SAN),)
SANFLAGS := -fsanitize=address,undefined -fno-omit-frame-pointer \
    -fno-sanitize-recover=all
endif
CFLAGS := -O2 -g
WARN := -Wall -Wextra -Werror
OWN = -std=c11 -D_GNU_SOURCE -ffp-contract=off -pthread $(WARN) $(CFLAGS) \
    $(SANFLAGS) -I$(CURDIR) -MMD -MP $(call datadir,$@)
# The one thing that differs between two checkouts; the rest comes from ccache.
datadir = $(if $(filter %_find.o,$1),-DFFGAN_DATADIR='"$(DATADIR)"')
export CCACHE_BASEDIR := $(CURDIR)
export CCACHE_NOHASHDIR := 1
AVX512 := -mavx512f -mavx512bw -mavx512dq -mavx512vl -mfma -mf16c -O3
isa = $(if $(filter %_avx2.o %_avx2_f64.o,$1),-mavx2 -mfma -mf16c -O3)\
$(if $(filter %_neon.o,$1),-O3)\
$(if $(filter %_avx512.o %_avx512_f64.o,$1),$(AVX512))\
$(if $(filter %_avx512bf16.o,$1),$(AVX512) -mavx512bf16 -mavx512vnni)\
$(if $(filter %_avx512vnni.o,$1),$(AVX512) -mavx512vnni)\
$(if $(findstring fuzzer,$(SANFLAGS)),$(if $(findstring /x86/,$1),-fno-sanitize=all))\
$(if $(filter %_avxvnni.o,$1),-mavx2 -mfma -mf16c -mavxvnni -O3)\
$(if $(filter %_amx.o,$1),$(AVX512) -mavx512bf16 -mamx-tile -mamx-bf16 -mamx-int8)
PUBLIC := -Ibuild -isystem $(FF_DIR)/include $(OWN_CFLAGS)
PRIVATE := -DHAVE_AV_CONFIG_H -DBUILDING_avfilter -isystem $(FF_BUILD) \
    -isystem $(FF_SRC) $(FF_CPPFLAGS) -Wno-sign-compare \
    $(patsubst -I%,-isystem%,$(filter -I%/include,$(FF_CFLAGS)))
LIBS := $(FF_ARCHIVES) -Wl,--end-group $(FF_EXTRALIBS) $(OWN_LIBS) -pthread -lm
LINK = $(call BRIEF,LD,$@) $(CC) $(SANFLAGS) -Wl,--as-needed -o $@ \
    -Wl,--start-group

# ---- objects ----
o = $(addprefix $(BUILD)/,$(1))
KERNELS := $(call o,$(KERNELS_OBJS) $(KERNELS_REAL) $(KERNELS_REAL:.o=_f64.o))
FILTERS := $(call o,$(patsubst filters/%.c,filters/%.o,$(FILTERS_SRCS)))
PIPELINE := $(call o,$(PIPELINE_OBJS))
SOURCE := $(call o,$(SOURCE_OBJS))
TRAINER := $(call o,$(TRAINER_OBJS))
TESTS := $(call o,$(TEST_PROGS))
LIBKERNELS := $(BUILD)/libffgan-kernels.a
AVFILTER := $(BUILD)/ffmpeg/libavfilter.a
BINS := $(BUILD)/bin/ffmpeg $(BUILD)/bin/ffprobe \
    $(if $(PIPELINE_OBJS),$(BUILD)/bin/ffgan) \
    $(if $(TRAINER_OBJS),$(addprefix $(BUILD)/bin/,ffgan-train ffgan-eval \
    ffgan-search))

all: $(BINS)
kernels: $(LIBKERNELS)
filters: $(BUILD)/bin/ffmpeg $(BUILD)/bin/ffprobe
tests: $(TESTS)

$(CONFIG): configure $(wildcard filters/overlay/*)
	./configure $(CONFIGURE_ARGS)
# Made together; configure leaves the old file where nothing changed.
build/ffmpeg.mak build/config.h: $(CONFIG) ;

$(FILTERS): $(BUILD)/filters/%.o: filters/%.c
	$(Q)mkdir -p $(@D)
	$(call BRIEF,CC,$<) $(CC) $(OWN) $(PRIVATE) -c $< -o $@

$(BUILD)/%_f64.o: %.c
	$(Q)mkdir -p $(@D)
	$(call BRIEF,CC,"$< (double)") $(CC) $(OWN) $(call isa,$@) \
	    -DFG_REAL_DOUBLE -c $< -o $@

$(BUILD)/%.o: %.c build/config.h
	$(Q)mkdir -p $(@D)
	$(call BRIEF,CC,$<) $(CC) $(OWN) $(PUBLIC) $(call isa,$@) -c $< -o $@

%.a:
	$(call BRIEF,AR,$@) rm -f $@ && ar rcs $@ $^
$(LIBKERNELS): $(KERNELS)
$(BUILD)/libffgan-source.a: $(SOURCE)
$(BUILD)/libffgan-pipeline.a: $(PIPELINE)
$(BUILD)/libffgan-trainer.a: $(TRAINER)

# ---- FFmpeg with our filters: the cache is read, never written ----
$(BUILD)/ffmpeg/libavfilter/filter_list.c: $(wildcard filters/files.mak) \
    filters/overlay/filter_list.sh $(FF_BUILD)/libavfilter/filter_list.c
	$(Q)mkdir -p $(@D) && sh filters/overlay/filter_list.sh \
	    $(FF_BUILD)/libavfilter/filter_list.c $(FILTERS_SRCS) > $@

$(BUILD)/ffmpeg/allfilters.o: $(BUILD)/ffmpeg/libavfilter/filter_list.c
	$(call BRIEF,CC,libavfilter/allfilters.c) $(CC) -w \
	    -I$(BUILD)/ffmpeg -I$(FF_BUILD) -I$(FF_SRC) -DHAVE_AV_CONFIG_H \
	    -DBUILDING_avfilter $(FF_CPPFLAGS) $(FF_CFLAGS) \
	    -c $(FF_SRC)/libavfilter/allfilters.c -o $@

$(AVFILTER): $(BUILD)/ffmpeg/allfilters.o $(FILTERS) $(FF_AVFILTER)
	$(call BRIEF,AR,$@) cp $(FF_AVFILTER) $@ && \
	    ar d $@ allfilters.o && ar rs $@ $(filter %.o,$^) 2> /dev/null

# ---- programs ----
OURS := $(AVFILTER) $(LIBKERNELS)
$(BUILD)/bin/ffmpeg: $(FF_OBJS_ffmpeg) $(OURS)
$(BUILD)/bin/ffprobe: $(FF_OBJS_ffprobe) $(OURS)
$(BUILD)/bin/ffgan: $(PIPELINE) $(SOURCE) $(OURS)
$(BUILD)/bin/ffgan-train: $(TRAINER) $(SOURCE) $(OURS)
$(addprefix $(BUILD)/bin/,ffmpeg ffprobe ffgan ffgan-train):
	$(Q)mkdir -p $(@D)
	$(LINK) $^ $(LIBS)
$(BUILD)/bin/ffgan-eval $(BUILD)/bin/ffgan-search: $(BUILD)/bin/ffgan-train
	$(Q)ln -sf ffgan-train $@

# ---- tests ----
# Each room's tests link that room and those that it may use.
a = $(call o,$(patsubst %,libffgan-%.a,$(1)))
libs = $(or $(LIBS_$(word 2,$(subst /, ,$(1)))),$(LIBKERNELS))
LIBS_filters := $(OURS)
LIBS_pipeline := $(call a,pipeline source) $(OURS)
LIBS_presets := $(LIBS_pipeline)
LIBS_trainer := $(call a,trainer source) $(OURS)
LIBS_bench := $(LIBS_trainer)
helpers = $(call o,$(patsubst %.c,%.o,$(filter $(dir $(1))%,$(TEST_HELPERS))))
.SECONDEXPANSION:
$(TESTS): $(BUILD)/%: $(BUILD)/%.o $$(call helpers,$$*) \
    $$(call libs,$$*)
	$(LINK) $^ $(LIBS) $(CMOCKA_LIBS)
$(BUILD)/tests/filters/%.o: tests/filters/%.c
	$(Q)mkdir -p $(@D)
	$(call BRIEF,CC,$<) $(CC) $(OWN) $(PRIVATE) -c $< -o $@

include kernels/cuda/cuda.mak tests/rules.mak
demo: all
	$(Q)BUILD=$(abspath $(BUILD)) sh presets/demo.sh "$(IN)"

# ---- installing, packing, cleaning ----
# Its own build folder, since programs know where their presets are.
install: $(CONFIG)
	$(Q)$(MAKE) --no-print-directory BUILD=build-install \
	    DATADIR=$(PREFIX)/share/ffgan all
	sh filters/overlay/install.sh build-install "$(DESTDIR)$(PREFIX)"
dist deb: all
	$(Q)sh filters/overlay/dist.sh $(BUILD) $(VERSION) $(if $(filter deb,$@),deb,tar)
source:
	$(Q)sh filters/overlay/source.sh
clean:
	rm -rf build-san build-install build-ff9 build/fuzz $(filter-out \
	    build/config% build/ffmpeg.mak,$(wildcard build/*))
distclean:
	rm -rf build build-san build-install build-ff9 demo

help:
	@sed -n 's/^#? //p' Makefile
#? make all            ffgan, ffgan-train, ffmpeg and ffprobe in build/bin
#? make demo [IN=clip] upscale a clip two times: demo/upscaled.mkv, compare.png
#? make check          build and run all tests; ONLY=word picks some
#? make check-san      the same with address and undefined-behaviour sanitizers
#? make check-ffmpeg9  the filters' frame checksums in FFmpeg 9.0
#? make check-aarch64  the kernels and their tests for aarch64, in qemu-user
#? make lint           style, headers, static analysis
#? make bench          speed of the kernels on this machine
#? make bench-peers    beside other engines: PEERS_PYTHON=... PEERS="--networks A"
#? make gpu-pack       build/gpu, for tests/gpu/run on a machine with a GPU
#? make fuzz           fuzz the readers, FUZZ_SECONDS=60 each
#? make install        into --prefix; DESTDIR= is honoured
#? make dist           a tarball that runs where nothing is installed; make deb
#? make source         a source tarball
#? make clean          remove objects; make distclean also the configuration
#? The first make runs ./configure, which fetches and builds FFmpeg once.

.PHONY: all kernels filters tests check check-san bench bench-peers fuzz fuzz-libs check-aarch64 check-ffmpeg9 \
    lint checkheaders demo install dist deb source clean distclean help
-include $(shell [ ! -d $(BUILD) ] || find $(BUILD) -name '*.d')
