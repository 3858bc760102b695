# SPDX-License-Identifier: MIT OR GPL-2.0-only
# 1,000 VMs made, run and destroyed; 50 processes killed while their guest spins.
. ./swivl.inc

insmod /lab/swivl.ko
vm_churn /dev/swivl 1000
spin_kill /dev/swivl 50
[ "$(users)" = 0 ] && rmmod swivl
verdict nothing-is-left $? "$(users) users"
