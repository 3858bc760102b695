# SPDX-License-Identifier: MIT OR GPL-2.0-only
# Debian's kernel as the guest, unpacked: an ELF file, entered at its own 64-bit entry. Its 50 MB
# would slow down the start of the others.
# tests: start processors hidden power_off
# mem: 768
# timeout: 600
# alone: yes
# guest: vmlinux
. ./boot.inc
boots /boot/vmlinux
