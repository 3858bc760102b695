// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * Holds a VM with one vCPU until it is killed, with its guest spinning all the time. On SIGUSR1
 * it says whether the guest went on since the last time: "runs" or "stands still".
 * usage: hold_vm DEVICE [CPU]
 */
#define ENDS_BY_SIGNAL
#include "tap.h"

#include <sched.h>
#include <signal.h>

static volatile sig_atomic_t asked;

static void ask(int signal)
{
	asked = 1;
}

int main(int argc, char **argv)
{
	/* inc word [0x2000]; jmp back */
	static const unsigned char code[] = { 0xff, 0x06, 0x00, 0x20, 0xeb, 0xfa };
	struct machine m = machine_make(open_device(argc > 1 ? argv[1] : "/dev/swivl"), code,
					sizeof(code));
	volatile unsigned short *count = (void *)(m.mem + 0x2000);
	struct sigaction action = { .sa_handler = ask };
	unsigned short last = 0;

	sigaction(SIGUSR1, &action, NULL);
	if (argc > 2) {
		cpu_set_t set;

		CPU_ZERO(&set);
		CPU_SET(atoi(argv[2]), &set);
		if (sched_setaffinity(0, sizeof(set), &set))
			die("sched_setaffinity");
	}
	close(m.dev);
	while (!ioctl(m.vcpu, KVM_RUN, 0) || errno == EINTR) {
		if (!asked)
			continue;
		asked = 0;
		puts(*count != last ? "runs" : "stands still");
		fflush(stdout);
		last = *count;
	}
	die("KVM_RUN");
}
