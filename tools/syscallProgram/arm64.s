// The interpreter of src/host/syscallProgram.ts, aarch64: as arm64.s -o a.o; objcopy -O binary a.o a.bin; its first 140 bytes.
// x19: the step. Its fields: u32 call, u32 flags, u64 arguments[6], u32 bytes to skip when missing, u32 bytes to jump on more than 0.
.globl _start
_start:
  adr x19, table
next:
  ldr w8,[x19]
  ldp x0,x1,[x19,#8]
  ldp x2,x3,[x19,#24]
  ldp x4,x5,[x19,#40]
  svc #0
  cmn x0,#4095
  b.cs error
  cbz x0, step
  ldr w9,[x19,#60]
  cbz w9, step
  add x19,x19,x9
  b next
step:
  add x19,x19,#64
  b next
error:
  ldr w9,[x19,#4]
  tbnz w9,#0,step
  ldr w9,[x19,#56]
  cbz w9, fail
  cmn x0,#2
  b.eq skip
  cmn x0,#20
  b.ne fail
skip:
  add x19,x19,x9
  b next
fail:
  stp x19,x0,[sp,#-16]!
  mov x1,sp
  mov x2,#16
  mov x0,#4
  mov x8,#64
  svc #0
  mov x0,#1
  mov x8,#94
  svc #0
  brk #0
.org 65536-232
table:
