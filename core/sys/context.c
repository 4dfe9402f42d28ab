// Registers of stopped threads on Linux x86-64: see context.h.
#include "sys/context.h"

#include "sys/syscall.h"

#include <cpuid.h>
#include <errno.h>
#include <linux/futex.h>
#include <string.h>

enum {
    LEGACY_FP_BYTES = 512,
    SW_RESERVED_OFFSET = 464, // struct _fpx_sw_bytes inside struct _fpstate
    MOV_EAX = 0xb8,
    MOV_BYTES = 5,
    SYSCALL_BYTES = 2,
    FP_ALIGN = 64,
    FRAME_RESERVE = 2048, // what a handler may well need below its frame
    X87_OFFSET = 32,      // of the legacy area: eight x87 registers, and sixteen of SSE behind them
    XMM_END = 416,
    FIRST_EXTENDED = 2, // state components, by number
    FEATURES = 32,
};

// The area that the kernel saved these registers in, 64-byte aligned: the whole XSAVE area by its recorded size, or the legacy 512 bytes. NULL
// when the frame has none.
static const char *saved_area(const ucontext_t *uc, size_t *bytes, uint64_t *features)
{
    const char *area = (const char *)uc->uc_mcontext.fpregs;
    struct _fpx_sw_bytes software;
    *bytes = *features = 0;
    if (!area)
        return NULL;
    memcpy(&software, area + SW_RESERVED_OFFSET, sizeof software);
    bool extended = software.magic1 == FP_XSTATE_MAGIC1 && software.extended_size > LEGACY_FP_BYTES;
    *bytes = extended ? software.extended_size : LEGACY_FP_BYTES;
    if (extended)
        memcpy(features, area + LEGACY_FP_BYTES,
               sizeof *features); // XSTATE_BV: the others are as at the beginning
    return area;
}

// Where the state components from the third on lie, by number: CPUID, leaf 13.
static struct {
    uint32_t offset[FEATURES], bytes[FEATURES];
} layout;

void context_learn(void)
{
    uint32_t flags, rest;
    for (unsigned i = FIRST_EXTENDED; i < FEATURES; i++)
        if (!__get_cpuid_count(13, i, &layout.bytes[i], &layout.offset[i], &flags, &rest))
            layout.bytes[i] = 0;
}

size_t context_vector(const ucontext_t *uc, struct context_part parts[CONTEXT_PARTS])
{
    size_t all, count = 0;
    uint64_t features;
    const char *area = saved_area(uc, &all, &features);
    if (!area)
        return 0;
    parts[count++] = (struct context_part){area + X87_OFFSET, XMM_END - X87_OFFSET};
    for (unsigned i = FIRST_EXTENDED; i < FEATURES && count < CONTEXT_PARTS; i++)
        if (features >> i & 1 && layout.bytes[i] >= 8 && layout.offset[i] + layout.bytes[i] <= all)
            parts[count++] = (struct context_part){area + layout.offset[i], layout.bytes[i] & ~7U};
    return count;
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

bool context_waits_on(const ucontext_t *uc, uintptr_t *word, uint32_t *value)
{
    const greg_t *registers = uc->uc_mcontext.gregs;
    const unsigned char *pc = (const unsigned char *)registers[REG_RIP];
    int operation = (int)registers[REG_RSI] & FUTEX_CMD_MASK;
    *word = (uintptr_t)registers[REG_RDI];
    *value = (uint32_t)registers[REG_RDX];
    return registers[REG_RAX] == SYS_futex && pc[0] == 0x0f && pc[1] == 0x05 && !registers[REG_R10] &&
           (operation == FUTEX_WAIT || operation == FUTEX_WAIT_BITSET);
}

void context_restart_call(ucontext_t *uc) { uc->uc_mcontext.gregs[REG_RIP] -= SYSCALL_BYTES + MOV_BYTES; }

enum { DWARF_RBX = 3, DWARF_RBP = 6, DWARF_RSP = 7, DWARF_R12 = 12, DWARF_RIP = 16 };

void context_registers(const ucontext_t *uc, uint64_t out[CONTEXT_REGISTERS])
{
    static const int order[CONTEXT_REGISTERS] = {REG_RAX, REG_RDX, REG_RCX, REG_RBX, REG_RSI, REG_RDI,
                                                 REG_RBP, REG_RSP, REG_R8,  REG_R9,  REG_R10, REG_R11,
                                                 REG_R12, REG_R13, REG_R14, REG_R15, REG_RIP};
    for (int i = 0; i < CONTEXT_REGISTERS; i++)
        out[i] = (uint64_t)uc->uc_mcontext.gregs[order[i]];
}

// What context_spill has there, from sp on: a gap, r15, r14, r13, r12, rbx, rbp, its return address.
void context_spilled_registers(uintptr_t sp, uint64_t out[CONTEXT_REGISTERS])
{
    const uint64_t *at = (const uint64_t *)sp + 1;
    memset(out, 0, CONTEXT_REGISTERS * sizeof out[0]);
    for (int i = 0; i < 4; i++)
        out[DWARF_R12 + 3 - i] = at[i];
    out[DWARF_RBX] = at[4];
    out[DWARF_RBP] = at[5];
    out[DWARF_RIP] = at[6];
    out[DWARF_RSP] = (uint64_t)(at + 7);
}

// Becomes handler(signal, info, uc) with the frame as its stack.
_Noreturn void enter_frame(int signal, siginfo_t *info, void *uc,
                           void (*handler)(int signal, siginfo_t *info, void *context), char *frame)
    __attribute__((visibility("hidden")));

// Whether a signal frame may be written there: asked of the kernel, so that it does not fault.
static bool is_writable(uintptr_t address)
{
    return sys_sigprocmask(SIG_BLOCK, NULL, (uint64_t *)(address & ~7UL)) == 0;
}

bool context_move_frame(int signal, siginfo_t *info, ucontext_t *uc, uintptr_t top,
                        void (*handler)(int signal, siginfo_t *info, void *context))
{
    size_t fp_bytes, bytes;
    uint64_t features;
    const char *fp = saved_area(uc, &fp_bytes, &features), *from = (const char *)uc - sizeof(void *);
    const char *end = fp ? fp + fp_bytes : (const char *)(info + 1);
    bytes = (size_t)(end - from);
    uintptr_t to = top - bytes;
    to -= (to - (uintptr_t)from) % FP_ALIGN; // the state's alignment stays
    if (!is_writable(to + bytes - 8) || !is_writable(to - FRAME_RESERVE))
        return false;
    ptrdiff_t moved = (ptrdiff_t)(to - (uintptr_t)from);
    memcpy((char *)to, from, bytes);
    uc = (ucontext_t *)((char *)uc + moved);
    if (fp)
        uc->uc_mcontext.fpregs = (fpregset_t)((char *)uc->uc_mcontext.fpregs + moved);
    enter_frame(signal, (siginfo_t *)((char *)info + moved), uc, handler, (char *)to);
}

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

        ".type enter_frame,@function\n"
        "enter_frame:\n"
        "mov %r8,%rsp\n"
        "jmp *%rcx\n"
        ".size enter_frame,.-enter_frame\n");
