#include "heap/note.h"

#include "heap/extent.h"
#include "heap/heap.h"

#include <string.h>

static struct notes *_Atomic limbo; // of spans that need them no more, or need more (N2)

static void discard(struct notes *notes)
{
    notes->next = atomic_load(&limbo);
    while (!atomic_compare_exchange_weak(&limbo, &notes->next, notes))
        ;
}

bool notes_open(struct span *s, unsigned bin)
{
    size_t slots = bin_is_noted(bin) ? class_table[bin].slots : 0;
    struct notes *notes = s->notes;
    if (notes && notes->capacity < slots) {
        s->notes = NULL;
        discard(notes);
        notes = NULL;
    }
    if (!slots)
        return true;
    if (!notes) {
        notes = extent_meta_alloc(sizeof *notes + slots * sizeof notes->list[0]);
        if (!notes)
            return false;
        notes->capacity = slots;
        s->notes = notes;
    }
    memset(notes->list, 0, slots * sizeof notes->list[0]);
    return true;
}

void notes_clear(struct span *s, unsigned w, uint64_t dead)
{
    for (; dead; dead &= dead - 1) {
        struct note *note = &s->notes->list[w * 64 + (unsigned)__builtin_ctzl(dead)];
        if (note->site && heap_upcalls.noted_death)
            heap_upcalls.noted_death(note, note->bytes);
        note->site = 0; // nobody else's: the block is dead
    }
}

void notes_collect(void)
{
    struct notes *list = atomic_exchange(&limbo, NULL), *next;
    for (; list; list = next) {
        next = list->next;
        extent_meta_free(list);
    }
}

struct note *note_of(const struct heap_block *b)
{
    if (b->kind == HEAP_LARGE)
        return b->id ? &large_row(b->id)->note : NULL;
    if (b->kind != HEAP_SMALL || !bin_is_noted(b->bin))
        return NULL;
    unsigned slot = slot_of(&class_table[b->bin], (b->base - cage.base) & (UNIT_BYTES - 1));
    struct notes *notes = cage.spans[cage_unit(b->base)].notes;
    return notes && slot < notes->capacity ? &notes->list[slot] : NULL;
}

void note_ignore(uintptr_t address)
{
    struct heap_block b = heap_find(address);
    struct note *note = b.allocated ? note_of(&b) : NULL;
    if (note)
        atomic_fetch_or(&note->flags, NOTE_IGNORED);
}

void note_finalizer(const struct heap_block *b, bool set)
{
    struct note *note = note_of(b);
    if (note && set)
        atomic_fetch_or(&note->flags, NOTE_FINAL);
    else if (note)
        atomic_fetch_and(&note->flags, (uint16_t)~NOTE_FINAL);
}

size_t note_bytes(const struct heap_block *b)
{
    const struct note *note = note_of(b);
    return b->kind == HEAP_LARGE ? large_row(b->id)->asked_bytes : note ? note->bytes : b->bytes;
}
