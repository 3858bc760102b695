/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* swivl run: load a guest, start its processors, carry the terminal, say how it ended. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "machine.h"
#include "options.h"
#include "acpi.h"
#include "cli.h"

#define ESCAPE 1 /* Ctrl-A */
#define INPUT_ROOM 256

/* Nothing moved for this long: see whether all processors sleep for good. Doubles each time. */
#define LOOK_MS 500
#define LOOK_MAX_MS 8000

static bool map_file(const char *name, struct blob *b)
{
	struct stat st;
	/* Without waiting for somebody to write, should it be a FIFO. */
	int fd = open(name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

	*b = (struct blob){ .name = name, .data = (const uint8_t *)"" };
	if (fd < 0 || fstat(fd, &st)) {
		say("%s: %s", name, strerror(errno));
		goto fail;
	}
	if (!S_ISREG(st.st_mode)) {
		say("%s: not a regular file", name);
		goto fail;
	}
	if (st.st_size) {
		void *p = mmap(NULL, st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);

		if (p == MAP_FAILED) {
			say("%s: %s", name, strerror(errno));
			goto fail;
		}
		b->data = p;
		b->size = st.st_size;
	}
	close(fd);
	return true;
fail:
	if (fd >= 0)
		close(fd);
	return false;
}

static void unmap_file(struct blob *b)
{
	if (b->size)
		munmap((void *)b->data, b->size);
}

/* Loads the guest. 0 or a status. */
static int load_guest(struct machine *m, struct load *l, loader_fn loader)
{
	l->ram = m->ram;
	l->ram_low = m->ram_low;
	l->ram_high = m->ram_high;
	if (!loader(l)) {
		say("%s", l->error);
		return STATUS_CANNOT;
	}
	if (loader != load_flat && m->ram_low >= TABLES_START + ACPI_ROOM)
		acpi_build(m->ram + TABLES_START, TABLES_START, m->ncpus);
	if ((loader == load_linux || loader == load_vmlinux) && !m->irqchip) {
		say("%s has no interrupt chips, and Linux needs them", swivl_path(m->host));
		return STATUS_CANNOT;
	}
	return 0;
}

/* ---- the terminal, while the guest runs ---- */

struct console {
	uint8_t input[INPUT_ROOM]; /* read, but not yet taken by the guest */
	unsigned int n;
	bool escape, eof;
};

static void key(struct machine *m, struct console *c, uint8_t byte)
{
	if (!term_is_raw() || (!c->escape && byte != ESCAPE)) {
		c->input[c->n++] = byte;
		return;
	}
	if (!c->escape) {
		c->escape = true;
		return;
	}
	c->escape = false;
	if (byte == 'x' || byte == 'X')
		machine_end(m, NULL, END_QUIET, STATUS_OK, "ended with Ctrl-A x");
	else if (byte == 'c')
		c->input[c->n++] = 3;
	else if (byte == 'a' || byte == ESCAPE)
		c->input[c->n++] = ESCAPE;
	else
		fputs("\r\nCtrl-A x ends the guest, Ctrl-A c is a Ctrl-C, Ctrl-A a a Ctrl-A\r\n",
		      stderr);
}

static void read_input(struct machine *m, struct console *c)
{
	uint8_t bytes[INPUT_ROOM];
	ssize_t n = read(STDIN_FILENO, bytes, sizeof(c->input) - c->n);

	if (n <= 0) {
		c->eof = !(n < 0 && (errno == EINTR || errno == EAGAIN));
		return;
	}
	for (ssize_t i = 0; i < n; i++)
		key(m, c, bytes[i]);
}

static void feed_serial(struct machine *m, struct console *c)
{
	struct timespec until;
	unsigned int i = 0;

	/* A processor may hold the lock for long, while nobody reads the output; signals go on. */
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += 1;
	if (!c->n || atomic_load(&m->stop) || pthread_mutex_timedlock(&m->lock, &until))
		return;
	while (i < c->n && serial_room(&m->serial))
		serial_receive(&m->serial, c->input[i++]);
	atomic_store(&m->input_waits, i < c->n);
	pthread_mutex_unlock(&m->lock);
	memmove(c->input, c->input + i, c->n - i);
	c->n -= i;
}

static void on_signal(struct machine *m, int fd)
{
	struct signalfd_siginfo info;

	if (read(fd, &info, sizeof(info)) != sizeof(info))
		return;
	if (info.ssi_signo == SIGTSTP) {
		term_restore();
		raise(SIGSTOP);
		term_raw();
		return;
	}
	machine_end(m, NULL, END_QUIET, 128 + info.ssi_signo, "ended by signal %u (%s)",
		    info.ssi_signo, strsignal(info.ssi_signo));
}

static unsigned long long total_exits(struct machine *m)
{
	unsigned long long n = 0;

	for (unsigned int i = 0; i < m->ncpus; i++)
		n += atomic_load_explicit(&m->cpus[i].exits, memory_order_relaxed);
	return n;
}

static void see_who_sleeps(struct machine *m)
{
	bool all = true;

	atomic_store(&m->look, false);
	for (unsigned int i = 0; i < m->ncpus; i++)
		all = all && (!m->cpus[i].started || atomic_load(&m->cpus[i].asleep));
	if (all)
		machine_end(m, NULL, END_QUIET, STATUS_OK,
			    "every processor is halted with interrupts off");
}

static void carry(struct machine *m, int signal_fd)
{
	struct console c = { .n = 0 };
	unsigned long long before = 0, now;
	int wait = LOOK_MS;

	while (!atomic_load(&m->stop)) {
		bool want_input = !c.eof && c.n < sizeof(c.input);
		struct pollfd fds[] = {
			{ .fd = m->wake_fd, .events = POLLIN },
			{ .fd = signal_fd, .events = POLLIN },
			{ .fd = want_input ? STDIN_FILENO : -1, .events = POLLIN },
		};
		int n = poll(fds, 3, wait);
		uint64_t count;

		if (n > 0 && fds[0].revents && read(m->wake_fd, &count, sizeof(count)) < 0)
			continue;
		if (n > 0 && fds[1].revents)
			on_signal(m, signal_fd);
		if (n > 0 && fds[2].revents)
			read_input(m, &c);
		feed_serial(m, &c);
		if (atomic_load(&m->look) && atomic_load(&m->looked) >= m->ncpus)
			see_who_sleeps(m);
		now = total_exits(m);
		if (now != before) {
			before = now;
			wait = LOOK_MS;
		} else if (n == 0) {
			wait = wait * 2 < LOOK_MAX_MS ? wait * 2 : LOOK_MAX_MS;
			atomic_store(&m->looked, 0);
			atomic_store(&m->look, true);
			machine_kick(m);
		}
	}
}

static int block_signals(void)
{
	static const int numbers[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP };
	sigset_t set;

	sigemptyset(&set);
	for (unsigned int i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		sigaddset(&set, numbers[i]);
	signal(SIGPIPE, SIG_IGN);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	return signalfd(-1, &set, SFD_CLOEXEC);
}

static int run_guest(struct machine *m, struct load *l)
{
	int fd = block_signals(), status;

	if (fd < 0) {
		say("signalfd: %s", strerror(errno));
		return STATUS_CANNOT;
	}
	term_raw();
	status = machine_start(m, &l->boot);
	if (!status) {
		carry(m, fd);
	} else {
		machine_end(m, NULL, END_QUIET, status, "did not start");
	}
	machine_join(m);
	trace_end(m);
	term_restore();
	close(fd);
	return m->status;
}

static void say_end(struct machine *m)
{
	/* A quiet end is said only to somebody who watches. */
	if (m->end == END_CRASH || isatty(STDERR_FILENO) || m->opt->trace || m->opt->stats)
		fprintf(stderr, "\nswivl: %s\n", m->end_text);
	if (m->end == END_CRASH)
		failure_report(m);
	if (m->end == END_CRASH && m->end_cpu)
		report_cpu(m->end_cpu);
	else if (m->opt->trace) /* ended from outside, say: where was it? */
		for (unsigned int i = 0; i < m->ncpus; i++)
			report_cpu(&m->cpus[i]);
	if (m->opt->stats)
		stats_print(m);
}

static void say_which(struct swivl_host *host)
{
	struct swivl_version version;

	if (swivl_get_version(host, &version))
		say("running on %s, which is not swivl's module", swivl_path(host));
}

int cmd_run(int argc, char **argv)
{
	static struct machine m;
	static struct load l;
	struct options opt;
	loader_fn loader;
	int status = options_parse(argc, argv, &opt);

	if (status >= 0)
		return status;
	if (!map_file(opt.kernel, &l.image))
		return STATUS_CANNOT;
	if (opt.initrd && !map_file(opt.initrd, &l.initrd))
		return STATUS_CANNOT;
	if (!opt.initrd)
		l.initrd.data = NULL;
	l.cmdline = opt.cmdline;
	l.flat_load = opt.flat_load;
	l.flat_has_entry = opt.has_entry;
	l.flat_cs = opt.entry_cs;
	l.flat_ip = opt.entry_ip;

	loader = opt.flat ? load_flat : load_detect(&l);
	if (!loader) {
		say("%s", l.error);
		return STATUS_CANNOT;
	}
	status = machine_create(&m, &opt);
	if (!status) {
		status = load_guest(&m, &l, loader);
		unmap_file(&l.image);
		unmap_file(&l.initrd);
	}
	if (!status)
		status = trace_start(&m);
	if (!status) {
		say_which(m.host);
		status = run_guest(&m, &l);
		say_end(&m);
	}
	machine_destroy(&m);
	return status;
}
