/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* A VMCS of a 64-bit guest as KVM writes it into the kernel log; %s: TR's access rights. */
#define KVM_DUMP(log, tr) \
	log "VMCS 00000000deadbeef, last attempted VM-entry on CPU 1\n" \
	log "*** Guest State ***\n" \
	log "CR0: actual=0x0000000080050033, shadow=0x0000000080050032, gh_mask=fffffffffffefff7\n" \
	log "CR4: actual=0x0000000000002060, shadow=0x0000000000000020, gh_mask=fffffffffffef871\n" \
	log "CR3 = 0x0000000001000000\n" \
	log "RSP = 0xffffffff82003f00  RIP = 0xffffffff81000000\n" \
	log "RFLAGS=0x00000002         DR7 = 0x0000000000000400\n" \
	log "Sysenter RSP=fffffe0000002000 CS:RIP=0010:ffffffff81a01000\n" \
	log "CS:   sel=0x0010, attr=0x0a09b, limit=0xffffffff, base=0x0000000000000000\n" \
	log "DS:   sel=0x0018, attr=0x0c093, limit=0xffffffff, base=0x0000000000000000\n" \
	log "SS:   sel=0x0018, attr=0x0c093, limit=0xffffffff, base=0x0000000000000000\n" \
	log "ES:   sel=0x0018, attr=0x0c093, limit=0xffffffff, base=0x0000000000000000\n" \
	log "FS:   sel=0x0000, attr=0x1c000, limit=0x000fffff, base=0x0000000000000000\n" \
	log "GS:   sel=0x0000, attr=0x1c000, limit=0x000fffff, base=0xffff888000000000\n" \
	log "GDTR:                           limit=0x0000007f, base=0xfffffe0000001000\n" \
	log "LDTR: sel=0x0000, attr=0x10000, limit=0x000fffff, base=0x0000000000000000\n" \
	log "IDTR:                           limit=0x00000fff, base=0xfffffe0000000000\n" \
	log "TR:   sel=0x0040, attr=" tr ", limit=0x00000067, base=0xfffffe0000003000\n" \
	log "EFER= 0x0000000000000500\n" \
	log "PAT = 0x0007040600070406\n" \
	log "DebugCtl = 0x0000000000000000  DebugExceptions = 0x0000000000000000\n" \
	log "Interruptibility = 00000000  ActivityState = 00000000\n" \
	log "*** Host State ***\n" \
	log "RIP = 0xffffffffc0a01234  RSP = 0xffffc90000a03e00\n" \
	log "CS=0010 SS=0018 DS=0000 ES=0000 FS=0000 GS=0000 TR=0040\n" \
	log "FSBase=00007f0000000000 GSBase=ffff88813bc00000 TRBase=fffffe0000003000\n" \
	log "GDTBase=fffffe0000001000 IDTBase=fffffe0000000000\n" \
	log "CR0=0000000080050033 CR3=0000000103456000 CR4=00000000003726e0\n" \
	log "Sysenter RSP=fffffe0000002000 CS:RIP=0010:ffffffff81a01000\n" \
	log "EFER= 0x0000000000000d01\n" \
	log "PAT = 0x0407050600070106\n" \
	log "*** Control State ***\n" \
	log "PinBased=0000007f CPUBased=b5a06dfa SecondaryExec=000000a2\n" \
	log "EntryControls=0000d3ff ExitControls=002fefff\n" \
	log "ExceptionBitmap=00060042 PFECmask=00000000 PFECmatch=00000000\n" \
	log "VMEntry: intr_info=00000000 errcode=00000000 ilen=00000000\n" \
	log "VMExit: intr_info=00000000 errcode=00000000 ilen=00000003\n" \
	log "        reason=80000021 qualification=0000000000000000\n" \
	log "IDTVectoring: info=00000000 errcode=00000000\n" \
	log "TSC Offset = 0xffffe1b2c3d4e5f6\n" \
	log "TPR Threshold = 0x00\n" \
	log "virt-APIC addr = 0x0000000104567000\n" \
	log "EPT pointer = 0x000000010345601e\n" \
	log "PLE Gap=00000080 Window=00001000\n" \
	log "Virtual processor ID = 0x0001\n"

/* A VMCB as KVM writes it, with a value of its own in most fields. */
#define KVM_VMCB(log) \
	log "VMCB 00000000a4006788, last attempted VMRUN on CPU 81\n" \
	log "VMCB Control Area:\n" \
	log "cr_read:            0010\n" \
	log "cr_write:           0110\n" \
	log "dr_read:            00ff\n" \
	log "dr_write:           00ff\n" \
	log "exceptions:         00060042\n" \
	log "intercepts:         bc4c8027 0000624f\n" \
	log "pause filter count: 3000\n" \
	log "pause filter threshold:128\n" \
	log "iopm_base_pa:       0000000194674000\n" \
	log "msrpm_base_pa:      00000000857d4000\n" \
	log "tsc_offset:         ffff92710e0ed2c0\n" \
	log "asid:               12\n" \
	log "tlb_ctl:            0\n" \
	log "int_ctl:            03000200\n" \
	log "int_vector:         00000021\n" \
	log "int_state:          00000000\n" \
	log "exit_code:          ffffffff\n" \
	log "exit_info1:         0000000100000014\n" \
	log "exit_info2:         00000000000fc000\n" \
	log "exit_int_info:      80000b0e\n" \
	log "exit_int_info_err:  00000005\n" \
	log "nested_ctl:         1\n" \
	log "nested_cr3:         000000022fc06000\n" \
	log "avic_vapic_bar:     0000000000000000\n" \
	log "ghcb:               0000000000000000\n" \
	log "event_inj:          80000b0d\n" \
	log "event_inj_err:      00000004\n" \
	log "virt_ext:           2\n" \
	log "next_rip:           0000000000000000\n" \
	log "avic_backing_page:  0000000000000000\n" \
	log "avic_logical_id:    0000000000000000\n" \
	log "avic_physical_id:   0000000000000000\n" \
	log "vmsa_pa:            0000000000000000\n" \
	log "VMCB State Save Area:\n" \
	log "es:   s: 0018 a: 0c93 l: ffffffff b: 0000000000000000\n" \
	log "cs:   s: 0010 a: 029b l: ffffffff b: 0000000000000000\n" \
	log "ss:   s: 0018 a: 0c93 l: ffffffff b: 0000000000000000\n" \
	log "ds:   s: 0018 a: 0c93 l: ffffffff b: 0000000000000000\n" \
	log "fs:   s: 0000 a: 0000 l: ffffffff b: 0000000000000000\n" \
	log "gs:   s: 0000 a: 0000 l: ffffffff b: ffff888000000000\n" \
	log "gdtr: s: 0000 a: 0000 l: 0000007f b: fffffe0000001000\n" \
	log "ldtr: s: 0000 a: 0082 l: 0000ffff b: 0000000000000000\n" \
	log "idtr: s: 0000 a: 0000 l: 00000fff b: fffffe0000000000\n" \
	log "tr:   s: 0040 a: 008b l: 00000067 b: fffffe0000003000\n" \
	log "vmpl: 0   cpl:  3               efer:          0000000000001d01\n" \
	log "cr0:            0000000080050033 cr2:          0000000000001000\n" \
	log "cr3:            0000000001000000 cr4:          00000000000006f0\n" \
	log "dr6:            00000000ffff0ff0 dr7:          0000000000000400\n" \
	log "rip:            ffffffff81000000 rflags:       0000000000000002\n" \
	log "rsp:            ffffffff82003f00 rax:          0000000000000007\n" \
	log "star:           0023001000000000 lstar:        ffffffff81a00000\n" \
	log "cstar:          ffffffff81a01000 sfmask:       0000000000047700\n" \
	log "kernel_gs_base: 0000000000000000 sysenter_cs:  0000000000000010\n" \
	log "sysenter_esp:   fffffe0000002000 sysenter_eip: ffffffff81a01000\n" \
	log "gpat:           0007040600070406 dbgctl:       0000000000000000\n" \
	log "br_from:        0000000000000000 br_to:        0000000000000000\n" \
	log "excp_from:      0000000000000000 excp_to:      0000000000000000\n"
