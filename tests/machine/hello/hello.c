// SPDX-License-Identifier: MIT OR GPL-2.0-only
/* The smallest module: it shows that modules build against the headers and load in the machine. */
#include <linux/module.h>

static int __init hello_init(void)
{
	pr_info("hello: loaded on %u CPUs\n", num_online_cpus());
	return 0;
}

static void __exit hello_exit(void)
{
	pr_info("hello: unloaded\n");
}

module_init(hello_init);
module_exit(hello_exit);
MODULE_DESCRIPTION("says hello");
MODULE_LICENSE("Dual MIT/GPL");
