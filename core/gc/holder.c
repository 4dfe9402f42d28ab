#include "gc/holder.h"

#include <string.h>

_Static_assert(HOLDER_KIND_SHIFT - HOLDER_SITE_SHIFT == 20, "a site's number (leak/site.h)");

bool holders_wanted;

void holder_note(const struct heap_block *block, uint64_t from)
{
    struct note *note = note_of(block), *source;
    if (!note || !note->site) // freed, and held back: N3
        return;
    if (holder_kind(from) == HOLDER_HEAP) {
        struct heap_block b = heap_find(from & HOLDER_PLACE);
        source = b.allocated ? note_of(&b) : NULL;
        from = !source || !source->site
                   ? 0
                   : (uint64_t)HOLDER_HEAP << HOLDER_KIND_SHIFT |
                         (uint64_t)source->site << HOLDER_SITE_SHIFT | ((from & HOLDER_PLACE) - b.base);
    }
    note->holder = from;
}

uintptr_t holder_place(const void *words, size_t bytes, uintptr_t value)
{
    enum { STEP = 4 };
    for (size_t at = 0; at + sizeof value <= bytes; at += STEP)
        if (memcmp((const char *)words + at, &value, sizeof value) == 0)
            return (uintptr_t)words + at;
    return (uintptr_t)words;
}

bool holder_is_news(uintptr_t value)
{
    struct heap_block b = heap_find(value);
    if (!b.allocated)
        return false;
    if (b.kind == HEAP_LARGE)
        return !atomic_load_explicit(&large_row(b.id)->mark, memory_order_relaxed);
    uint32_t slot = slot_of(&class_table[b.bin], (uint32_t)(b.base - cage.base) & (UNIT_BYTES - 1));
    uint64_t mark = atomic_load_explicit(&cage.words[cage_unit(b.base) * WORDS_PER_SPAN + slot / 64].mark,
                                         memory_order_relaxed);
    return !(mark >> slot % 64 & 1);
}
