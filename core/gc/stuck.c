#include "gc/stuck.h"

#include "gc/holder.h"
#include "gc/origin.h"
#include "heap/heap.h"
#include "sys/context.h"
#include "world/stop.h"

enum { HELD_MOST = 1024 };
enum state { LET_GO, HELD, ASLEEP }; // ASLEEP: found held back at the stop

static struct held {
    struct stuck_thread thread;
    uint32_t value;
    uint8_t state; // enum state
} held[HELD_MOST];
static size_t count;
static bool wanted, looks, met, sure; // met: somebody, alone (there is no handshake without a barrier)

void stuck_look_for(void) { wanted = true; }

void stuck_begin(void)
{
    looks = wanted;
    wanted = false;
    if (looks) {
        count = 0;
        sure = met = false;
    }
}

static bool is_in_block(uintptr_t word)
{
    struct heap_block b = heap_find(word);
    return b.allocated && word + sizeof(uint32_t) <= b.base + b.bytes && !(word & 3);
}

// Asleep, and it would sleep on: what the kernel compares is there.
static bool is_asleep(const struct thread *t, uintptr_t *word, uint32_t *value)
{
    return t->context && context_waits_on(t->context, word, value) && is_in_block(*word) &&
           __atomic_load_n((const uint32_t *)*word, __ATOMIC_RELAXED) == *value;
}

static struct held *held_record(const struct thread *t)
{
    for (size_t i = 0; looks && i < count; i++)
        if (held[i].thread.tid == t->tid)
            return &held[i];
    return NULL;
}

static bool sleeps_as_before(const struct held *h, const struct thread *t)
{
    uintptr_t word;
    uint32_t value;
    return is_asleep(t, &word, &value) && word == h->thread.word && value == h->value;
}

bool stuck_holds_back(const struct thread *t)
{
    struct roots_hole hole;
    struct held h = {.thread.tid = t->tid, .state = HELD};
    met = true;
    if (!looks || count == HELD_MOST || !origins_hole(t, &hole) || !is_asleep(t, &h.thread.word, &h.value))
        return false;
    held[count++] = h;
    return true;
}

static bool is_marked(uintptr_t word) { return is_in_block(word) && !holder_is_news(word); }

bool stuck_lets_go(const struct thread *t)
{
    struct held *h = held_record(t);
    if (!h || h->state != HELD || (sleeps_as_before(h, t) && !is_marked(h->thread.word)))
        return false;
    h->state = LET_GO;
    return true;
}

bool stuck_is_reached(void)
{
    for (size_t i = 0; looks && i < count; i++)
        if (held[i].state == HELD && is_marked(held[i].thread.word))
            return true;
    return false;
}

bool stuck_sleeps_on(const struct thread *t)
{
    struct held *h = held_record(t);
    if (!h || h->state != HELD)
        return false;
    h->state = sleeps_as_before(h, t) ? ASLEEP : LET_GO;
    return h->state == ASLEEP;
}

bool stuck_judge(void)
{
    size_t asleep = 0, reached = 0;
    if (!looks)
        return false;
    for (size_t i = 0; i < count; i++) {
        asleep += held[i].state == ASLEEP;
        reached += held[i].state == ASLEEP && is_marked(held[i].thread.word);
    }
    sure = met && !reached && !world_has_leavers();
    looks = false;
    return asleep;
}

size_t stuck_found(struct stuck_thread *out, size_t room, bool *was_sure)
{
    size_t found = 0;
    *was_sure = sure;
    for (size_t i = 0; sure && i < count && found < room; i++)
        if (held[i].state == ASLEEP)
            out[found++] = held[i].thread;
    return found;
}
