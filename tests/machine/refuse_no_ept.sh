# SPDX-License-Identifier: MIT OR GPL-2.0-only
# A processor with VT-x but without EPT.
# tests: refused
. ./swivl.inc
refused refused '\(no-ept'
