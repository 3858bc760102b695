// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * /dev/swivl, and the file descriptors of VMs and vCPUs: they carry requests to the core and
 * nothing else.
 */
#include <linux/anon_inodes.h>
#include <linux/compat.h>
#include <linux/fcntl.h>
#include <linux/fs.h>
#include <linux/kdev_t.h>
#include <linux/major.h>
#include <linux/miscdevice.h>
#include <linux/mm.h>
#include <linux/namei.h>
#include <linux/ratelimit.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>

#include "home.h"

static char *device = "swivl";
module_param(device, charp, 0444);
MODULE_PARM_DESC(device, "name of the device node in /dev (default swivl; kvm: stand in for KVM)");

/* One for each open file of a VM or vCPU. */
struct handle {
	enum object_kind kind;
	void *object;
	struct mm_struct *mm; /* the process that may use it: guest memory is its memory */
};

static long system_ioctl(struct file *file, unsigned int number, unsigned long arg)
{
	return swivl_request(OBJECT_SYSTEM, NULL, number, arg);
}

static long handle_ioctl(struct file *file, unsigned int number, unsigned long arg)
{
	struct handle *h = file->private_data;

	if (h->mm != current->mm)
		return -EIO;
	return swivl_request(h->kind, h->object, number, arg);
}

static int handle_release(struct inode *inode, struct file *file)
{
	struct handle *h = file->private_data;

	swivl_object_put(h->kind, h->object);
	mmdrop(h->mm);
	kfree(h);
	return 0;
}

static vm_fault_t vcpu_fault(struct vm_fault *vmf)
{
	struct handle *h = vmf->vma->vm_file->private_data;
	void *page = swivl_vcpu_page(h->object, vmf->pgoff);

	if (!page)
		return VM_FAULT_SIGBUS;
	vmf->page = virt_to_page(page);
	get_page(vmf->page);
	return 0;
}

static const struct vm_operations_struct vcpu_vm_ops = {
	.fault = vcpu_fault,
};

/* The mapping holds the file, so the vCPU and its pages live until it is gone. */
static int vcpu_mmap(struct file *file, struct vm_area_struct *vma)
{
	unsigned long pages = vma_pages(vma);

	if (vma->vm_pgoff >= swivl_vcpu_pages() || pages > swivl_vcpu_pages() - vma->vm_pgoff)
		return -EINVAL;
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 3, 0)
	vm_flags_set(vma, VM_DONTEXPAND);
#else
	vma->vm_flags |= VM_DONTEXPAND;
#endif
	vma->vm_ops = &vcpu_vm_ops;
	return 0;
}

static const struct file_operations system_fops = {
	.owner = THIS_MODULE,
	.unlocked_ioctl = system_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.llseek = noop_llseek,
};

static const struct file_operations vm_fops = {
	.owner = THIS_MODULE,
	.unlocked_ioctl = handle_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.release = handle_release,
	.llseek = noop_llseek,
};

static const struct file_operations vcpu_fops = {
	.owner = THIS_MODULE,
	.unlocked_ioctl = handle_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.mmap = vcpu_mmap,
	.release = handle_release,
	.llseek = noop_llseek,
};

int host_handle_create(enum object_kind kind, void *object)
{
	struct handle *h = kmalloc(sizeof(*h), GFP_KERNEL_ACCOUNT);
	int fd;

	if (!h)
		return -SWIVL_ENOMEM;
	h->kind = kind;
	h->object = object;
	h->mm = current->mm;
	mmgrab(h->mm);
	if (kind == OBJECT_VM)
		fd = anon_inode_getfd("swivl-vm", &vm_fops, h, O_RDWR | O_CLOEXEC);
	else
		fd = anon_inode_getfd("swivl-vcpu", &vcpu_fops, h, O_RDWR | O_CLOEXEC);
	if (fd < 0) {
		mmdrop(h->mm);
		kfree(h);
	}
	return fd;
}

void host_log(enum host_log level, const char *fmt, ...)
{
	static DEFINE_RATELIMIT_STATE(limit, DEFAULT_RATELIMIT_INTERVAL, 20);
	struct va_format vaf = { .fmt = fmt };
	va_list args;

	if (!__ratelimit(&limit))
		return;
	va_start(args, fmt);
	vaf.va = &args;
	if (level == HOST_LOG_ERROR)
		pr_err("swivl: %pV\n", &vaf);
	else
		pr_info("swivl: %pV\n", &vaf);
	va_end(args);
}

/* ---- the node ---------------------------------------------------------------------------- */

static char node_name[32];

static struct miscdevice node = {
	.name = node_name,
	.fops = &system_fops,
	.mode = 0660,
};

/*
 * Is there something at this path? A device node of our own number is no hindrance: systems make
 * /dev/kvm at boot so that opening it loads KVM.
 */
static bool path_taken(const char *path)
{
	struct inode *inode;
	struct path found;
	bool taken;

	if (kern_path(path, 0, &found))
		return false;
	inode = d_backing_inode(found.dentry);
	taken = !S_ISCHR(inode->i_mode) || node.minor == MISC_DYNAMIC_MINOR ||
		inode->i_rdev != MKDEV(MISC_MAJOR, node.minor);
	path_put(&found);
	return taken;
}

int home_device_register(void)
{
	bool kvm = !strcmp(device, "kvm");
	char path[48];
	int err;

	if (!*device || strlen(device) >= sizeof(node_name) || strchr(device, '/') ||
	    !strcmp(device, ".") || !strcmp(device, "..")) {
		pr_err("swivl: device=%s is not a name for a node in /dev\n", device);
		return -EINVAL;
	}
	strcpy(node_name, device);
	/* KVM's own number, for programs that make the node themselves. */
	node.minor = kvm ? KVM_MINOR : MISC_DYNAMIC_MINOR;

	snprintf(path, sizeof(path), "/dev/%s", device);
	if (path_taken(path)) {
		pr_err("swivl: %s exists and is somebody else's. Choose another name with device=\n",
		       path);
		return -EEXIST;
	}
	err = misc_register(&node);
	if (err == -EBUSY && kvm)
		pr_err("swivl: /dev/kvm is KVM's. Unload kvm_intel or kvm_amd first, or load swivl "
		       "without device=kvm\n");
	else if (err)
		pr_err("swivl: cannot make %s: error %d\n", path, err);
	return err;
}

void home_device_unregister(void)
{
	misc_deregister(&node);
}
