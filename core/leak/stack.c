#define UNW_LOCAL_ONLY
#include "leak/stack.h"

#include "base/backoff.h"
#include "base/bits.h"
#include "base/clock.h"
#include "base/meta.h"
#include "heap/heap.h"
#include "leak/rebind.h"
#include "world/thread.h"

#include <dlfcn.h>
#include <libunwind.h>
#include <link.h>
#include <stdatomic.h>
#include <string.h>

#define ROOM_BYTES    (24 * KIB) // that the unwinder may need
#define FORK_PATIENCE 1000000000UL
enum { OURS_AT_MOST = 8, STRIPES = 64 };

static struct {
    int (*backtrace)(void **, int);
    int (*get_context)(unw_context_t *);
    int (*init)(unw_cursor_t *, unw_context_t *);
    int (*step)(unw_cursor_t *);
    int (*get_register)(unw_cursor_t *, int, unw_word_t *);
    int (*get_procedure)(unw_cursor_t *, unw_proc_info_t *);
} unwinder;

static struct {
    _Atomic uint32_t inside; // threads
    uint32_t pad[15];
} stripes[STRIPES];
static uintptr_t own_lo, own_hi; // our own code: frames in it are nobody's business
static _Atomic bool forking;
static __thread uintptr_t taking; // the stack pointer of who is inside (T2); 0: nobody

#pragma weak _dl_find_object
#define TEXT(x)  #x
#define QUOTE(x) TEXT(x)

static void find_ourselves(void)
{
    struct dl_find_object found;
    if (_dl_find_object && _dl_find_object((void *)(uintptr_t)stack_open, &found) == 0) {
        own_lo = (uintptr_t)found.dlfo_map_start;
        own_hi = (uintptr_t)found.dlfo_map_end;
    }
}

// The unwinder remembers pages of stacks that it has read; they are no references. What it needs itself it maps.
static int own_data(struct dl_phdr_info *info, size_t bytes, void *address)
{
    bool is_it = false;
    (void)bytes;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const Elf64_Phdr *p = &info->dlpi_phdr[i];
        is_it |= p->p_type == PT_LOAD && (uintptr_t)address - (info->dlpi_addr + p->p_vaddr) < p->p_memsz;
    }
    for (int i = 0; is_it && i < info->dlpi_phnum; i++) {
        const Elf64_Phdr *p = &info->dlpi_phdr[i];
        uintptr_t lo = info->dlpi_addr + p->p_vaddr;
        if (p->p_type == PT_LOAD && (p->p_flags & PF_W))
            meta_own(align_down(lo, PAGE_BYTES), align_up(lo + p->p_memsz, PAGE_BYTES));
    }
    return is_it;
}

bool stack_open(void)
{
    find_ourselves();
    void *library = dlopen("libunwind.so.8", RTLD_NOW | RTLD_LOCAL);
    struct link_map *object = NULL;
    if (!library)
        return false;
    if (dlinfo(library, RTLD_DI_LINKMAP, &object) == 0)
        rebind_unwinder(object);
    unwinder.get_context = (int (*)(unw_context_t *))dlsym(library, "_Ux86_64_getcontext");
    unwinder.init = (int (*)(unw_cursor_t *, unw_context_t *))dlsym(library, QUOTE(unw_init_local));
    unwinder.step = (int (*)(unw_cursor_t *))dlsym(library, QUOTE(unw_step));
    unwinder.get_register = (int (*)(unw_cursor_t *, int, unw_word_t *))dlsym(library, QUOTE(unw_get_reg));
    unwinder.get_procedure = (int (*)(unw_cursor_t *, unw_proc_info_t *))dlsym(library,
                                                                               QUOTE(unw_get_proc_info));
    unwinder.backtrace = (int (*)(void **, int))dlsym(library, "unw_backtrace");
    if (unwinder.backtrace)
        dl_iterate_phdr(own_data, (void *)(uintptr_t)unwinder.backtrace);
    return unwinder.backtrace;
}

bool stack_has_room(void)
{
    uintptr_t sp = (uintptr_t)__builtin_frame_address(0);
    if (thread_self && sp >= thread_self->stack_lo && sp < thread_self->stack_hi)
        return sp - thread_self->stack_lo >= ROOM_BYTES;
    struct heap_block b = heap_find(sp); // a coroutine's
    return b.allocated && sp - b.base >= ROOM_BYTES;
}

static _Atomic uint32_t *own_stripe(void) { return &stripes[(uintptr_t)&taking >> 6 & (STRIPES - 1)].inside; }

static void leave(void)
{
    taking = 0;
    atomic_fetch_sub(own_stripe(), 1);
}

// A handler that interrupted the unwinder has jumped out of it: the thread is above it, on the same stack.
static bool was_abandoned(uintptr_t sp)
{
    return thread_self && sp > taking && taking >= thread_self->stack_lo && sp < thread_self->stack_hi;
}

static bool enter(void)
{
    uintptr_t sp = (uintptr_t)__builtin_frame_address(0);
    if (taking && was_abandoned(sp))
        leave();
    if (taking || !stack_has_room())
        return false;
    atomic_fetch_add(own_stripe(), 1);
    if (atomic_load(&forking)) {
        atomic_fetch_sub(own_stripe(), 1);
        return false;
    }
    taking = sp;
    return true;
}

static bool has_cursor(void)
{
    return unwinder.get_context && unwinder.init && unwinder.step && unwinder.get_register &&
           unwinder.get_procedure;
}

// What the unwinder says, our own frames included; 0: nothing.
static size_t backtrace(void **found, size_t room)
{
    size_t count = 0;
    if (unwinder.backtrace && !crit_inside() && enter()) {
        count = (size_t)unwinder.backtrace(found, (int)room);
        leave();
    }
    return count;
}

static size_t keep_programs(uintptr_t *frames, size_t most, void *const *found, size_t count)
{
    size_t kept = 0;
    for (size_t i = 0; i < count && kept < most; i++)
        if ((uintptr_t)found[i] - own_lo >= own_hi - own_lo)
            frames[kept++] = (uintptr_t)found[i];
    return kept;
}

size_t stack_take(uintptr_t *frames, size_t most, const void *caller)
{
    void *found[STACK_FRAMES_MAX + OURS_AT_MOST];
    size_t count = most > 1 ? backtrace(found, most + OURS_AT_MOST) : 0, ours = 0, kept;
    frames[0] = (uintptr_t)caller;
    while (ours < count && ours <= OURS_AT_MOST && found[ours] != caller)
        ours++;
    if (ours >= count || found[ours] != caller)
        return 1;
    kept = keep_programs(frames, most, found + ours, count - ours);
    frames[0] = kept ? frames[0] : (uintptr_t)caller;
    return kept ? kept : 1;
}

size_t stack_take_here(uintptr_t *frames, size_t most)
{
    void *found[STACK_FRAMES_MAX + OURS_AT_MOST];
    size_t count = backtrace(found, most + OURS_AT_MOST);
    return keep_programs(frames, most, found, count);
}

static bool step_to_slots(const uintptr_t *frames, uintptr_t *places, size_t depth)
{
    unw_context_t context;
    unw_cursor_t cursor;
    unw_word_t ip = 0, sp = 0;
    size_t at = 0;
    if (unwinder.get_context(&context) != 0 || unwinder.init(&cursor, &context) != 0)
        return false;
    while (at < depth && unwinder.step(&cursor) > 0) {
        if (unwinder.get_register(&cursor, UNW_REG_IP, &ip) != 0 ||
            unwinder.get_register(&cursor, UNW_REG_SP, &sp) != 0)
            return false;
        if (ip != frames[at])
            continue; // ours
        if (at && *(const uintptr_t *)(sp - sizeof(uintptr_t)) != ip)
            return false; // a signal's frame
        places[at++] = sp - sizeof(uintptr_t);
    }
    return at == depth;
}

bool stack_return_slots(const uintptr_t *frames, uintptr_t *places, size_t depth)
{
    bool done;
    if (!has_cursor() || crit_inside() || !enter())
        return false;
    done = step_to_slots(frames, places, depth);
    leave();
    return done;
}

static uintptr_t find_stack_pointer(uintptr_t function)
{
    unw_context_t context;
    unw_cursor_t cursor;
    unw_proc_info_t procedure;
    unw_word_t sp = 0;
    if (unwinder.get_context(&context) != 0 || unwinder.init(&cursor, &context) != 0)
        return 0;
    while (unwinder.step(&cursor) > 0)
        if (unwinder.get_procedure(&cursor, &procedure) == 0 && procedure.start_ip == function)
            return unwinder.get_register(&cursor, UNW_REG_SP, &sp) == 0 ? sp : 0;
    return 0;
}

uintptr_t stack_pointer_in(uintptr_t function)
{
    uintptr_t sp;
    if (!has_cursor() || crit_inside() || !enter())
        return 0;
    sp = find_stack_pointer(function);
    leave();
    return sp;
}

static uint32_t inside(void)
{
    uint32_t sum = 0;
    for (unsigned i = 0; i < STRIPES; i++)
        sum += atomic_load(&stripes[i].inside);
    return sum;
}

void stack_fork_prepare(void)
{
    uint64_t begun = clock_ns();
    atomic_store(&forking, true);
    for (struct backoff backoff = {0}; inside() != (taking != 0) && clock_ns() - begun < FORK_PATIENCE;)
        backoff_wait(&backoff);
}

void stack_fork_done(bool in_child)
{
    for (unsigned i = 0; in_child && i < STRIPES; i++)
        atomic_store(&stripes[i].inside, 0);
    if (in_child && taking)
        atomic_store(own_stripe(), 1);
    if (in_child && !atomic_load(&cache_one_thread))
        memset(&unwinder, 0, sizeof unwinder); // T5
    atomic_store(&forking, false);
}
