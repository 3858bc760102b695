/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* What swivl disk installs. */
	.section .rodata
	.globl disk_file_record, disk_file_loader, disk_file_loader_end
	.globl disk_file_hypervisor, disk_file_hypervisor_end
disk_file_record:
	.incbin	RECORD
disk_file_loader:
	.incbin	LOADER
disk_file_loader_end:
disk_file_hypervisor:
	.incbin	HYPERVISOR
disk_file_hypervisor_end:

	.section .note.GNU-stack, "", @progbits
