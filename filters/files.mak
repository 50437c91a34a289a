# The filters' sources: vf_* and vsrc_* are registered, the rest are shared.
# SPDX-License-Identifier: LGPL-2.1-or-later
FILTERS_SRCS := filters/vf_gansr.c filters/vsrc_gansrc.c \
    filters/vf_ganinterp.c filters/vf_gandown.c filters/vf_ganup.c filters/vf_ganfx.c filters/steady.c \
    filters/between.c filters/whole.c filters/planes.c \
    filters/filter.c filters/keys.c filters/upscale.c filters/upscale_rows.c filters/flight.c filters/side.c filters/frame.c \
    filters/colour.c filters/chroma.c filters/chroma_mix.c filters/resample.c filters/byrow.c filters/props.c filters/size.c \
    filters/gpu.c filters/gpu_between.c filters/gpu_made.c
