# Test programs are every .c with a main(); the other .c of a folder are linked
# into all its programs. Nothing to edit when a test is added.
# SPDX-License-Identifier: LGPL-2.1-or-later
TEST_ROOMS := kernels filters pipeline trainer presets
TEST_SRCS := $(wildcard $(TEST_ROOMS:%=tests/%/*.c) tests/bench/*.c)
TEST_MAINS := $(shell grep -l "^int main\b" $(TEST_SRCS) /dev/null)
TEST_HELPERS := $(filter-out $(TEST_MAINS),$(TEST_SRCS))
TEST_PROGS := $(TEST_MAINS:%.c=%)
FUZZ_SRCS := $(wildcard tests/fuzz/*.c)
