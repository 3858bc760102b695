# SPDX-License-Identifier: MIT OR GPL-2.0-only
#
# The emulated machine: packages, the machine tests, make run and make shell.

.PHONY: install-run install-test kernel

install-run:
	@lab/install run

install-test:
	@lab/install run test

# Debian's kernel, fetched and unpacked.
kernel: install-run
	@lab/kernel vmlinuz
