// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * Starts a second kernel without a reset, which only works on processors that left VMX operation.
 * usage: second_kernel now|crash KERNEL COMMAND-LINE
 * As the second kernel's first process it says that it got there and ends the machine.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/io.h>
#include <sys/mman.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define KEXEC_ON_CRASH 2

/* The lab's channel for output, and its mark for the end of a script with status 0. */
static int second(void)
{
	static const char text[] = "ok second-kernel\n\036end restart 0\n\020E0\n", end[] = "Shutdown";
	const char *p;

	if (iopl(3))
		return 1;
	outsb(0xe9, text, sizeof(text) - 1);
	for (p = end; *p; p++)
		outb(*p, 0x8900);
	reboot(RB_AUTOBOOT);
	return 1;
}

/* An archive with this program as /init: cpio "newc" of one file. */
static int make_initrd(void)
{
	static char head[] = "070701";
	int in = open("/proc/self/exe", O_RDONLY), fd = memfd_create("initrd", 0);
	struct stat st;
	FILE *f = fdopen(dup(fd), "w");
	char *body;

	if (in < 0 || fd < 0 || !f || fstat(in, &st))
		return -1;
	body = malloc(st.st_size);
	if (!body || read(in, body, st.st_size) != st.st_size)
		return -1;
	fprintf(f, "%s%08x%08x%08x%08x%08x%08x%08lx%08x%08x%08x%08x%08x%08xinit%c%c", head, 1,
		S_IFREG | 0755, 0, 0, 1, 0, (unsigned long)st.st_size, 0, 0, 0, 0, 5, 0, 0, 0);
	fwrite("", 1, (4 - ftell(f) % 4) % 4, f);
	fwrite(body, 1, st.st_size, f);
	while (ftell(f) % 4)
		fputc(0, f);
	fprintf(f, "%s%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08xTRAILER!!!%c%c%c%c", head, 0,
		0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 11, 0, 0, 0, 0, 0);
	fclose(f);
	return fd;
}

int main(int argc, char **argv)
{
	bool crash = argc > 1 && !strcmp(argv[1], "crash");
	int kernel, initrd;

	if (getpid() == 1)
		return second();
	if (argc != 4)
		return 2;
	kernel = open(argv[2], O_RDONLY);
	initrd = make_initrd();
	if (kernel < 0 || initrd < 0 ||
	    syscall(SYS_kexec_file_load, kernel, initrd, strlen(argv[3]) + 1, argv[3],
		    crash ? KEXEC_ON_CRASH : 0)) {
		perror("kexec_file_load");
		return 1;
	}
	if (!crash)
		reboot(RB_KEXEC);
	else if (write(open("/proc/sysrq-trigger", O_WRONLY), "c", 1) != 1)
		perror("/proc/sysrq-trigger");
	return 1;
}
