// Registers of stopped threads on Linux x86-64: see context.h.
#include "sys/context.h"

#include <errno.h>
#include <string.h>

enum {
    LEGACY_FP_BYTES = 512,
    SW_RESERVED_OFFSET = 464, // struct _fpx_sw_bytes inside struct _fpstate
    FP_XSTATE_MAGIC1 = 0x46505853,
    MOV_EAX = 0xb8,
    MOV_BYTES = 5,
    SYSCALL_BYTES = 2,
};

const void *context_vector(const ucontext_t *uc, size_t *bytes)
{
    const char *area = (const char *)uc->uc_mcontext.fpregs;
    uint32_t magic, extended;
    *bytes = 0;
    if (!area)
        return NULL;
    memcpy(&magic, area + SW_RESERVED_OFFSET, sizeof magic);
    memcpy(&extended, area + SW_RESERVED_OFFSET + sizeof magic, sizeof extended);
    *bytes = magic == FP_XSTATE_MAGIC1 && extended > LEGACY_FP_BYTES ? extended : LEGACY_FP_BYTES;
    return area;
}

int context_interrupted_call(const ucontext_t *uc)
{
    const unsigned char *pc = (const unsigned char *)uc->uc_mcontext.gregs[REG_RIP];
    uint32_t number;
    if (uc->uc_mcontext.gregs[REG_RAX] != -EINTR)
        return -1;
    if (pc[-2] != 0x0f || pc[-1] != 0x05 || pc[-SYSCALL_BYTES - MOV_BYTES] != MOV_EAX)
        return -1;
    memcpy(&number, pc - SYSCALL_BYTES - MOV_BYTES + 1, sizeof number);
    return number < 1024 ? (int)number : -1;
}

void context_restart_call(ucontext_t *uc) { uc->uc_mcontext.gregs[REG_RIP] -= SYSCALL_BYTES + MOV_BYTES; }

__asm__(".text\n"
        ".globl context_spill\n"
        ".hidden context_spill\n"
        ".type context_spill,@function\n"
        "context_spill:\n"
        ".cfi_startproc\n"
        "endbr64\n"
        "push %rbp\n.cfi_def_cfa_offset 16\n.cfi_offset rbp,-16\n"
        "mov %rsp,%rbp\n.cfi_def_cfa_register rbp\n"
        "push %rbx\n"
        "push %r12\n"
        "push %r13\n"
        "push %r14\n"
        "push %r15\n"
        "sub $8,%rsp\n"
        "mov %rdi,%rax\n"
        "mov %rsp,%rdi\n"
        "call *%rax\n"
        "add $8,%rsp\n"
        "pop %r15\n"
        "pop %r14\n"
        "pop %r13\n"
        "pop %r12\n"
        "pop %rbx\n"
        "pop %rbp\n.cfi_def_cfa rsp,8\n"
        "ret\n"
        ".cfi_endproc\n"
        ".size context_spill,.-context_spill\n"

        ".globl context_on_stack\n"
        ".hidden context_on_stack\n"
        ".type context_on_stack,@function\n"
        "context_on_stack:\n"
        ".cfi_startproc\n"
        "endbr64\n"
        "push %rbp\n.cfi_def_cfa_offset 16\n.cfi_offset rbp,-16\n"
        "mov %rsp,%rbp\n.cfi_def_cfa_register rbp\n"
        "mov %rdi,%rsp\n"
        "mov %rdx,%rdi\n"
        "call *%rsi\n"
        "mov %rbp,%rsp\n"
        "pop %rbp\n.cfi_def_cfa rsp,8\n"
        "ret\n"
        ".cfi_endproc\n"
        ".size context_on_stack,.-context_on_stack\n");
