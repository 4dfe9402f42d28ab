#include "start.h"

#include "base/bits.h"
#include "base/crit.h"
#include "base/lock.h"
#include "sys/syscall.h"

#define MAPPING_BYTES (64 * KIB)

struct place {
    struct start start;
    struct place *next; // of the free ones
};

static struct lock guard = LOCK_INIT(LOCK_RANK_UNJOINED);
static struct place *unused;

static void map_more_locked(void)
{
    struct place *places = sys_mmap(NULL, MAPPING_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
                                    -1, 0);
    if (sys_failed((long)places))
        return;
    for (size_t i = 0; i < MAPPING_BYTES / sizeof *places; i++) {
        places[i].next = unused;
        unused = &places[i];
    }
}

struct start *start_keep(struct start start)
{
    crit_enter();
    lock_acquire(&guard);
    if (!unused)
        map_more_locked();
    struct place *place = unused;
    if (place) {
        unused = place->next;
        place->start = start;
    }
    lock_release(&guard);
    crit_leave();
    return place ? &place->start : NULL;
}

struct start start_take(struct start *kept)
{
    struct place *place = (struct place *)kept;
    struct start start = *kept;
    crit_enter();
    lock_acquire(&guard);
    place->start = (struct start){0};
    place->next = unused;
    unused = place;
    lock_release(&guard);
    crit_leave();
    return start;
}

// Whoever held it in the parent is not here, and the list was whole at every moment.
void start_fork_child(void) { lock_reset(&guard); }
