// SPDX-License-Identifier: MIT OR GPL-2.0-only
/* Disks and images of disks: which may be opened, and their sectors. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <linux/fs.h>

#include "disk.h"

const char *disk_sysfs = "/sys";

static bool refuse(char *why, const char *text)
{
	snprintf(why, DISK_WHY, "%s", text);
	return false;
}

static bool failed(char *why, const char *what)
{
	snprintf(why, DISK_WHY, "%s%s", what, strerror(errno));
	return false;
}

/* Does a loop device have the file under it? Its name, else an empty text. */
static void find_loop(const char *path, char *name, size_t size)
{
	char real[PATH_MAX], file[PATH_MAX], backing[PATH_MAX] = "";
	struct dirent *e;
	DIR *dir;

	name[0] = 0;
	snprintf(file, sizeof(file), "%s/block", disk_sysfs);
	dir = realpath(path, real) ? opendir(file) : NULL;
	while (dir && (e = readdir(dir)) && !name[0]) {
		FILE *f;

		snprintf(file, sizeof(file), "%s/block/%s/loop/backing_file", disk_sysfs, e->d_name);
		f = e->d_name[0] == '.' ? NULL : fopen(file, "r");
		if (!f)
			continue;
		if (fgets(backing, sizeof(backing), f)) {
			backing[strcspn(backing, "\n")] = 0;
			if (!strcmp(backing, real))
				snprintf(name, size, "/dev/%.50s", e->d_name);
		}
		fclose(f);
	}
	if (dir)
		closedir(dir);
}

static bool check_file(struct disk *d, const struct stat *st, bool write, bool force, char *why)
{
	char loop[64];

	d->sectors = st->st_size / LOAD_SECTOR;
	if (!write)
		return true;
	find_loop(d->path, loop, sizeof(loop));
	if (loop[0] && !force) {
		snprintf(why, DISK_WHY, "in use as %.60s; with --force it is changed all the same", loop);
		return false;
	}
	if (flock(d->fd, LOCK_EX | LOCK_NB) && errno == EWOULDBLOCK && !force)
		return refuse(why, "locked by another program; with --force it is changed all the same");
	return true;
}

static bool check_device(struct disk *d, const struct stat *st, bool write, char *why)
{
	int sector_size = 0, read_only = 0;
	uint64_t bytes = 0;
	char file[PATH_MAX];

	snprintf(file, sizeof(file), "%s/dev/block/%u:%u/partition", disk_sysfs, major(st->st_rdev),
		 minor(st->st_rdev));
	if (!access(file, F_OK))
		return refuse(why, "a partition, not a disk");
	if (ioctl(d->fd, BLKSSZGET, &sector_size) || ioctl(d->fd, BLKGETSIZE64, &bytes))
		return failed(why, "not a disk: ");
	if (sector_size != LOAD_SECTOR) {
		snprintf(why, DISK_WHY, "sectors of %d bytes; the loader reads those of 512", sector_size);
		return false;
	}
	if (write && !ioctl(d->fd, BLKROGET, &read_only) && read_only)
		return refuse(why, "read-only");
	d->sectors = bytes / LOAD_SECTOR;
	return true;
}

bool disk_open(struct disk *d, const char *path, bool write, bool force, char *why)
{
	/* Where a file system on it is mounted, a second who wants it alone gets EBUSY. */
	int alone = write && !force ? O_EXCL : 0;
	struct stat st;
	bool ok;

	*d = (struct disk){ .path = path, .fd = -1 };
	if (stat(path, &st))
		return failed(why, "");
	if (!S_ISREG(st.st_mode) && !S_ISBLK(st.st_mode))
		return refuse(why, "not a disk: neither a file nor a block device");
	if (S_ISREG(st.st_mode))
		alone = 0;
	d->fd = open(path, (write ? O_RDWR : O_RDONLY) | O_CLOEXEC | O_NONBLOCK | alone);
	if (d->fd < 0 && errno == EBUSY)
		return refuse(why, "mounted, or in use otherwise; with --force it is changed all the same");
	if (d->fd < 0)
		return failed(why, "");
	ok = !fstat(d->fd, &st);
	if (ok && S_ISBLK(st.st_mode))
		ok = check_device(d, &st, write, why);
	else if (ok && S_ISREG(st.st_mode))
		ok = check_file(d, &st, write, force, why);
	else
		ok = refuse(why, "not a disk");
	if (ok && d->sectors < 2)
		ok = refuse(why, "not a disk: too small");
	if (!ok)
		disk_close(d);
	return ok;
}

void disk_close(struct disk *d)
{
	if (d->fd >= 0)
		close(d->fd);
	d->fd = -1;
}

static bool inside(const struct disk *d, u32 lba, u32 count, char *why)
{
	if (lba < d->sectors && count <= d->sectors - lba)
		return true;
	snprintf(why, DISK_WHY, "sector %u is behind the disk's end", lba);
	return false;
}

bool disk_get(const struct disk *d, u32 lba, u32 count, void *to, char *why)
{
	size_t done = 0, size = (size_t)count * LOAD_SECTOR;

	if (!inside(d, lba, count, why))
		return false;
	while (done < size) {
		ssize_t n = pread(d->fd, (char *)to + done, size - done,
				  (off_t)lba * LOAD_SECTOR + (off_t)done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return failed(why, "cannot read: ");
		if (!n)
			return refuse(why, "cannot read: it ends early");
		done += n;
	}
	return true;
}

bool disk_put(const struct disk *d, u32 lba, u32 count, const void *from, char *why)
{
	size_t done = 0, size = (size_t)count * LOAD_SECTOR;

	if (!inside(d, lba, count, why))
		return false;
	while (done < size) {
		ssize_t n = pwrite(d->fd, (const char *)from + done, size - done,
				   (off_t)lba * LOAD_SECTOR + (off_t)done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return failed(why, "cannot write: ");
		done += n;
	}
	return true;
}

bool disk_flush(const struct disk *d, char *why)
{
	return !fsync(d->fd) || failed(why, "cannot write: ");
}
