# The interpreter of src/host/syscallProgram.ts, x86_64: as x64.s -o x.o; ld -Ttext=0x4000e8 x.o -o x; objcopy -O binary -j .text x x.bin
# rbx: the step. Its fields: u32 call, u32 flags, u64 arguments[6], u32 bytes to skip when missing, u32 bytes to jump on more than 0.
.intel_syntax noprefix
.globl _start
_start:
  lea rbx,[rip+_start-232+65536]
next:
  mov eax,[rbx]
  mov rdi,[rbx+8]
  mov rsi,[rbx+16]
  mov rdx,[rbx+24]
  mov r10,[rbx+32]
  mov r8,[rbx+40]
  mov r9,[rbx+48]
  syscall
  cmp rax,-4095
  jae error
  test rax,rax
  jz step
  mov ecx,[rbx+60]
  test ecx,ecx
  jz step
  add rbx,rcx
  jmp next
step:
  add rbx,64
  jmp next
error:
  test byte ptr [rbx+4],1
  jnz step
  mov ecx,[rbx+56]
  test ecx,ecx
  jz fail
  cmp eax,-2
  je skip
  cmp eax,-20
  jne fail
skip:
  add rbx,rcx
  jmp next
fail:
  push rax
  push rbx
  mov rsi,rsp
  mov edx,16
  mov edi,4
  mov eax,1
  syscall
  mov edi,1
  mov eax,231
  syscall
  hlt
