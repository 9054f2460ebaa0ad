# The interpreter of src/host/callList.ts, x86_64: as x64.s -o x.o; objcopy -O binary -j .text x.o x.bin
# rdi: the first call, rsi: behind the last one. Fields of a call: u64 target, u64 arguments[6], s64 result, u32 flags, u32 bytes to skip when it fails.
.intel_syntax noprefix
.globl _start
_start:
  push rbx
  push r12
  push r13
  mov rbx,rdi
  mov r12,rsi
next:
  cmp rbx,r12
  jae done
  mov rdi,[rbx+8]
  test byte ptr [rbx+64],1
  jz own
  mov rdi,r13
own:
  mov rsi,[rbx+16]
  mov rdx,[rbx+24]
  mov r10,[rbx+32]
  mov r8,[rbx+40]
  mov r9,[rbx+48]
  mov rax,[rbx]
  cmp rax,4096
  jae function
  syscall
  jmp result
function:
  mov rcx,r10
  call rax
result:
  mov [rbx+56],rax
  test byte ptr [rbx+64],2
  jz step
  mov r13,rax
step:
  cmp rax,-4095
  jb good
  mov ecx,[rbx+68]
  add rbx,rcx
good:
  add rbx,72
  jmp next
done:
  pop r13
  pop r12
  pop rbx
  ret
