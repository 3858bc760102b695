/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* What libswivl's files share. */
#ifndef SWIVL_LIB_INTERNAL_H
#define SWIVL_LIB_INTERNAL_H

#include <errno.h>
#include <linux/kvm.h> /* for the statistics file, which abi.h leaves out */
#include <stddef.h>
#include <sys/ioctl.h>

#include "swivl/swivl.h"

struct swivl_host {
	int fd;
	char path[256];
	size_t run_size; /* bytes of a vCPU's shared state */
};

struct swivl_vm {
	int fd;
	struct swivl_host *host;
};

static inline int request(int fd, unsigned long nr, const void *arg)
{
	int ret = ioctl(fd, nr, arg);

	return ret < 0 ? -errno : ret;
}

#endif
