# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""The emulated machine: Debian's cloud kernel in Bochs (Intel) or QEMU TCG (AMD)."""
