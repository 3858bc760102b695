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
