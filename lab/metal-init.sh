#!/bin/busybox sh
# SPDX-License-Identifier: MIT OR GPL-2.0-only
# The first process of Debian's kernel on a disk of the lab's (lab/machine/disk.py). The kernel's
# command line says what is done: lab.do=WHAT[,WHAT...]; what is after "again", at the second start.
export PATH=/bin
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev 2>/dev/null
for m in $(cat /modules/order); do
	insmod "/modules/$m" 2>/dev/null
done
todo=$(sed -n 's/.*lab\.do=\([^ ]*\).*/\1/p' /proc/cmdline | tr ',' ' ')
cpus=$(grep -c '^processor' /proc/cpuinfo)

# The disk may be found a moment later.
disk() {
	for i in 1 2 3 4 5 6 7 8 9 10; do
		[ -b /dev/sda2 ] && return
		sleep 1
	done
	echo "lab: disk: none"
	return 1
}

report() {
	echo "lab: Linux $(uname -r) on $cpus processors"
	sed -n 's/^model name[^:]*: */lab: processor: /p' /proc/cpuinfo
	echo "lab: memory: $(sed -n 's/^MemTotal: *//p' /proc/meminfo)"
	[ ! -x /bin/swivl ] || swivl metal
}

# Writes and reads the second partition, past the page cache.
write_disk() {
	disk || return
	dd if=/dev/urandom of=/tmp/data bs=64k count=64 2>/dev/null
	dd if=/tmp/data of=/dev/sda2 bs=64k conv=fsync 2>/dev/null
	echo 3 >/proc/sys/vm/drop_caches
	if [ "$(dd if=/dev/sda2 bs=64k count=64 2>/dev/null | sha256sum)" = "$(sha256sum </tmp/data)" ]; then
		echo "lab: disk: written and read"
	else
		echo "lab: disk: WRONG"
	fi
}

# The first start leaves a word behind what write_disk() writes.
again() {
	echo again | dd of=/dev/sda2 bs=1M seek=8 conv=fsync 2>/dev/null
	echo "lab: reboots"
	drain
	reboot -f
}

started_again() {
	disk && dd if=/dev/sda2 bs=1M skip=8 count=1 2>/dev/null | head -c 5 | grep -q again
}

# How busy each processor was, in ticks of 1/100 s.
busy() {
	awk '/^cpu[0-9]/ { print $1, $2 + $3 + $4 }' /proc/stat
}

# A program of lab.functions= functions, compiled on every processor at once; each prints the same sum.
build() {
	functions=$(sed -n 's/.*lab\.functions=\([0-9]*\).*/\1/p' /proc/cmdline)
	busy >/b/before
	i=0
	while [ $i -lt 8 ]; do
		build_one $i ${functions:-1500} >/b/$i.out 2>&1 &
		i=$((i + 1))
	done
	wait
	if [ "$(cat /b/*.out | sort -u | wc -l)" = 1 ] && grep -q '^sum [0-9]' /b/0.out; then
		echo "lab: build: 8 programs, $(cat /b/0.out)"
		busy | awk 'NR == FNR { was[$1] = $2; next }
			{ print "lab: build: " $1 " busy " ($2 - was[$1]) }' /b/before -
	else
		echo "lab: build: WRONG"
		head -5 /b/*.out
	fi
}

build_one() {
	awk -v n=$2 'BEGIN {
		print "int printf(const char *, ...);"
		for (i = 0; i < n; i++) {
			printf "static unsigned f%d(unsigned x)\n{\n\tfor (int i = 0; i < 9; i++)\n", i
			printf "\t\tx = x * %du + (x >> %d) + i;\n\treturn x;\n}\n", 2 * i + 3, i % 13 + 1
		}
		print "int main(void)\n{\n\tunsigned x = 1;"
		print "\tfor (int n = 0; n < 200; n++) {"
		for (i = 0; i < n; i++)
			printf "\t\tx ^= f%d(x);\n", i
		print "\t}\n\tprintf(\"sum %u\\n\", x);\n\treturn 0;\n}"
	}' >/b/$1.c
	tcc -c -o /b/$1.o /b/$1.c && gzip -c /b/$1.o | gunzip | cmp - /b/$1.o && tcc -nostdinc -run /b/$1.c
}

# What was written to the console is out before the machine ends.
drain() {
	stty -F /dev/ttyS0 sane
}

case " $todo " in
*" again "*) ! started_again || todo=${todo#*again} ;;
esac
for what in $todo; do
	case $what in
	report) report ;;
	disk) write_disk ;;
	build) build ;;
	ticks) echo "lab: ticks: $(ticks)" ;;
	exits) swivl metal ;;
	shell) setsid cttyhack sh ;;
	reboot) echo "lab: reboots"; drain; reboot -f ;;
	off) echo "lab: off"; drain; poweroff -f ;;
	again) again ;;
	stay) echo "lab: stays"; while :; do sleep 1000; done ;;
	esac
done
echo
echo "lab login: (no user can log in; lab.do=shell gives a prompt)"
while :; do sleep 1000; done
