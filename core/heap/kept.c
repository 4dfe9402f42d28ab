#include "heap/kept.h"

#include "base/bits.h"
#include "base/lock.h"

// Four classes a doubling, as jemalloc has them: 20, 24, 28, 32, 40, 48 ... KiB.
enum { FIRST_CLASS = 4 * 14, CLASSES = 4 * 6, DEPTH = 16 };

static struct lock guard = LOCK_INIT(LOCK_RANK_KEPT);
static struct {
    void *start[DEPTH];
    size_t bytes; // of one
    unsigned count;
} classes[CLASSES];
static size_t kept_bytes;

static unsigned class_of_bytes(size_t bytes)
{
    unsigned log = 63 - (unsigned)__builtin_clzl(bytes - 1);
    return 4 * log + (unsigned)((bytes - 1) >> (log - 2) & 3) - FIRST_CLASS;
}

static bool is_middle(size_t bytes) { return bytes > KEPT_LEAST && bytes <= KEPT_MOST; }

void *kept_take(size_t bytes)
{
    void *start = NULL;
    if (!is_middle(bytes))
        return NULL;
    unsigned class = class_of_bytes(bytes);
    lock_acquire(&guard);
    if (classes[class].count) {
        start = classes[class].start[--classes[class].count];
        kept_bytes -= classes[class].bytes;
    }
    lock_release(&guard);
    return start;
}

bool kept_put(void *start, size_t bytes)
{
    if (!is_middle(bytes))
        return false;
    unsigned class = class_of_bytes(bytes);
    lock_acquire(&guard);
    bool room = classes[class].count < DEPTH && kept_bytes + bytes <= KEPT_BYTES;
    if (room) {
        classes[class].start[classes[class].count++] = start;
        classes[class].bytes = bytes;
        kept_bytes += bytes;
    }
    lock_release(&guard);
    return room;
}

void kept_release(void (*give)(void *start))
{
    for (unsigned class = 0; class < CLASSES; class ++) {
        void *start[DEPTH];
        lock_acquire(&guard);
        unsigned count = classes[class].count;
        for (unsigned i = 0; i < count; i++)
            start[i] = classes[class].start[i];
        kept_bytes -= count * classes[class].bytes;
        classes[class].count = 0;
        lock_release(&guard);
        for (unsigned i = 0; i < count; i++)
            give(start[i]);
    }
}

void kept_fork_prepare(void) { lock_acquire(&guard); }

void kept_fork_done(void) { lock_release(&guard); }
