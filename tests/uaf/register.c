// The pointer is nowhere but in a register of a thread that runs.
// libs: -lpthread
#include "uaf.h"

enum { WANTED = 0x5eed5eed };
static long *handed_over[THREADS];
static int go_on[THREADS];

static void *hold(void *arg)
{
    size_t n = (size_t)arg;
    long **slot = &handed_over[n], value;
    int *flag = &go_on[n];
    WAIT_UNTIL(GET(*slot) != NULL);
    __asm__ volatile("mov (%[slot]), %%r12\n\t"
                     "movq $0, (%[slot])\n"
                     "1:\tpause\n\t"
                     "cmpl $0, (%[flag])\n\t"
                     "je 1b\n\t"
                     "mov (%%r12), %[value]\n\t"
                     "xor %%r12d, %%r12d"
                     : [value] "=&r"(value)
                     : [slot] "r"(slot), [flag] "r"(flag)
                     : "r12", "memory", "cc");
    return (void *)value;
}

NOINLINE static void hand_over(struct scene *s)
{
    long *victim = (long *)watch(s, take_plainly(48));
    *victim = 1;
    free(victim);
    SET(handed_over[s->number], victim);
}

static bool scene(struct scene *s)
{
    const long wanted = WANTED;
    begin(s, 48, take_plainly);
    pthread_t holder = start(hold, (void *)(uintptr_t)s->number);
    hand_over(s);
    WAIT_UNTIL(GET(handed_over[s->number]) == NULL);
    clear_stack();
    groom(s, &wanted, sizeof wanted);
    SET(go_on[s->number], 1);
    return join(holder) == (void *)WANTED;
}
