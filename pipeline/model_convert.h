/* ffgan: model convert, export, freeze, formats.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FFGAN_PIPELINE_MODEL_CONVERT_H
#define FFGAN_PIPELINE_MODEL_CONVERT_H

/* argv[0] is "convert" or "export"; returns the exit code. */
int fg_model_convert(int argc, char **argv);
/* argv[0] is "freeze": model_freeze.c; returns the exit code. */
int fg_model_freeze_command(int argc, char **argv);
/* argv[0] is "calibrate": model_calibrate.c; returns the exit code. */
int fg_model_calibrate_command(int argc, char **argv);
/* Prints the formats, families and operators that are read, as Markdown. */
int fg_model_formats(void);

#endif
