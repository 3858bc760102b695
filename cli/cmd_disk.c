/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* swivl disk: the hypervisor in the gap of a disk, to start before any operating system. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "disk.h"

static const char help[] =
	"usage: swivl disk install [OPTION...] IMAGE-OR-DISK\n"
	"       swivl disk status [--json] IMAGE-OR-DISK\n"
	"       swivl disk remove [--force] [--json] IMAGE-OR-DISK\n"
	"\n"
	"install puts loader and hypervisor into free sectors between the boot record and the first\n"
	"partition: the disk then starts with the hypervisor, and its own boot record as guest of\n"
	"that. Partition table, disk signature and every sector that is not all zeros stay. remove\n"
	"puts all bytes back. status tells what is there and whether its checksums are right.\n"
	"\n"
	"  -p, --log-port PORT   of the log's serial port (default: 0x3f8; 0: none)\n"
	"  -l, --log-level N     0 errors, 1 what it does (default), 2 all\n"
	"  -b, --brand TEXT      the processor's name for the guest, 47 characters at most\n"
	"                        (default: \"swivl " SWIVL_VERSION "\"; empty: the processor's own)\n"
	"  -f, --force           also a disk that is in use; remove: also sectors that were changed\n"
	"      --json            for programs: an object\n"
	"  -h, --help            this text\n"
	"\n"
	"Exit status: 0 done, or installed and in order; 1 status: not installed; 4 it could not be\n"
	"done, or what is installed is damaged; 2 wrong usage.\n";

extern const u8 disk_file_record[], disk_file_loader[], disk_file_loader_end[];
extern const u8 disk_file_hypervisor[], disk_file_hypervisor_end[];

struct disk_files disk_files(void)
{
	return (struct disk_files){
		.record = disk_file_record,
		.loader = disk_file_loader,
		.loader_size = disk_file_loader_end - disk_file_loader,
		.hypervisor = disk_file_hypervisor,
		.hypervisor_size = disk_file_hypervisor_end - disk_file_hypervisor,
	};
}

struct disk_options {
	bool force, json;
	struct boot_config config;
};

static int usage(void)
{
	fputs("swivl disk --help tells more\n", stderr);
	return STATUS_USAGE;
}

/* A text from a disk: whatever is there, a terminal and JSON take it. */
static const char *clean(const char *from, size_t size)
{
	static char text[64];
	size_t i;

	for (i = 0; i < size && i < sizeof(text) - 1 && from[i]; i++)
		text[i] = from[i] >= ' ' && from[i] <= '~' ? from[i] : '?';
	text[i] = 0;
	return text;
}

static const char *const states[] = {
	[DISK_NONE] = "not installed",
	[DISK_INSTALLED] = "installed",
	[DISK_DAMAGED] = "damaged",
	[DISK_LEFTOVER] = "leftover",
};

static void print_string(const char *key, const char *value)
{
	printf(",\n  ");
	json_string(stdout, key, value, strlen(value));
}

static void print_json(const char *path, const struct disk_status *s)
{
	printf("{\n  ");
	json_string(stdout, "path", path, strlen(path));
	print_string("state", states[s->state]);
	if (s->why[0])
		print_string("reason", s->why);
	if (s->has_table) {
		print_string("version", clean(s->table.made_by, sizeof(s->table.made_by)));
		printf(",\n  \"same_version\": %s", s->same_record ? "true" : "false");
		printf(",\n  \"first_sector\": %u,\n  \"sectors\": %u", s->table.lba, s->table.sectors);
		if (s->ok[LOAD_CONFIG]) {
			printf(",\n  \"log_port\": %u,\n  \"log_level\": %u", s->config.log_port,
			       s->config.log_level);
			print_string("brand", clean(s->config.brand, BOOT_BRAND_SIZE));
		}
		printf(",\n  \"elements\": [");
		for (u32 i = 0; i < LOAD_KINDS; i++) {
			const struct load_element *e = &s->table.element[i];

			printf("%s\n    { \"name\": \"%s\", \"first_sector\": %u, \"sectors\": %u, "
			       "\"bytes\": %u, \"crc\": %u, \"ok\": %s }", i ? "," : "",
			       disk_kind(i), e->lba, e->sectors, e->size, e->crc,
			       s->ok[i] ? "true" : "false");
		}
		printf("\n  ]");
	}
	printf("\n}\n");
}

static void print_text(const char *path, const struct disk_status *s)
{
	static const char *const words[] = {
		[DISK_NONE] = "swivl is not installed",
		[DISK_INSTALLED] = "swivl is installed",
		[DISK_DAMAGED] = "swivl is installed, and damaged: ",
		[DISK_LEFTOVER] = "another boot record, but sectors of swivl: swivl disk remove "
				  "frees them",
	};

	printf("%s: %s%s\n", path, words[s->state], s->state == DISK_DAMAGED ? s->why : "");
	if (!s->has_table)
		return;
	printf("  by               %s%s\n", clean(s->table.made_by, sizeof(s->table.made_by)),
	       s->same_record || s->state == DISK_LEFTOVER ? "" : ", not this version");
	printf("  sectors          %u to %u, %u\n", s->table.lba, s->table.lba + s->table.sectors - 1,
	       s->table.sectors);
	for (u32 i = 0; i < LOAD_KINDS; i++) {
		const struct load_element *e = &s->table.element[i];

		printf("  %-16s sector %u, %u bytes, checksum %s\n", disk_kind(i), e->lba, e->size,
		       s->ok[i] ? "right" : "WRONG");
	}
	if (s->ok[LOAD_CONFIG]) {
		printf("  log              port 0x%x, level %u\n", s->config.log_port,
		       s->config.log_level);
		printf("  brand            %s\n", clean(s->config.brand, BOOT_BRAND_SIZE));
	}
}

static int cannot(const char *path, const char *why, bool json)
{
	if (json) {
		printf("{\n  ");
		json_string(stdout, "path", path, strlen(path));
		print_string("state", "refused");
		print_string("reason", why);
		printf("\n}\n");
	} else {
		say("%s: %s", path, why);
	}
	return STATUS_CANNOT;
}

static int run(const char *what, const char *path, const struct disk_options *opt)
{
	bool status = !strcmp(what, "status"), ok;
	struct disk_files files = disk_files();
	static struct disk_status s;
	char why[DISK_WHY] = "";
	struct disk d;

	if (!disk_open(&d, path, !status, opt->force, why))
		return cannot(path, why, opt->json);
	if (status)
		ok = disk_inspect(&d, &files, &s, why);
	else if (!strcmp(what, "install"))
		ok = disk_install(&d, &files, &opt->config, &s, why);
	else
		ok = disk_remove(&d, &files, opt->force, &s, why) && disk_inspect(&d, &files, &s, why);
	disk_close(&d);
	if (!ok)
		return cannot(path, why, opt->json);
	if (opt->json)
		print_json(path, &s);
	else
		print_text(path, &s);
	if (!status)
		return STATUS_OK;
	return s.state == DISK_NONE ? 1 : s.state == DISK_INSTALLED ? STATUS_OK : STATUS_CANNOT;
}

static bool number(const char *text, unsigned long max, unsigned long *value)
{
	char *end;

	*value = strtoul(text, &end, 0);
	return *text >= '0' && *text <= '9' && !*end && *value <= max;
}

/* False after a complaint. */
static bool option(int opt, struct disk_options *o)
{
	unsigned long value;

	switch (opt) {
	case 'f':
		o->force = true;
		return true;
	case 'j':
		o->json = true;
		return true;
	case 'p':
		if (!number(optarg, 0xfff8, &value))
			break;
		o->config.log_port = value;
		return true;
	case 'l':
		if (!number(optarg, BOOT_LOG_DEBUG, &value))
			break;
		o->config.log_level = value;
		return true;
	case 'b':
		if (strlen(optarg) >= BOOT_BRAND_SIZE || strcmp(clean(optarg, BOOT_BRAND_SIZE), optarg)) {
			say("the brand has at most %d characters, of ASCII", BOOT_BRAND_SIZE - 1);
			return false;
		}
		memset(o->config.brand, 0, BOOT_BRAND_SIZE);
		strcpy(o->config.brand, optarg);
		return true;
	default:
		return false;
	}
	say("\"%s\" is none of the numbers that are possible", optarg);
	return false;
}

int cmd_disk(int argc, char **argv)
{
	static const struct option options[] = { { "log-port", required_argument, NULL, 'p' },
						{ "log-level", required_argument, NULL, 'l' },
						{ "brand", required_argument, NULL, 'b' },
						{ "force", no_argument, NULL, 'f' },
						{ "json", no_argument, NULL, 'j' },
						{ "help", no_argument, NULL, 'h' },
						{ 0 } };
	struct disk_options o = {
		.config = { .log_port = 0x3f8, .log_level = BOOT_LOG_INFO,
			    .brand = "swivl " SWIVL_VERSION },
	};
	const char *what;
	int opt;

	while ((opt = getopt_long(argc, argv, "p:l:b:fh", options, NULL)) != -1) {
		if (opt == 'h') {
			fputs(help, stdout);
			return STATUS_OK;
		}
		if (!option(opt, &o))
			return usage();
	}
	what = optind < argc ? argv[optind] : "";
	if (strcmp(what, "install") && strcmp(what, "status") && strcmp(what, "remove")) {
		say("disk takes install, status or remove");
		return usage();
	}
	if (optind + 2 != argc) {
		say("disk %s takes one disk or image", what);
		return usage();
	}
	return run(what, argv[optind + 1], &o);
}
