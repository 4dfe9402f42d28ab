#include "heap/misuse.h"

#include "base/log.h"
#include "base/options.h"
#include "heap/quarantine.h"
#include "heap/trail.h"

__thread struct misuse_caller misuse_caller;

static _Atomic uint64_t count;
static _Atomic bool abort_is_due; // E2

static bool is_power_of_ten(uint64_t n)
{
    while (n >= 10 && n % 10 == 0)
        n /= 10;
    return n == 1;
}

// Whether this error, the so-manieth, is told of.
static bool is_told(uint64_t number)
{
    if (number > MISUSE_TOLD && is_power_of_ten(number))
        log_line("%lu errors of the program with its blocks so far", number);
    return number <= MISUSE_TOLD;
}

static struct misuse_caller freed_by(const struct heap_block *b, const struct note *note)
{
    if (note)
        return (struct misuse_caller){note->frame, note->order};
    return (struct misuse_caller){.from = quarantine_on ? trail_find(b->base) : 0};
}

// Of a block that is free and not held back a note may be gone by now.
static void add_what_is_known(struct misuse *m, const struct heap_block *b, bool freed)
{
    const struct note *note = b->allocated ? note_of(b) : NULL;
    if (note && (note->site || note->holder))
        m->allocated_site = freed ? (uint32_t)note->holder : note->site;
    if (freed && b->allocated)
        m->freed = freed_by(b, note);
}

void misuse_settle(void)
{
    if (likely(!atomic_load_explicit(&abort_is_due, memory_order_relaxed)) || crit_inside())
        return;
    if (atomic_exchange(&abort_is_due, false) && heap_upcalls.abort) // a handler for SIGABRT may free, too
        heap_upcalls.abort();
}

void misuse_tell(const struct heap_block *b, bool freed, const struct misuse *seen, const char *format, ...)
{
    struct misuse m = *seen;
    m.here = m.here ? m.here : misuse_caller.from;
    bool told = is_told(atomic_fetch_add(&count, 1) + 1);
    va_list args;
    va_start(args, format);
    if (told)
        log_line_v(format, args);
    va_end(args);
    if (told && !crit_inside() && heap_upcalls.misuse) {
        add_what_is_known(&m, b, freed);
        heap_upcalls.misuse(&m);
    }
    if (options.abort)
        atomic_store(&abort_is_due, true);
    misuse_settle();
}

uint64_t misuse_count(void) { return atomic_load(&count); }

// --- what is told of ------------------------------------------------------------------------------------------------

// As many as were asked for, where that is known.
static size_t told_bytes(const struct heap_block *b)
{
    const struct note *note = b->allocated ? note_of(b) : NULL;
    return note && (note->site || note->holder) ? note_bytes(b) : b->bytes;
}

void misuse_freed_twice(const struct heap_block *b, const void *p)
{
    misuse_tell(b, true, &(struct misuse){.heading = "is freed again at"},
                "free(%p): this block is free already; ignored (%lu bytes at %p)", p, told_bytes(b),
                (void *)b->base);
}

void misuse_freed_wrongly(const struct heap_block *b, const void *p)
{
    const struct misuse seen = {.heading = "is freed at"};
    if (!b->bytes)
        misuse_tell(b, false, &seen,
                    "free(%p): no block is there: it is free already, or never was one; ignored", p);
    else
        misuse_tell(
            b, quarantine_has(b), &seen,
            "free(%p): this points into a block, %lu bytes behind its start; ignored (%lu bytes at %p)", p,
            (uintptr_t)p - b->base, told_bytes(b), (void *)b->base);
}

void misuse_resized(const struct heap_block *b, const void *p)
{
    misuse_tell(b, b->start, &(struct misuse){.heading = "is resized at"},
                "realloc(%p): %s; nothing is returned (%lu bytes at %p)", p,
                b->start ? "this block is free" : "no block begins there", told_bytes(b), (void *)b->base);
}

void misuse_measured(const struct heap_block *b, const void *p)
{
    misuse_tell(b, true, &(struct misuse){.heading = "is measured at"},
                "malloc_usable_size(%p): %s; it is said to have none", p,
                b->bytes ? "this block is free" : "no block is there");
}

void misuse_faulted(uintptr_t address, bool is_write, uintptr_t instruction)
{
    struct heap_block b = quarantine_on ? heap_find(address) : (struct heap_block){0};
    if (!quarantine_is_sealed(&b))
        return;
    misuse_tell(&b, true, &(struct misuse){.heading = "is used at", .here = instruction, .faulted = true},
                "use after free: %s 0x%lx (%lu bytes into a block of %lu bytes)",
                is_write ? "write to" : "read of", address, address - b.base, told_bytes(&b));
}
