# SPDX-License-Identifier: MIT OR GPL-2.0-only
#
# The pages are checked against the code with the unit tests.

UNIT_SCRIPTS += tests/unit/docs.py
