// What test_recall.c calls to be called back from many stacks: functions of a module of their own, since frames of the test's program,
// which the library is linked into, are its own.
#include "recalled.h"

// Equal frames, so that stacks of one depth differ in nothing but return addresses.
#define BRANCH(name)                                                                                        \
    static __attribute__((noinline, noclone)) void name(uint64_t path, unsigned depth, void (*visit)(void)) \
    {                                                                                                       \
        branch(path, depth, visit);                                                                         \
        __asm__ volatile("nop" : : "g"(depth)); /* no tail call; and the two stay two */                    \
        __asm__ volatile("" : : "i"(#name));                                                                \
    }

static void branch(uint64_t path, unsigned depth, void (*visit)(void));

BRANCH(left)
BRANCH(right)

static __attribute__((noinline, noclone)) void branch(uint64_t path, unsigned depth, void (*visit)(void))
{
    if (!depth)
        visit();
    else if (path & 1)
        left(path >> 1, depth - 1, visit);
    else
        right(path >> 1, depth - 1, visit);
    __asm__ volatile("" : : "g"(depth));
}

void recalled_walk(uint64_t path, unsigned depth, void (*visit)(void))
{
    branch(path, depth, visit);
    __asm__ volatile("" : : "g"(depth));
}
