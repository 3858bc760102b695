/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* The facts for swivl check, from CPUID, /proc, /sys and the devices. Nothing is changed. */
#define _GNU_SOURCE
#include <cpuid.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "swivl/swivl.h"
#include "check.h"

#define FEATURE_CONTROL 0x3a
#define VMX_FIRST 0x480
#define VMX_COUNT 18
#define VM_CR 0xc0010114
#define EFER 0xc0000080

/* A line "key : value" in the first processor's part; its value's length, or -1. */
static int line_of(const char *text, const char *key, const char **value)
{
	size_t n = strlen(key);

	for (const char *p = text; p && *p; p = strchr(p, '\n')) {
		p += *p == '\n';
		if (strncmp(p, key, n) || !strchr("\t :", p[n]))
			continue;
		p += n + strspn(p + n, "\t ");
		if (*p != ':')
			continue;
		p += 1 + strspn(p + 1, " ");
		*value = p;
		return strcspn(p, "\n");
	}
	return -1;
}

static bool has_word(const char *text, int length, const char *word)
{
	size_t n = strlen(word);

	for (const char *p = text; p + n <= text + length; p++)
		if (!strncmp(p, word, n) && (p == text || p[-1] == ' ') &&
		    (p + n == text + length || p[n] == ' '))
			return true;
	return false;
}

void check_parse_cpuinfo(const char *text, struct facts *f)
{
	const char *v;
	int n = line_of(text, "model name", &v);

	if (n > 0)
		snprintf(f->model, sizeof(f->model), "%.*s", n, v);
	n = line_of(text, "flags", &v);
	f->flag_known = n >= 0;
	f->flag = n > 0 && (has_word(v, n, "vmx") || has_word(v, n, "svm"));
	n = line_of(text, "vmx flags", &v);
	f->vmx_flags_known = n >= 0;
	f->flag_ept = n > 0 && has_word(v, n, "ept");
	f->flag_unrestricted = n > 0 && has_word(v, n, "unrestricted_guest");
}

/* A file's first bytes as text; "" if it cannot be read. */
static void read_text(const char *path, char *to, size_t room)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = 0, got;

	while (fd >= 0 && n < (ssize_t)room - 1 && (got = read(fd, to + n, room - 1 - n)) > 0)
		n += got;
	to[n] = 0;
	if (fd >= 0)
		close(fd);
}

static bool exists(const char *path)
{
	return !access(path, F_OK);
}

static void gather_msrs(struct facts *f, unsigned int index, unsigned int cpu)
{
	struct cpu_facts *c = &f->cpus[index];
	uint32_t control = f->vendor == VENDOR_INTEL ? FEATURE_CONTROL : VM_CR;
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/dev/cpu/%u/msr", cpu);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	c->msrs_known = c->extension && pread(fd, &c->control, 8, control) == 8;
	if (f->vendor == VENDOR_AMD && c->msrs_known && pread(fd, &c->efer, 8, EFER) != 8)
		c->efer = 0;
	for (unsigned int i = 0; c->msrs_known && f->vendor == VENDOR_INTEL && i < VMX_COUNT; i++)
		if (pread(fd, &c->vmx[i], 8, VMX_FIRST + i) != 8)
			c->vmx[i] = 0;
	close(fd);
}

static void gather_cpuid(struct facts *f, struct cpu_facts *c)
{
	unsigned int a, b, cx, d;

	if (f->vendor == VENDOR_INTEL && __get_cpuid(1, &a, &b, &cx, &d))
		c->extension = cx & 1u << 5;
	if (f->vendor == VENDOR_AMD && __get_cpuid(0x80000001, &a, &b, &cx, &d))
		c->extension = cx & 1u << 2;
	if (c->extension && f->vendor == VENDOR_AMD && __get_cpuid(0x8000000a, &a, &b, &cx, &d)) {
		c->svm_asids = b;
		c->svm_features = d;
	}
}

/* CPUID speaks for the CPU it runs on, so this thread visits them all. */
static void gather_cpus(struct facts *f)
{
	cpu_set_t mine, one;

	sched_getaffinity(0, sizeof(mine), &mine);
	for (unsigned int cpu = 0; cpu < CPU_SETSIZE && f->ncpus < CHECK_MAX_CPUS; cpu++) {
		CPU_ZERO(&one);
		CPU_SET(cpu, &one);
		if (sched_setaffinity(0, sizeof(one), &one))
			continue;
		gather_cpuid(f, &f->cpus[f->ncpus]);
		gather_msrs(f, f->ncpus, cpu);
		f->ncpus++;
	}
	sched_setaffinity(0, sizeof(mine), &mine);
}

static void gather_vendor(struct facts *f)
{
	unsigned int a = 0, b = 0, c = 0, d = 0;

	__get_cpuid(0, &a, &b, &c, &d);
	if (b == 0x756e6547) /* "Genu" */
		f->vendor = VENDOR_INTEL;
	else if (b == 0x68747541 || b == 0x6f677948) /* "Auth", "Hygo" */
		f->vendor = VENDOR_AMD;
	__get_cpuid(1, &a, &b, &c, &d);
	if (c & 1u << 31) {
		__cpuid(0x40000000, a, b, c, d);
		memcpy(f->hypervisor, &b, 4);
		memcpy(f->hypervisor + 4, &c, 4);
		memcpy(f->hypervisor + 8, &d, 4);
		if (!f->hypervisor[0])
			strcpy(f->hypervisor, "unnamed");
	}
}

/*
 * Linux 6.12 and later switch the extension on when KVM's module is loaded, unless told
 * otherwise; before that it is on while virtual machines exist.
 */
static void gather_kvm(struct facts *f)
{
	const char *module = f->vendor == VENDOR_AMD ? "kvm_amd" : "kvm_intel";
	char path[80], text[16];

	snprintf(path, sizeof(path), "/sys/module/%s", module);
	f->kvm_loaded = exists(path);
	if (!f->kvm_loaded)
		return;
	read_text("/sys/module/kvm/parameters/enable_virt_at_load", text, sizeof(text));
	f->kvm_holds = text[0] == 'Y';
	snprintf(path, sizeof(path), "/sys/module/%s/refcnt", module);
	read_text(path, text, sizeof(text));
	f->kvm_holds = f->kvm_holds || atoi(text) > 0;
}

static void gather_modules(struct facts *f)
{
	static const char *const others[] = { "vboxdrv", "vmmon", "mshv", "acrn_hsm" };
	char path[80];

	gather_kvm(f);
	f->module_loaded = exists("/sys/module/swivl");
	for (unsigned int i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		snprintf(path, sizeof(path), "/sys/module/%s", others[i]);
		if (exists(path))
			snprintf(f->other, sizeof(f->other), "%s", others[i]);
	}
}

static void group_name(unsigned int gid, char *to, size_t room)
{
	char buffer[8192], *save = NULL, *line;

	/* Not getgrgid(): a static program cannot use it everywhere. */
	read_text("/etc/group", buffer, sizeof(buffer));
	for (line = strtok_r(buffer, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		char name[32];
		unsigned int id;

		if (sscanf(line, "%31[^:]:%*[^:]:%u", name, &id) == 2 && id == gid) {
			snprintf(to, room, "%s", name);
			return;
		}
	}
	snprintf(to, room, "%u", gid);
}

static void gather_device(struct device_facts *d, const char *path)
{
	struct swivl_host *host;
	struct stat st;

	d->path = path;
	d->exists = !stat(path, &st);
	if (!d->exists)
		return;
	group_name(st.st_gid, d->group, sizeof(d->group));
	d->error = -swivl_open(path, &host);
	if (!d->error)
		swivl_close(host);
}

void check_gather(struct facts *f)
{
	static char text[65536];

	memset(f, 0, sizeof(*f));
	read_text("/proc/cpuinfo", text, sizeof(text));
	check_parse_cpuinfo(text, f);
	gather_vendor(f);
	gather_cpus(f);
	gather_modules(f);
	gather_device(&f->swivl, "/dev/swivl");
	gather_device(&f->kvm, "/dev/kvm");
}
