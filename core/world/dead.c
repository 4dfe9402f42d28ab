#include "world/dead.h"

#include "sys/syscall.h"
#include "world/procfd.h"

#include <stdatomic.h>

enum { NOTED = 256, HEADER_BYTES = 704, DESCRIPTOR_BYTES = 2048, SELF_WORD = 2 };

// Written by the thread that made its descriptor BUSY; who reads one looks at the descriptor before and afterwards, so that the words are
// of one thread: a hole from one stack to another would hide what lies between.
enum { BUSY = 1 };
static struct {
    _Atomic uintptr_t descriptor; // 0: unused
    _Atomic uintptr_t lo;
    _Atomic pid_t tid;
} noted[NOTED]; // a ring: the oldest go
static _Atomic uint32_t noted_at;
static size_t tid_offset; // 0: not known

void dead_boot(void)
{
    const char *self = __builtin_thread_pointer();
    pid_t tid = sys_gettid();
    for (size_t at = HEADER_BYTES; at < DESCRIPTOR_BYTES && !tid_offset; at += sizeof tid)
        if (*(const pid_t *)(self + at) == tid)
            tid_offset = at;
}

void dead_note(uintptr_t lo)
{
    if (!tid_offset)
        return;
    uint32_t i = atomic_fetch_add(&noted_at, 1) % NOTED;
    uintptr_t was = atomic_load(&noted[i].descriptor);
    if (was == BUSY || !atomic_compare_exchange_strong(&noted[i].descriptor, &was, BUSY))
        return; // so many end at once: this stack stays a root
    atomic_store(&noted[i].lo, lo);
    atomic_store(&noted[i].tid, sys_gettid());
    atomic_store(&noted[i].descriptor, (uintptr_t)__builtin_thread_pointer());
}

// X2. The descriptor's first words, and its number, by a read that may fail.
static bool is_dead(uintptr_t descriptor, pid_t tid, bool *joined)
{
    uintptr_t words[SELF_WORD + 1];
    pid_t number = 1;
    return sys_tgkill(sys_getpid(), tid, 0) < 0 &&
           procfd_read_memory(descriptor, words, sizeof words) == sizeof words && words[0] == descriptor &&
           words[SELF_WORD] == descriptor &&
           procfd_read_memory(descriptor + tid_offset, &number, sizeof number) == sizeof number &&
           (*joined = number < 0, number <= 0);
}

size_t dead_stacks(struct roots_hole *out, size_t room)
{
    size_t count = 0;
    bool joined;
    for (unsigned i = 0; i < NOTED && count + 2 <= room; i++) {
        uintptr_t descriptor = atomic_load(&noted[i].descriptor), lo = atomic_load(&noted[i].lo);
        pid_t tid = atomic_load(&noted[i].tid);
        if (!descriptor || descriptor == BUSY || atomic_load(&noted[i].descriptor) != descriptor)
            continue;
        if (is_dead(descriptor, tid, &joined)) {
            out[count++] = (struct roots_hole){lo, descriptor};
            if (joined)
                out[count++] = (struct roots_hole){descriptor + HEADER_BYTES, descriptor + DESCRIPTOR_BYTES};
        } else if (sys_tgkill(sys_getpid(), tid, 0) < 0) // somebody else's by now
            atomic_compare_exchange_strong(&noted[i].descriptor, &descriptor, 0);
    }
    return count;
}
