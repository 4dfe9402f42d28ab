// The malloc family, with glibc's semantics (malloc(3), mallinfo(3), malloc_info(3) …).
//
// On this path: no libc call that can lock or allocate, no dlsym (but for pointers that are not ours), errno untouched by
// free and by success.
#include "boot.h"
#include "cleanup.h"
#include "foreign.h"
#include "gcpre.h"

#include "base/log.h"
#include "gc/collector.h"
#include "heap/extent.h"
#include "heap/heap.h"
#include "heap/special.h"
#include "heap/misuse.h"
#include "heap/quarantine.h"
#include "leak/errors.h"
#include "leak/hunt.h"
#include "leak/usage.h"
#include "real.h"
#include "sys/syscall.h"
#include "world/kwrite.h"

#include <errno.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CALLER      __builtin_return_address(0)
// Where the return address is: the caller's stack pointer, to whom may want to know it later.
#define RETURN_SLOT ((const void *const *)__builtin_dwarf_cfa() - 1)

// A cycle is wanted and there is no thread for it yet; this caller holds no lock of libc's.
static void maybe_start_collector(const void *caller)
{
    if (unlikely(atomic_load_explicit(&collector_start_wanted, memory_order_relaxed)) &&
        boot_may_start_thread(caller)) {
        collector_start();
        cleanup_start(); // of a forked child
    }
}

// Blocks that libc allocates for itself are handed to the kernel without our seeing it: never write-protected.
static bool is_for_libc(const void *caller)
{
    return unlikely(kwrite_active) && code_contains(&boot_libc, caller);
}

// Overwrites what the slow path left on the stack below its caller: words there that no later call happens to write would be
// taken for references for ever (after bdwgc's GC_clear_stack). A tail call, so that it covers the whole of the slow path's frames.
static __attribute__((noinline)) void *scrub_stack(void *p)
{
    char dead[768];
    memset(dead, 0, sizeof dead);
    __asm__ volatile("" : : "r"(dead) : "memory");
    return p;
}

static __attribute__((noinline)) void *alloc_slow(size_t n, bool zeroed, const void *caller)
{
    void *p;
    if (n > PTRDIFF_MAX) {
        errno = ENOMEM;
        return NULL;
    }
    int saved = errno;
    bool noarm = is_for_libc(caller);
    p = heap_alloc_slow(n, zeroed, noarm);
    if (noarm)
        kwrite_keep_open(p, n);
    maybe_start_collector(caller);
    errno = p ? saved : ENOMEM;
    return scrub_stack(p);
}

// Leaks are hunted: the allocation's stack is remembered with the block.
static __attribute__((noinline)) void *alloc_hunted(size_t n, size_t alignment, bool zeroed, uint16_t flags,
                                                    const void *const *return_slot)
{
    const void *caller = *return_slot;
    void *p;
    if (n > PTRDIFF_MAX - alignment) {
        errno = ENOMEM;
        return NULL;
    }
    int saved = errno; // the unwinder's affair
    bool noarm = is_for_libc(caller);
    struct note_facts facts = hunt_facts(n, caller);
    facts.frame = (uintptr_t)return_slot;
    facts.flags |= flags;
    if (n <= SMALL_MAX && alignment == SLOT_GRAIN && !noarm) {
        p = heap_alloc_noted_quick(n, class_of(n), facts);
        if (p) {
            errno = saved;
            return zeroed ? memset(p, 0, n) : p;
        }
    }
    p = heap_alloc_noted(n, alignment, zeroed, noarm, facts);
    if (noarm)
        kwrite_keep_open(p, n);
    maybe_start_collector(caller);
    errno = p ? saved : ENOMEM;
    return scrub_stack(p);
}

// Whether this request gets a note: all do while leaks are hunted, else samples.
static bool is_noted(size_t n)
{
    return unlikely(hunting) || (cache_sample_bytes && cache_is_sample(&cache_self, n));
}

// A slot for n bytes by the short path: NULL when its magazine is empty. n < quick, which is cache_self's: read once, or a handler's malloc
// in between could make the difference negative.
static inline void *alloc_quick(size_t n, size_t quick)
{
    cache_self.quick = quick - n;
    return magazine_pop(&cache_self.plain.magazines[class_of(n)]);
}

// The short path has come to its end, or is closed: opens it again where it may be open, and looks into the magazine itself.
static void *alloc_middle_small(size_t n, const void *caller)
{
    cache_open_short_path(&cache_self, !kwrite_active);
    return is_for_libc(caller) ? NULL : magazine_pop(&cache_self.plain.magazines[class_of(n)]);
}

static __attribute__((noinline)) void *alloc_middle(size_t n, const void *const *return_slot)
{
    const void *caller = *return_slot;
    if (is_noted(n))
        return alloc_hunted(n, SLOT_GRAIN, false, 0, return_slot);
    void *p = n <= SMALL_MAX ? alloc_middle_small(n, caller) : NULL;
    return p ? p : alloc_slow(n, false, caller);
}

EXPORT void *malloc(size_t n)
{
    size_t quick = cache_self.quick;
    if (unlikely(n >= quick))
        return alloc_middle(n, RETURN_SLOT);
    void *p = alloc_quick(n, quick);
    return likely(p) ? p : alloc_slow(n, false, CALLER);
}

// Under quarantine. A cycle that is wanted begins with the next slow allocation, if the collector is not there yet.
static bool hold_back_quick(void *p, uintptr_t from)
{
    if (!quarantine_take_quick(p, from))
        return false;
    specials_free((uintptr_t)p);
    if (quarantine_settle())
        collector_want_cycle();
    return true;
}

static __attribute__((noinline)) void free_from(void *p, const void *const *return_slot)
{
    struct note was;
    if (quarantine_holds && hold_back_quick(p, (uintptr_t)*return_slot))
        return;
    misuse_caller = (struct misuse_caller){.from = (uintptr_t)*return_slot};
    if (heap_free_noted_quick(p, &was)) {
        usage_freed(&was, return_slot);
        return;
    }
    int saved = errno;
    if (unlikely(hunting && quarantine_on))
        misuse_caller.site = hunt_site(*return_slot);
    heap_free_slow(p);
    maybe_start_collector(*return_slot);
    errno = saved;
}

EXPORT void free(void *p)
{
    if (unlikely(!heap_free(p)))
        free_from(p, RETURN_SLOT);
}

EXPORT void *calloc(size_t count, size_t each)
{
    size_t n;
    if (__builtin_mul_overflow(count, each, &n)) {
        errno = ENOMEM;
        return NULL;
    }
    size_t quick = cache_self.quick;
    if (likely(n < quick)) {
        void *p = alloc_quick(n, quick);
        return likely(p) ? memset(p, 0, n) : alloc_slow(n, true, CALLER);
    }
    if (is_noted(n))
        return alloc_hunted(n, SLOT_GRAIN, true, 0, RETURN_SLOT);
    if (n > SMALL_MAX)
        return alloc_slow(n, true, CALLER);
    void *p = alloc_middle_small(n, CALLER); // a thread may ask for nothing but zeroed memory
    return p ? memset(p, 0, n) : alloc_slow(n, true, CALLER);
}

// --- blocks without pointers ----------------------------------------------------------------------------------

static __attribute__((noinline)) void *alloc_noscan(size_t n, const void *const *return_slot)
{
    const void *caller = *return_slot;
    if (n > PTRDIFF_MAX) {
        errno = ENOMEM;
        return NULL;
    }
    if (is_noted(n))
        return alloc_hunted(n, SLOT_GRAIN, false, NOTE_NOSCAN, return_slot);
    int saved = errno;
    cache_open_short_path(&cache_self, !kwrite_active);
    void *p = heap_alloc_noscan(n);
    maybe_start_collector(caller);
    errno = p ? saved : ENOMEM;
    return scrub_stack(p);
}

EXPORT void *libgcpre_malloc_noscan(size_t n)
{
    struct shelf *shelf = cache_self.noscan;
    size_t quick = cache_self.quick;
    if (n >= quick || !shelf)
        return alloc_noscan(n, RETURN_SLOT);
    cache_self.quick = quick - n;
    void *p = magazine_pop(&shelf->magazines[class_of(n)]);
    return likely(p) ? p : alloc_noscan(n, RETURN_SLOT);
}

// --- realloc ------------------------------------------------------------------------------------------------

static void *realloc_hunted(void *p, size_t n, const void *caller)
{
    struct note_facts facts = hunt_facts(n, caller);
    size_t before;
    void *moved = heap_realloc_noted(p, n, facts, &before);
    if (moved)
        usage_resized(facts.site, sampling ? facts.order : 1, before, n, moved != p);
    return moved;
}

static void *realloc_from(void *p, size_t n, const void *const *return_slot)
{
    const void *caller = *return_slot;
    if (!p)
        return alloc_middle(n, return_slot);
    if (!cage_contains((uintptr_t)p)) {
        int error = errno;
        void *foreign = foreign_realloc(p, n);
        errno = foreign || n == 0 ? error : ENOMEM;
        return foreign;
    }
    if (n == 0) { // glibc frees
        free(p);
        return NULL;
    }
    int saved = errno;
    misuse_caller = (struct misuse_caller){.from = (uintptr_t)caller};
    void *moved = n > PTRDIFF_MAX ? NULL : is_noted(n) ? realloc_hunted(p, n, caller) : heap_realloc(p, n);
    if (moved && is_for_libc(caller))
        kwrite_keep_open(moved, n);
    maybe_start_collector(caller);
    errno = moved ? saved : ENOMEM;
    return moved;
}

EXPORT void *realloc(void *p, size_t n) { return realloc_from(p, n, RETURN_SLOT); }

EXPORT void *reallocarray(void *p, size_t count, size_t each)
{
    size_t n;
    if (__builtin_mul_overflow(count, each, &n)) {
        errno = ENOMEM;
        return NULL;
    }
    return realloc_from(p, n, RETURN_SLOT);
}

// --- aligned ------------------------------------------------------------------------------------------------

// glibc's memalign takes any alignment and rounds it up to a power of two.
static __attribute__((noinline)) void *aligned_slow(size_t alignment, size_t n,
                                                    const void *const *return_slot)
{
    const void *caller = *return_slot;
    if (alignment > SIZE_MAX / 2 + 1) {
        errno = EINVAL;
        return NULL;
    }
    size_t power = SLOT_GRAIN;
    while (power < alignment)
        power *= 2;
    if (power == SLOT_GRAIN)
        return alloc_middle(n, return_slot);
    if (is_noted(n))
        return alloc_hunted(n, power, false, 0, return_slot);
    int saved = errno;
    cache_open_short_path(&cache_self, !kwrite_active);
    void *p = n > PTRDIFF_MAX - power ? NULL : heap_alloc_aligned(n, power);
    maybe_start_collector(caller);
    errno = p ? saved : ENOMEM;
    return p;
}

// A slot from a magazine; NULL: the long way.
static inline void *aligned_quick(size_t alignment, size_t n)
{
    size_t quick = cache_self.quick;
    if (n >= quick || alignment < SLOT_GRAIN || !is_power_of_two(alignment))
        return NULL;
    int class = class_of_aligned(n, alignment);
    void *p = class < 0 ? NULL : magazine_pop(&cache_self.plain.magazines[class]);
    if (likely(p))
        cache_self.quick = quick - n;
    return p;
}

static inline void *aligned_from(size_t alignment, size_t n, const void *const *return_slot)
{
    void *p = aligned_quick(alignment, n);
    return likely(p) ? p : aligned_slow(alignment, n, return_slot);
}

EXPORT void *memalign(size_t alignment, size_t n) { return aligned_from(alignment, n, RETURN_SLOT); }

EXPORT void *aligned_alloc(size_t alignment, size_t n) { return aligned_from(alignment, n, RETURN_SLOT); }

EXPORT int posix_memalign(void **out, size_t alignment, size_t n)
{
    int saved = errno;
    if (!is_power_of_two(alignment) || alignment % sizeof(void *))
        return EINVAL;
    void *p = aligned_from(alignment, n, RETURN_SLOT);
    errno = saved;
    if (!p)
        return ENOMEM;
    *out = p;
    return 0;
}

EXPORT void *valloc(size_t n) { return aligned_from(PAGE_BYTES, n, RETURN_SLOT); }

EXPORT void *pvalloc(size_t n)
{
    if (n > PTRDIFF_MAX - PAGE_BYTES) {
        errno = ENOMEM;
        return NULL;
    }
    return aligned_from(PAGE_BYTES, align_up(n, PAGE_BYTES), RETURN_SLOT);
}

// --- the rest -----------------------------------------------------------------------------------------------

EXPORT void cfree(void *p);
EXPORT void cfree(void *p) { free(p); }

EXPORT void free_sized(void *p, size_t n);
EXPORT void free_sized(void *p, size_t n)
{
    (void)n;
    free(p);
}

EXPORT void free_aligned_sized(void *p, size_t alignment, size_t n);
EXPORT void free_aligned_sized(void *p, size_t alignment, size_t n)
{
    (void)alignment, (void)n;
    free(p);
}

EXPORT size_t malloc_usable_size(void *p)
{
    if (!p)
        return 0;
    misuse_caller = (struct misuse_caller){.from = (uintptr_t)CALLER};
    return cage_contains((uintptr_t)p) ? heap_usable(p) : foreign_usable(p);
}

EXPORT int malloc_trim(size_t pad)
{
    (void)pad;
    return 0; // nothing was given back at once
}

EXPORT int mallopt(int parameter, int value)
{
    (void)parameter, (void)value;
    return 1;
}

EXPORT struct mallinfo2 mallinfo2(void)
{
    size_t committed = cage_top() - cage.base, live = heap_live_bytes();
    return (struct mallinfo2){
        .arena = committed, .uordblks = live, .fordblks = committed > live ? committed - live : 0};
}

static int as_int(size_t n) { return (int)min_size(n, INT32_MAX); }

EXPORT struct mallinfo mallinfo(void)
{
    struct mallinfo2 m = mallinfo2();
    return (struct mallinfo){
        .arena = as_int(m.arena), .uordblks = as_int(m.uordblks), .fordblks = as_int(m.fordblks)};
}

EXPORT void malloc_stats(void)
{
    struct mallinfo2 m = mallinfo2();
    fprintf(stderr, "libgcpre: system bytes = %zu, in use bytes = %zu\n", m.arena, m.uordblks);
}

EXPORT int malloc_info(int flags, FILE *file)
{
    struct mallinfo2 m = mallinfo2();
    if (flags != 0)
        return EINVAL;
    fprintf(file,
            "<malloc version=\"1\">\n<total type=\"rest\" count=\"0\" size=\"%zu\"/>\n"
            "<system type=\"current\" size=\"%zu\"/>\n</malloc>\n",
            m.fordblks, m.arena);
    return 0;
}

static void stop_reclaiming(void)
{
    collector_passive("blocks of several sizes were used after they had been condemned");
}

struct heap_upcalls heap_upcalls = {.first_use = thread_comes_to_heap,
                                    .hidden_pointers = stop_reclaiming,
                                    .free_foreign = foreign_free,
                                    .slow_alloc = collector_pace,
                                    .misuse = errors_tell,
                                    .abort = abort,
                                    .cycle_wanted = collector_want_cycle,
                                    .out_of_memory = collector_out_of_memory};
