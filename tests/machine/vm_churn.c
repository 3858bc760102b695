// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * Makes, runs and destroys virtual machines; nothing may be left behind.
 * usage: vm_churn DEVICE [COUNT]
 */
#include "tap.h"

/* Kilobytes of a line of /proc/meminfo. */
static long meminfo(const char *field)
{
	FILE *f = fopen("/proc/meminfo", "r");
	char line[200];
	long kb = -1;

	while (f && fgets(line, sizeof(line), f)) {
		if (!strncmp(line, field, strlen(field)))
			kb = atol(line + strlen(field));
	}
	if (f)
		fclose(f);
	return kb;
}

/* Memory that is the kernel's for good: page tables of guests, structures, not the caches. */
static long kernel_kb(void)
{
	return meminfo("MemTotal:") - meminfo("MemFree:") - meminfo("Cached:") -
	       meminfo("Buffers:") - meminfo("KReclaimable:");
}

static void settle(void)
{
	int fd = open("/proc/sys/vm/drop_caches", O_WRONLY);

	if (fd >= 0) {
		if (write(fd, "3", 1) != 1)
			perror("drop_caches");
		close(fd);
	}
	usleep(300000); /* freed by RCU, and per-CPU lists */
}

static bool once(int dev)
{
	/* out 0x80, al; hlt */
	static const unsigned char code[] = { 0xe6, 0x80, 0xf4 };
	struct machine m = machine_make(dev, code, sizeof(code));
	bool good = !ioctl(m.vcpu, KVM_RUN, 0) && m.run->exit_reason == KVM_EXIT_IO &&
		    !ioctl(m.vcpu, KVM_RUN, 0) && m.run->exit_reason == KVM_EXIT_HLT;

	machine_close(&m);
	return good;
}

int main(int argc, char **argv)
{
	int dev = open_device(argc > 1 ? argv[1] : "/dev/swivl");
	int count = argc > 2 ? atoi(argv[2]) : 1000;
	int good = 0, i;
	long before, after;

	/* What is allocated once and kept (slabs, per-CPU lists) is there before it is measured. */
	for (i = 0; i < 50; i++)
		once(dev);
	settle();
	before = kernel_kb();
	for (i = 0; i < count; i++)
		good += once(dev);
	settle();
	after = kernel_kb();
	check(good == count, "%d of %d virtual machines ran", good, count);
	verdict("each runs");
	printf("# kernel memory: %ld KiB before, %ld KiB after\n", before, after);
	/* One page lost in each would be 4 KiB times the count; the noise is a few per-CPU lists. */
	check(after - before < count, "%ld KiB lost", after - before);
	verdict("no memory is lost");
	return failed;
}
