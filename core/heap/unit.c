#include "heap/unit.h"

#include "heap/large.h"
#include "heap/span.h"

enum { UNIT_PAGES = UNIT_BYTES >> PAGE_SHIFT };

bool unit_has_blocks(size_t unit)
{
    uint32_t bin = cage_bin_plus_one(unit);
    const struct slot_word *words = &cage.words[unit * WORDS_PER_SPAN];
    for (unsigned w = 0; bin && w < class_table[bin - 1].words; w++)
        if (~atomic_load_explicit(&words[w].free, memory_order_relaxed) &
            span_valid(&class_table[bin - 1], w))
            return true;
    for (unsigned page = 0; !bin && page < UNIT_PAGES; page++)
        if (atomic_load_explicit(&cage.pages[unit * UNIT_PAGES + page], memory_order_relaxed))
            return true;
    return false;
}

static bool has_marked_page(size_t unit)
{
    for (unsigned page = 0; page < UNIT_PAGES; page++) {
        uint32_t id = atomic_load_explicit(&cage.pages[unit * UNIT_PAGES + page], memory_order_acquire);
        if (id && atomic_load_explicit(&large_row(id)->mark, memory_order_relaxed))
            return true;
    }
    return false;
}

bool unit_has_marks(size_t unit)
{
    uint32_t bin = cage_bin_plus_one(unit);
    const struct slot_word *words = &cage.words[unit * WORDS_PER_SPAN];
    for (unsigned w = 0; bin && w < class_table[bin - 1].words; w++)
        if (atomic_load_explicit(&words[w].mark, memory_order_relaxed))
            return true;
    return !bin && has_marked_page(unit);
}

bool unit_is_mostly_marked(size_t unit)
{
    uint32_t bin = cage_bin_plus_one(unit);
    const struct slot_word *words = &cage.words[unit * WORDS_PER_SPAN];
    unsigned marked = 0;
    if (!bin)
        return has_marked_page(unit);
    for (unsigned w = 0; w < class_table[bin - 1].words; w++)
        marked += (unsigned)__builtin_popcountl(atomic_load_explicit(&words[w].mark, memory_order_relaxed) &
                                                ~atomic_load_explicit(&words[w].free, memory_order_relaxed));
    return marked * 2 >= class_table[bin - 1].slots;
}
