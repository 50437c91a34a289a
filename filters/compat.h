/* ffgan: one face for the FFmpeg releases that the filters build in.
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * 7.1: AVFilter with public fields at the top. 8.0 and later (libavfilter 11):
 * FFFilter with them under .p. Write FG_PUB(name) = "x". */
#ifndef FFGAN_FILTERS_COMPAT_H
#define FFGAN_FILTERS_COMPAT_H

#include <libavfilter/version_major.h>
#include <libavfilter/version.h>
#include <libavfilter/avfilter.h>
#include <libavfilter/filters.h>
#include <libavfilter/formats.h>
#include <libavfilter/video.h>

#if LIBAVFILTER_VERSION_MAJOR >= 11
#define FG_PUB(field) .p.field
#else
#define FG_PUB(field) .field
#define FFFilter AVFilter
#endif

#endif
