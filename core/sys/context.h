// The registers of a thread that stopped, and how a thread spills its own.
#pragma once

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <ucontext.h>

// Bytes below the stack pointer that leaf functions use without moving it (System V ABI, AMD64, 3.2.2).
enum { CONTEXT_RED_ZONE = 128 };

static inline uintptr_t context_sp(const ucontext_t *uc) { return (uintptr_t)uc->uc_mcontext.gregs[REG_RSP]; }

// The general registers as 64-bit words: those that hold the thread's own values. Behind them the kernel saves what is its own, CR2
// among it: the address of the last page fault, which is no reference.
static inline const void *context_general(const ucontext_t *uc, size_t *bytes)
{
    *bytes = (REG_RIP + 1) * sizeof uc->uc_mcontext.gregs[0];
    return uc->uc_mcontext.gregs;
}

// What glibc mangles the stack and frame pointers in a jmp_buf with, the same for all threads.
static inline uint64_t context_pointer_guard(void)
{
    uint64_t guard;
    __asm__("mov %%fs:0x30,%0" : "=r"(guard));
    return guard;
}

// The floating-point and vector registers that the kernel saved, part by part (Intel's manual, volume 1, 13.4; Linux
// arch/x86/include/uapi/asm/sigcontext.h). Between the parts are gaps that nobody writes: what the program's stack held there before is no
// register (256 bytes where there is AVX-512 and no MPX). Returns how many; 0: the frame has none.
enum { CONTEXT_PARTS = 16 };
struct context_part {
    const void *words; // 8 byte aligned
    size_t bytes;      // a multiple of 8
};
// context_learn, once before: asks the processor where they lie, which costs microseconds each under a hypervisor.
void context_learn(void);
size_t context_vector(const ucontext_t *uc, struct context_part parts[CONTEXT_PARTS]);

// If the context stands just behind a system call that was interrupted (rax is -EINTR), and the call has the shape
// of libc's wrappers (mov $nr,%eax; syscall), the number of the call, else -1.
int context_interrupted_call(const ucontext_t *uc);

// Whether the context stands before a futex(2) that waits without a timeout, as the kernel leaves a sleeping one that a signal interrupted
// (SA_RESTART): the word that it waits on, and the value that it waits to change.
bool context_waits_on(const ucontext_t *uc, uintptr_t *word, uint32_t *value);

// Makes the interrupted call start again when the handler returns: steps back over mov and syscall.
void context_restart_call(ucontext_t *uc);

// Spills the callee-saved registers to the stack and calls park(sp, arg), sp being the lowest address that a scan of
// this thread's stack must begin at. The caller-saved ones are dead or spilled already: this is a function call.
void context_spill(void (*park)(uintptr_t sp, void *arg), void *arg);

// All registers as debug information counts them (System V ABI, AMD64, figure 3.36): rax rdx rcx rbx rsi rdi rbp rsp r8-r15, and the
// instruction pointer. Of a context; of a thread that context_spill called park for, with that sp: those that a call preserves, else 0.
enum { CONTEXT_REGISTERS = 17 };
void context_registers(const ucontext_t *uc, uint64_t out[CONTEXT_REGISTERS]);
void context_spilled_registers(uintptr_t sp, uint64_t out[CONTEXT_REGISTERS]);

// Delivers a signal once more, below `top` on another stack, as the kernel would have there: moves the frame it built (return
// address, ucontext, siginfo, floating-point state; Linux arch/x86/kernel/signal_64.c) and enters handler, whose return
// is the frame's sigreturn. Nothing on the stack we come from is needed any more. False: there is no room.
bool context_move_frame(int signal, siginfo_t *info, ucontext_t *uc, uintptr_t top,
                        void (*handler)(int signal, siginfo_t *info, void *context));
