// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * Holds a VM with one vCPU until it is killed, with its guest spinning all the time.
 * usage: hold_vm DEVICE [CPU]
 */
#include "tap.h"

#include <sched.h>

int main(int argc, char **argv)
{
	/* inc word [0x2000]; jmp back */
	static const unsigned char code[] = { 0xff, 0x06, 0x00, 0x20, 0xeb, 0xfa };
	struct machine m = machine_make(open_device(argc > 1 ? argv[1] : "/dev/swivl"), code,
					sizeof(code));

	if (argc > 2) {
		cpu_set_t set;

		CPU_ZERO(&set);
		CPU_SET(atoi(argv[2]), &set);
		if (sched_setaffinity(0, sizeof(set), &set))
			die("sched_setaffinity");
	}
	close(m.dev);
	while (!ioctl(m.vcpu, KVM_RUN, 0) || errno == EINTR)
		;
	die("KVM_RUN");
}
