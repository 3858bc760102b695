# SPDX-License-Identifier: MIT OR GPL-2.0-only
# A processor with EPT but without unrestricted guest.
# tests: refused
. ./swivl.inc
refused refused '\(no-unrestricted-guest'
