# SPDX-License-Identifier: MIT OR GPL-2.0-only
# Debian's kernel as the guest, as Debian ships it.
# tests: start processors hidden power_off
# mem: 768
# timeout: 600
# guest: vmlinuz
. ./boot.inc
boots /boot/vmlinuz
