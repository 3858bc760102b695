# SPDX-License-Identifier: MIT OR GPL-2.0-only
# An AMD processor.
# tests: refused
. ./swivl.inc
refused refused 'AMD-V'
