# SPDX-License-Identifier: MIT OR GPL-2.0-only
# libswivl, in C and C++.
# tests: opening memory dirty-log kicks state interrupts counters entry-failure
. ./swivl.inc
insmod /lab/swivl.ko
SWIVL_DEVICE=/dev/swivl library
rmmod swivl || echo "not ok memory - the module is still in use: $(users)"
