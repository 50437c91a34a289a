# Prints, as make variables, how a built FFmpeg compiles and links. Run in its
# build folder; its makefiles are only read.
# SPDX-License-Identifier: LGPL-2.1-or-later
include Makefile

B := $(FFDIR)/build
# FF_EXTRALIBS starts with FFmpeg's own libraries in linking order.
OWN := $(filter $(ALLFFLIBS:%=-l%),$(FF_EXTRALIBS))
REST := $(filter-out $(OWN),$(FF_EXTRALIBS))
NAMES := $(filter-out avfilter,$(OWN:-l%=%))
KEEP := $(filter-out -I. -I$(SRC_PATH)/ -I$(SRC_LINK)/,$(CPPFLAGS))

print-flags:
	@echo 'FF_DIR := $(FFDIR)'
	@echo 'FF_SRC := $(FFSRC)'
	@echo 'FF_BUILD := $B'
	@echo 'FF_CPPFLAGS := $(subst -I$(SRC_PATH),-isystem $(FFSRC),$(KEEP))'
	@echo 'FF_CFLAGS := $(CFLAGS)'
	@echo 'FF_AVFILTER := $B/libavfilter/libavfilter.a'
	@echo 'FF_ARCHIVES := $(foreach n,$(NAMES),$B/lib$n/lib$n.a)'
	@echo 'FF_EXTRALIBS := $(REST)'
	@echo 'FF_OBJS_ffmpeg := $(addprefix $B/,$(OBJS-ffmpeg))'
	@echo 'FF_OBJS_ffprobe := $(addprefix $B/,$(OBJS-ffprobe))'

.PHONY: print-flags
