#!/bin/sh
# SPDX-License-Identifier: MIT OR GPL-2.0-only
# The first process of the guest that `make run` shows: says what it sees and powers off.
mount -t proc proc /proc
model=$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)
seen() {
	grep -m 1 '^flags' /proc/cpuinfo | grep -q -w "$1" && echo "$2" || echo "$3"
}
echo
echo "Linux $(uname -r), guest of a hypervisor: $(seen hypervisor yes no)"
echo "processor:  $model"
echo "count:      $(grep -c '^processor' /proc/cpuinfo)"
echo "extensions: $(seen vmx 'VT-x is visible' 'no VT-x'), $(seen svm 'AMD-V is visible' 'no AMD-V')"
echo "memory:     $(sed -n 's/^MemTotal: *//p' /proc/meminfo)"
echo "up:         $(cut -d ' ' -f 1 /proc/uptime) s"
echo
poweroff -f
