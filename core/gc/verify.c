#include "gc/verify.h"

#include "base/log.h"
#include "base/meta.h"
#include "gc/mark.h"

#include <string.h>

// The first mark's bits: per unit and word, per large block.
static struct {
    uint64_t *words;
    size_t units;
    uint8_t *rows;
    uint32_t row_end;
} saved;

// One bit for every 16 bytes of the cage below noted_top.
bool verify_noting;
static _Atomic uint64_t *noted;
static uintptr_t noted_top;
enum { GRAIN_SHIFT = 4 };

static size_t noted_bytes(void) { return (noted_top - cage.base) >> (GRAIN_SHIFT + 3); }

void verify_begin(bool keep)
{
    verify_noting = noted != NULL;
    if (keep && noted) // words that are not read again named no block then
        return;
    verify_noting = false;
    if (noted)
        meta_unmap((void *)noted, noted_bytes());
    noted_top = align_up(cage_top() - cage.base, 64 * MIB) + cage.base; // what is younger is not noted
    noted = meta_map(noted_bytes());
    verify_noting = noted != NULL;
}

void verify_fork_child(void)
{
    verify_noting = false;
    noted = NULL;
    saved.words = NULL;
    saved.rows = NULL;
}

void verify_note(uintptr_t value)
{
    size_t grain = (value - cage.base) >> GRAIN_SHIFT;
    if (value < noted_top)
        atomic_fetch_or_explicit(&noted[grain / 64], 1UL << grain % 64, memory_order_relaxed);
}

void verify_noted(void (*take)(uintptr_t value))
{
    for (size_t i = 0; i < noted_bytes() / sizeof noted[0]; i++)
        for (uint64_t rest = noted[i]; rest; rest &= rest - 1)
            take(cage.base + ((i * 64 + (unsigned)__builtin_ctzl(rest)) << GRAIN_SHIFT));
}

static bool save(void)
{
    saved.units = (cage_top() - cage.base) >> UNIT_SHIFT;
    saved.row_end = large_id_end();
    saved.words = meta_map(saved.units * WORDS_PER_SPAN * sizeof saved.words[0]);
    saved.rows = meta_map(saved.row_end);
    if (!saved.words || !saved.rows)
        return false;
    for (size_t unit = 0; unit < saved.units; unit++)
        for (unsigned w = 0; cage.units[unit] && w < WORDS_PER_SPAN; w++)
            saved.words[unit * WORDS_PER_SPAN + w] = cage.words[unit * WORDS_PER_SPAN + w].mark;
    for (uint32_t id = 1; id < saved.row_end; id++)
        saved.rows[id] = large_row(id)->mark;
    return true;
}

static void forget(void)
{
    if (saved.words)
        meta_unmap(saved.words, saved.units * WORDS_PER_SPAN * sizeof saved.words[0]);
    if (saved.rows)
        meta_unmap(saved.rows, saved.row_end);
}

static void compare_word(size_t unit, unsigned w)
{
    struct slot_word *word = &cage.words[unit * WORDS_PER_SPAN + w];
    uint64_t first = saved.words[unit * WORDS_PER_SPAN + w], second = word->mark;
    uint64_t missed = second & ~first & ~word->free;
    const struct size_class *c = &class_table[cage_bin_plus_one(unit) - 1];
    if (missed)
        fatal("verify: the concurrent mark missed a block of %u bytes at %p (%u in its word); please report "
              "this",
              c->size,
              (void *)(cage.base + (unit << UNIT_SHIFT) +
                       (w * 64UL + (unsigned)__builtin_ctzl(missed)) * c->size),
              (unsigned)__builtin_popcountl(missed));
    word->mark = first | second;
}

void verify_marks(void (*again)(void))
{
    if (save()) {
        mark_clear_all();
        again();
        for (size_t unit = 0; unit < saved.units; unit++)
            for (unsigned w = 0; cage.units[unit] && w < class_table[cage_bin_plus_one(unit) - 1].words; w++)
                compare_word(unit, w);
        for (uint32_t id = 1; id < saved.row_end; id++) {
            struct large *row = large_row(id);
            if (row->base && row->mark && !saved.rows[id])
                fatal("verify: the concurrent mark missed a block of %lu bytes at %p; please report this",
                      row->bytes, (void *)row->base);
            row->mark |= saved.rows[id];
        }
    }
    forget();
}
