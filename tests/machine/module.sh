# SPDX-License-Identifier: MIT OR GPL-2.0-only
# Loading, the node, its name, unloading; and that unloading waits for the last VM.
# tests: load node in-use unload vmxe name-kvm name-taken name-bad again
. ./swivl.inc

insmod /lab/swivl.ko
verdict load $?

ls -l /dev/swivl
[ "$(stat -c '%F %a' /dev/swivl)" = "character special file 660" ]
verdict node $?

# Descriptors of a VM hold the module, also when the device's own is closed.
hold_vm /dev/swivl &
sleep 1
[ "$(users)" -ge 2 ] && ! rmmod swivl && loaded
verdict in-use $?
kill %1
wait %1
[ "$(users)" = 0 ] && rmmod swivl && ! loaded && [ ! -e /dev/swivl ]
verdict unload $?

# CR4 is as it was: nobody holds VMX.
insmod /lab/swivl.ko && rmmod swivl
verdict vmxe $?

insmod /lab/swivl.ko device=kvm && [ "$(stat -c '%t %T' /dev/kvm)" = "a e8" ] &&
	lifetime /dev/kvm >/tmp/out && rmmod swivl
verdict name-kvm $? "$(cat /tmp/out)"

! insmod /lab/swivl.ko device=null && says '/dev/null exists' true && ! loaded
verdict name-taken $?
! insmod /lab/swivl.ko device=../x && says 'is not a name' true &&
	! insmod /lab/swivl.ko device= && ! loaded
verdict name-bad $?

n=0
while [ $n -lt 5 ] && insmod /lab/swivl.ko && rmmod swivl; do
	n=$((n + 1))
done
[ $n = 5 ]
verdict again $? "$n of 5 rounds"
