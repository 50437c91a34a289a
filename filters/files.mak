# The filters' sources: vf_* are registered, the rest are shared.
# SPDX-License-Identifier: LGPL-2.1-or-later
FILTERS_SRCS := filters/vf_gansr.c filters/upscale.c filters/frame.c \
    filters/colour.c filters/resample.c filters/props.c filters/size.c
