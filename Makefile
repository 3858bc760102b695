# SPDX-License-Identifier: MIT OR GPL-2.0-only
#
# Each part of the house brings its own build.mk; this file only gathers them.
# Everything that is built lands in build/.

BUILD := build
.DEFAULT_GOAL := all
.PHONY: all clean

all:

include $(sort $(wildcard */build.mk */*/build.mk))

clean:
	rm -rf $(BUILD)
