#include "leak/roster.h"

#include "base/meta.h"

static uint32_t *first; // per unit: the number of its first slot
static uint8_t *bins;   // per unit: bin + 1, 0: none
static size_t units;
static uint32_t slots, end;

static bool count_unit(size_t unit)
{
    uint32_t bin = cage_bin_plus_one(unit);
    first[unit] = slots;
    bins[unit] = (uint8_t)bin;
    return !bin || !__builtin_add_overflow(slots, class_table[bin - 1].slots, &slots);
}

bool roster_take(void)
{
    units = (cage_top() - cage.base) >> UNIT_SHIFT;
    slots = end = 0;
    first = meta_map(units * sizeof first[0]);
    bins = meta_map(units * sizeof bins[0]);
    bool fits = first && bins;
    for (size_t unit = 0; fits && unit < units; unit++)
        fits = count_unit(unit);
    if (!fits || __builtin_add_overflow(slots, large_id_end(), &end)) {
        roster_drop();
        return false;
    }
    return true;
}

uint32_t roster_end(void) { return end; }

uint32_t roster_number(const struct heap_block *b)
{
    if (b->kind == HEAP_LARGE)
        return b->id && b->id < end - slots ? slots + b->id : ROSTER_NONE;
    size_t unit = cage_unit(b->base);
    if (b->kind != HEAP_SMALL || unit >= units || bins[unit] != b->bin + 1u)
        return ROSTER_NONE;
    return first[unit] + slot_of(&class_table[b->bin], (uint32_t)(b->base - cage.base) & (UNIT_BYTES - 1));
}

static bool each_of_span(size_t unit, bool (*visit)(const struct heap_block *b))
{
    const struct size_class *c = &class_table[bins[unit] - 1];
    bool more = true;
    for (unsigned slot = 0; more && slot < c->slots; slot++) {
        struct heap_block b = heap_find(cage.base + (unit << UNIT_SHIFT) + slot * (uintptr_t)c->size);
        more = !b.allocated || roster_number(&b) == ROSTER_NONE || visit(&b);
    }
    return more;
}

void roster_each(bool (*visit)(const struct heap_block *b))
{
    bool more = true;
    for (size_t unit = 0; more && unit < units; unit++)
        more = !bins[unit] || each_of_span(unit, visit);
    for (uint32_t id = 1; more && id < end - slots; id++) {
        struct heap_block b = heap_find(large_row(id)->base);
        more = !b.allocated || b.id != id || visit(&b);
    }
}

void roster_drop(void)
{
    meta_drop(&first, units * sizeof first[0]);
    meta_drop(&bins, units * sizeof bins[0]);
    units = 0;
    slots = end = 0;
}
