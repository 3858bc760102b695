// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * The first process of the emulated machine: mounts what a script expects, runs /lab/script, sends
 * its output out of the machine and ends the machine with the script's exit status.
 *
 * Output goes to port 0xe9, where both emulators have a one-byte-per-write channel that costs no
 * waiting, instead of the serial port, which belongs to the kernel's console. The stream is framed
 * with one escape byte, see CHANNEL in lab/machine/channel.py:
 *	DLE S	the script starts		DLE E <status in decimal> LF	the script ended
 *	DLE DLE	one DLE byte of output
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/io.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define PORT_OUTPUT 0xe9
#define PORT_BOCHS_SHUTDOWN 0x8900
#define DLE 0x10

static void channel_write(const unsigned char *p, size_t n)
{
	unsigned char framed[8192];
	size_t out = 0;

	for (size_t i = 0; i < n; i++) {
		if (p[i] == DLE)
			framed[out++] = DLE;
		framed[out++] = p[i];
		if (out >= sizeof(framed) - 2 || i == n - 1) {
			outsb(PORT_OUTPUT, framed, out);
			out = 0;
		}
	}
}

static void channel_mark(const char *text)
{
	outb(DLE, PORT_OUTPUT);
	outsb(PORT_OUTPUT, text, strlen(text));
}

/* Ends the machine: Bochs listens on its own port; elsewhere a reset is the end. */
static void end_machine(void)
{
	static const char word[] = "Shutdown";

	for (const char *p = word; *p; p++)
		outb(*p, PORT_BOCHS_SHUTDOWN);
	reboot(RB_AUTOBOOT);
	for (;;)
		pause();
}

static void insert_modules(void)
{
	char line[256];
	FILE *list = fopen("/lab/modules", "r");

	if (!list)
		return;
	while (fgets(line, sizeof(line), list)) {
		line[strcspn(line, "\n")] = 0;
		int fd = open(line, O_RDONLY | O_CLOEXEC);

		if (fd < 0 || syscall(SYS_finit_module, fd, "", 0))
			fprintf(stderr, "lab: cannot load %s: %s\n", line, strerror(errno));
		if (fd >= 0)
			close(fd);
	}
	fclose(list);
}

static void set_up(void)
{
	mkdir("/proc", 0755);
	mkdir("/sys", 0755);
	mkdir("/dev", 0755);
	mkdir("/tmp", 01777);
	mkdir("/run", 0755);
	mount("proc", "/proc", "proc", 0, NULL);
	mount("sysfs", "/sys", "sysfs", 0, NULL);
	mount("devtmpfs", "/dev", "devtmpfs", 0, NULL);
	mkdir("/dev/shm", 01777);
	mkdir("/dev/pts", 0755);
	mount("devpts", "/dev/pts", "devpts", 0, NULL);
	setenv("PATH", "/lab/bin:/bin:/sbin:/usr/bin:/usr/sbin", 1);
	setenv("HOME", "/root", 1);
	setenv("TERM", "vt100", 0);
}

static pid_t start(bool interactive, int out)
{
	char *const shell[] = { "sh", "-l", NULL };
	char *const script[] = { "sh", "/lab/script", NULL };
	pid_t pid = fork();

	if (pid)
		return pid;
	setsid();
	if (interactive) {
		int tty = open("/dev/ttyS0", O_RDWR);

		if (tty < 0)
			_exit(126);
		ioctl(tty, TIOCSCTTY, 0);
		for (int fd = 0; fd < 3; fd++)
			dup2(tty, fd);
	} else {
		int null = open("/dev/null", O_RDONLY);

		dup2(null, 0);
		dup2(out, 1);
		dup2(out, 2);
	}
	iopl(0); /* as other programs: with port rights each system call takes longer */
	execv("/bin/sh", interactive ? shell : script);
	_exit(127);
}

/* Passes the script's output on until the script has ended and the pipe holds nothing more. */
static int relay(pid_t script, int from)
{
	unsigned char buf[4096];
	int status = 0;
	bool ended = false;

	fcntl(from, F_SETFL, O_NONBLOCK);
	for (;;) {
		fd_set set;
		struct timeval wait = { 0, ended ? 0 : 20000 };
		ssize_t n;
		pid_t pid;

		FD_ZERO(&set);
		FD_SET(from, &set);
		select(from + 1, &set, NULL, NULL, &wait);
		n = read(from, buf, sizeof(buf));
		if (n > 0) {
			channel_write(buf, n);
			/*
			 * A program that writes byte by byte (a guest's serial port) must not pay for
			 * a change of processes with each of them.
			 */
			usleep(5000);
			continue;
		}
		if (ended)
			return status;
		/* As the first process this one also collects every orphan. */
		while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
			if (pid == script) {
				ended = true;
				break;
			}
		}
		if (n == 0 && !ended) {
			while (waitpid(script, &status, 0) < 0 && errno == EINTR)
				;
			return status;
		}
	}
}

int main(void)
{
	char mark[32];
	bool interactive;
	int out[2], status;
	pid_t script;

	if (iopl(3)) {
		perror("lab: iopl");
		return 1;
	}
	set_up();
	interactive = access("/lab/interactive", F_OK) == 0;
	if (pipe2(out, O_CLOEXEC))
		return 1;
	channel_mark("S");
	insert_modules();
	script = start(interactive, out[1]);
	close(out[1]);
	status = relay(script, out[0]);
	status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
	sync();
	snprintf(mark, sizeof(mark), "E%d\n", status);
	channel_mark(mark);
	end_machine();
}
