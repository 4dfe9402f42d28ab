// Pointers that are not the heap's, given to free, realloc or malloc_usable_size (SOUNDNESS S02, S60).
//
// They may be the C library's own blocks: of a library opened with RTLD_DEEPBIND, or from another namespace. The C library
// aborts over what is not, so what cannot be its block is told apart first, reported in a line, and left alone:
//   - what lies in an object's mapping (globals, constants, code), or on a thread's stack;
//   - what is not mapped, or not aligned as blocks are;
//   - what has no plausible size in front (glibc's malloc/malloc.c, struct malloc_chunk).
#include "foreign.h"

#include "boot.h"
#include "real.h"

#include "base/bits.h"
#include "heap/misuse.h"
#include "gc/collector.h"
#include "sys/syscall.h"
#include "world/thread.h"

#include <dlfcn.h>
#include <stdint.h>

static bool is_mapped(uintptr_t address)
{
    unsigned char present;
    return sys_call3(SYS_mincore, (long)align_down(address, PAGE_BYTES), PAGE_BYTES, (long)&present) == 0;
}

// The two words in front of a chunk's memory: the size of the one before, its own size with three flags.
static bool has_chunk_size(uintptr_t address)
{
    enum { MIN_CHUNK = 32, FLAGS = 7 };
    size_t size = ((const size_t *)address)[-1] & ~(size_t)FLAGS;
    return size >= MIN_CHUNK && size % 16 == 0 && size < (size_t)1 << 47;
}

static const char *why_not_libcs(uintptr_t address)
{
    struct dl_find_object object;
    if (address % 16)
        return "it is not aligned as a block is";
    if (!is_mapped(address - 16) || !is_mapped(address))
        return "nothing is mapped there";
    if (thread_with_stack_at(address))
        return "it lies on a thread's stack";
    if (_dl_find_object((void *)address, &object) == 0)
        return "it lies in a program's or library's own data";
    return has_chunk_size(address) ? NULL : "no allocator's block begins there";
}

static bool refused(const char *function, void *p)
{
    const char *why = why_not_libcs((uintptr_t)p);
    if (why)
        misuse_tell(&(struct heap_block){0}, false, &(struct misuse){.heading = "is given to it at"},
                    "%s(%p): %s; ignored", function, p, why);
    return why;
}

// Kept from the first use on: deepbind.c makes the C library's own names lead to ours.
static void *_Atomic real_free, *_Atomic real_realloc, *_Atomic real_usable;

// A library in front of the C library that brings an allocator: what is not ours is its. Blocks of the two have met, so some of ours
// may be where we cannot see them.
static bool is_other_allocators(void)
{
    bool other = boot_done && !code_contains(&boot_libc, real_symbol(&real_free, "free"));
    if (other)
        collector_passive("a library of the program brings its own malloc");
    return other;
}

void *foreign_libc_symbol(void)
{
    real_symbol(&real_realloc, "realloc");
    real_symbol(&real_usable, "malloc_usable_size");
    return real_symbol(&real_free, "free");
}

void foreign_free(void *p)
{
    if (is_other_allocators() || !refused("free", p))
        ((void (*)(void *))real_symbol(&real_free, "free"))(p);
}

void *foreign_realloc(void *p, size_t n)
{
    if (!is_other_allocators() && refused("realloc", p))
        return NULL;
    return ((void *(*)(void *, size_t))real_symbol(&real_realloc, "realloc"))(p, n);
}

size_t foreign_usable(void *p)
{
    if (!is_other_allocators() && refused("malloc_usable_size", p))
        return 0;
    return ((size_t(*)(void *))real_symbol(&real_usable, "malloc_usable_size"))(p);
}
