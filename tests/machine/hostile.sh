# SPDX-License-Identifier: MIT OR GPL-2.0-only
# Guests that reach for the host, and what the host's registers say to that.
# module: msr
. ./swivl.inc
modprobe msr || exit 1
load
guest_hostile /dev/swivl
unload $?
