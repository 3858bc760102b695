// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * A process is killed while its guest spins, again and again.
 * usage: spin_kill DEVICE [COUNT]
 */
#include "tap.h"

#include <signal.h>
#include <sys/wait.h>
#include <time.h>

static void spin(const char *device, volatile int *running)
{
	/* inc word [0x2000]; jmp back */
	static const unsigned char code[] = { 0xff, 0x06, 0x00, 0x20, 0xeb, 0xfa };
	struct machine m = machine_make(open_device(device), code, sizeof(code));

	*running = 1;
	ioctl(m.vcpu, KVM_RUN, 0);
	*running = -1; /* it never ends by itself */
	exit(3);
}

int main(int argc, char **argv)
{
	const char *device = argc > 1 ? argv[1] : "/dev/swivl";
	int count = argc > 2 ? atoi(argv[2]) : 50;
	volatile int *running = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
				     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int killed = 0, i;

	for (i = 0; i < count; i++) {
		pid_t pid;
		int status;

		*running = 0;
		pid = fork();
		if (!pid)
			spin(device, running);
		while (!*running && !waitpid(pid, &status, WNOHANG))
			usleep(1000);
		usleep(i % 5 * 1000);
		kill(pid, SIGKILL);
		if (waitpid(pid, &status, 0) != pid || *running != 1)
			break;
		killed += WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
	}
	check(killed == count, "%d of %d died", killed, count);
	verdict("spinning guests die with their process");
	return failed;
}
