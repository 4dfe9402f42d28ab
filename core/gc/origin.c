#include "gc/origin.h"

#include "heap/heap.h"
#include "sys/context.h"

static void take_registers(const struct thread *t, origin_words *take)
{
    size_t bytes;
    const void *area = context_general(t->context, &bytes);
    take(area, bytes, HOLDER_OTHER);
    struct context_part parts[CONTEXT_PARTS];
    for (size_t i = 0, count = context_vector(t->context, parts); i < count; i++)
        take(parts[i].words, parts[i].bytes, HOLDER_OTHER);
}

// A thread stands on its own stack, or on another: a coroutine's, an alternate one. Its own is scanned from the stack
// pointer on, or whole; the other is the program's memory, a root or a heap block like any (SOUNDNESS S14), but the part from
// the stack pointer to its end is scanned here too, in case it is a block that nothing else refers to. A thread that waits in the
// library with the program's signals blocked is scanned from where it entered: what our own frames hold is no reference.
static uintptr_t stack_top(const struct thread *t)
{
    return align_down(t->entry_sp ? t->entry_sp : t->sp, 8);
}

static bool is_on_own_stack(const struct thread *t)
{
    return stack_top(t) >= t->stack_lo && stack_top(t) < t->stack_hi;
}

static void take_stack(const struct thread *t, origin_words *take, void (*take_value)(uintptr_t value))
{
    uintptr_t sp = stack_top(t), lo, hi;
    struct heap_block block = heap_find(sp);
    if (is_on_own_stack(t))
        take((const void *)sp, t->stack_hi - sp, HOLDER_STACK);
    else if (block.allocated)
        take_value(sp);
    else if (roots_mapping(sp, &lo, &hi))
        take((const void *)sp, hi - sp, HOLDER_STACK);
}

void origins_of_thread(const struct thread *t, origin_words *take, void (*take_value)(uintptr_t value))
{
    take_stack(t, take, take_value);
    if (t->context && !t->entry_sp)
        take_registers(t, take);
}

bool origins_hole(const struct thread *t, struct roots_hole *out)
{
    *out = (struct roots_hole){t->stack_lo, t->stack_hi};
    return t->stack_hi && is_on_own_stack(t);
}
