// User contexts carry signal masks (S33): what the program reads there is its own mask, and none it sets blocks a hidden signal.
//
// getcontext saves the caller's registers, so nothing may stand between: it is called with the caller's registers and stack but
// for one word, and the saved return address and stack pointer are then set to the caller's. setcontext and swapcontext take
// masks of both kinds: a hidden signal in one is replaced by its shadow, a shadow stays.
//
// Known gap. In a context that swapcontext saved the program reads the kernel's mask.
#include "sigmask.h"

#include "real.h"

#include <stddef.h>
#include <ucontext.h>

// The program's mask that a context carries, and in *kernel what the kernel shall have.
static uint64_t mask_in(const ucontext_t *context, uint64_t *kernel)
{
    uint64_t mask = context->uc_sigmask.__val[0];
    *kernel = (mask & ~sigmask_hidden_bits()) | (sigmask_to_kernel(mask) & ~mask);
    return sigmask_to_program(*kernel, mask);
}

void *context_real_getcontext(void) __attribute__((visibility("hidden")));
void *context_real_getcontext(void)
{
    static void *_Atomic cache;
    return real_symbol(&cache, "getcontext");
}

void context_taken(ucontext_t *context) __attribute__((visibility("hidden")));
void context_taken(ucontext_t *context)
{
    context->uc_sigmask.__val[0] = sigmask_to_program(context->uc_sigmask.__val[0], sigmask_believed);
}

_Static_assert(offsetof(ucontext_t, uc_mcontext.gregs[REG_RSP]) == 160, "as written below");
_Static_assert(offsetof(ucontext_t, uc_mcontext.gregs[REG_RIP]) == 168, "as written below");

__asm__(".text\n"
        ".globl getcontext\n"
        ".type getcontext,@function\n"
        "getcontext:\n"
        ".cfi_startproc\n"
        "push %rdi\n"
        ".cfi_adjust_cfa_offset 8\n"
        "call context_real_getcontext\n"
        "mov (%rsp),%rdi\n"
        "call *%rax\n"
        "pop %rdi\n"
        ".cfi_adjust_cfa_offset -8\n"
        "test %eax,%eax\n"
        "jnz 1f\n"
        "mov (%rsp),%rax\n"
        "mov %rax,168(%rdi)\n"
        "lea 8(%rsp),%rax\n"
        "mov %rax,160(%rdi)\n"
        "sub $8,%rsp\n"
        ".cfi_adjust_cfa_offset 8\n"
        "call context_taken\n"
        "add $8,%rsp\n"
        ".cfi_adjust_cfa_offset -8\n"
        "xor %eax,%eax\n"
        "1: ret\n"
        ".cfi_endproc\n"
        ".size getcontext,.-getcontext\n");

// The context as the kernel shall get it: itself, or a copy.
static const ucontext_t *for_kernel(const ucontext_t *context, ucontext_t *copy)
{
    uint64_t kernel, program = mask_in(context, &kernel);
    sigmask_believed = program;
    if (kernel == context->uc_sigmask.__val[0])
        return context;
    *copy = *context;
    copy->uc_sigmask.__val[0] = kernel;
    return copy;
}

EXPORT int setcontext(const ucontext_t *context)
{
    static void *_Atomic cache;
    typeof(setcontext) *real = real_symbol(&cache, "setcontext");
    ucontext_t copy;
    return real(for_kernel(context, &copy));
}

EXPORT int swapcontext(ucontext_t *restrict saved, const ucontext_t *restrict context)
{
    static void *_Atomic cache;
    typeof(swapcontext) *real = real_symbol(&cache, "swapcontext");
    ucontext_t copy;
    return real(saved, for_kernel(context, &copy));
}
