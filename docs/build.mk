# SPDX-License-Identifier: MIT OR GPL-2.0-only
#
# The pages are checked against the code with the unit tests.

UNIT_SCRIPTS += $(BUILD)/unit/test_docs
# The list of docs/rules.md comes from the command; its example is linked with the library.
$(BUILD)/unit/test_docs: tests/unit/docs.py $(BUILD)/cli/swivl $(BUILD)/lib/libswivlrules.a
	@mkdir -p $(@D)
	install -m 755 $< $@
