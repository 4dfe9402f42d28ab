// The only pointers are callee-saved registers in jmp_bufs: rbx plain, rbp mangled by the C library; globals and heap.
// cflags: -mno-red-zone
// args: rbx global
// args: rbp global
// args: rbp heap
// args: rsp global
#include "check.h"
#include <setjmp.h>

enum { SIZE = 16 << 10 };
static jmp_buf globals[200], *buffers = globals;
static const char *reg;

/* Calls _setjmp with the pointer in the wanted register. */
NOINLINE static void save(jmp_buf *buffer, char *p)
{
#define SAVE_WITH(set, restore)                                                                                        \
    __asm__ volatile("pushq %%rbx\n\tpushq %%rbp\n\tmovq %%rsp,%%r12\n\t" set "\n\tcall _setjmp\n\t" restore "\n\tmovq %%r12,%%rsp\n\tpopq %%rbp\n\tpopq %%rbx" \
                     ::"D"(buffer), "S"(p) : "rax", "rcx", "rdx", "r8", "r9", "r10", "r11", "r12", "memory", "cc")
    if (strcmp(reg, "rbx") == 0) SAVE_WITH("andq $-16,%%rsp\n\tmovq %%rsi,%%rbx", "");
    else if (strcmp(reg, "rbp") == 0) SAVE_WITH("andq $-16,%%rsp\n\tmovq %%rsi,%%rbp", "");
    else SAVE_WITH("leaq 12288(%%rsi),%%rsp", "");  // as a coroutine library leaves a suspended stack
    (*buffer)->__jmpbuf[2] = 0;  // r12, used above
}

static void put(size_t i, char *p)
{
    save(&buffers[i], p);
    if (strcmp(reg, "rsp") == 0) branded(p, SIZE);
}
static void drop(size_t i) { memset(&buffers[i], 0, sizeof buffers[i]); }

int main(int argc, char **argv)
{
    (void)argc;
    reg = argv[1];
    if (strcmp(argv[2], "heap") == 0) buffers = (jmp_buf *)calloc(COUNT(globals), sizeof *buffers);
    hazard(COUNT(globals), SIZE, put, drop);
}
