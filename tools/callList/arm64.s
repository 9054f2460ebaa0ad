// The interpreter of src/host/callList.ts, aarch64: as arm64.s -o a.o; objcopy -O binary -j .text a.o a.bin
// x0: the first call, x1: behind the last one. Fields of a call: u64 target, u64 arguments[6], s64 result, u32 flags, u32 bytes to skip when it fails.
.globl _start
_start:
  stp x29,x30,[sp,#-48]!
  mov x29,sp
  stp x19,x20,[sp,#16]
  str x21,[sp,#32]
  mov x19,x0
  mov x20,x1
next:
  cmp x19,x20
  b.hs done
  ldp x8,x0,[x19]
  ldr w9,[x19,#64]
  tbz w9,#0,own
  mov x0,x21
own:
  ldp x1,x2,[x19,#16]
  ldp x3,x4,[x19,#32]
  ldr x5,[x19,#48]
  cmp x8,#4096
  b.hs function
  svc #0
  b result
function:
  blr x8
result:
  str x0,[x19,#56]
  ldp w9,w10,[x19,#64]
  tbz w9,#1,step
  mov x21,x0
step:
  cmn x0,#4095
  b.lo good
  add x19,x19,x10
good:
  add x19,x19,#72
  b next
done:
  ldr x21,[sp,#32]
  ldp x19,x20,[sp,#16]
  ldp x29,x30,[sp],#48
  ret
