#include "heap/taint.h"

_Atomic bool taint_wanted;

enum { FIRST = 1, LAST = UINT8_MAX }; // 0 in cage.taints: never
static _Atomic uint8_t now = FIRST;   // what the taints of today look like

static size_t units_end(uintptr_t hi) { return cage_unit(hi - 1) + 1; }

void taint_units(uintptr_t lo, uintptr_t hi)
{
    uint8_t stamp = atomic_load(&now);
    if (!atomic_load_explicit(&taint_wanted, memory_order_relaxed))
        return;
    for (size_t unit = cage_unit(lo), end = units_end(hi); unit < end; unit++)
        if (atomic_load_explicit(&cage.taints[unit], memory_order_relaxed) != stamp)
            atomic_store(&cage.taints[unit], stamp);
}

void taint_at(uintptr_t value)
{
    if (value < cage_top())
        taint_units(value, value + 1);
}

bool taint_has(uintptr_t lo, uintptr_t hi)
{
    uint8_t stamp = atomic_load(&now);
    if (!atomic_load_explicit(&taint_wanted, memory_order_relaxed))
        return false;
    for (size_t unit = cage_unit(lo), end = units_end(hi); unit < end; unit++)
        if (unlikely(atomic_load_explicit(&cage.taints[unit], memory_order_relaxed) == stamp))
            return true;
    return false;
}

void taint_end_all(void)
{
    uint8_t stamp = atomic_load(&now);
    if (stamp == LAST)
        for (size_t unit = 0, end = cage_unit(cage_top()); unit < end; unit++)
            atomic_store_explicit(&cage.taints[unit], 0, memory_order_relaxed);
    atomic_store(&now, stamp == LAST ? FIRST : (uint8_t)(stamp + 1));
}
