#include "leak/path.h"

#include "base/meta.h"
#include "gc/scan.h"
#include "heap/guards.h"
#include "heap/quarantine.h"
#include "leak/site.h"
#include "world/procfd.h"

static bool leads(uintptr_t word, uintptr_t base)
{
    struct heap_block plain = heap_find(word & SCAN_UNTAGGED), unmangled = heap_find(scan_unmangle(word));
    return (plain.allocated && plain.base == base) || (unmangled.allocated && unmangled.base == base);
}

static bool root_leads(const struct reach_root *root, uintptr_t base)
{
    uintptr_t word;
    return !root->address ||
           (procfd_read_memory(root->address, &word, sizeof word) == sizeof word && leads(word, base));
}

// The offset in these words of one that leads to the block, or -1.
static ptrdiff_t find(const char *words, size_t bytes, uintptr_t base)
{
    uintptr_t found[SCAN_MAX_CANDIDATES];
    for (size_t at = 0; bytes - at >= 8;) {
        size_t block = min_size(align_down(bytes - at, 8), SCAN_BLOCK_BYTES);
        size_t count = scan_filter(words + at, block, found);
        for (size_t i = 0; i < count; i++)
            if (leads(found[i], base))
                return (ptrdiff_t)(at + reach_place(words + at, block, found[i]));
        if (block >= bytes - at - 7)
            break;
        at += block - 8;
    }
    return -1;
}

static ptrdiff_t offset_of(const struct heap_block *from, uintptr_t to)
{
    uintptr_t at = from->base, end = min_size(from->base + from->bytes, cage_top()), part_end;
    for (; !quarantine_is_sealed(from) && guards_next_readable(&at, end, &part_end); at = part_end) {
        ptrdiff_t offset = find((const char *)at, part_end - at, to);
        if (offset >= 0)
            return offset + (ptrdiff_t)(at - from->base);
    }
    return -1;
}

// How many blocks are on the way, the last included, or more than are followed; the root in the end.
static uint64_t measure(uintptr_t base, const struct reach_root **root)
{
    uint64_t length = 0;
    *root = NULL;
    for (uintptr_t parent; base && length <= PATH_BLOCKS_MOST && reach_parent(base, &parent, root);
         base = parent)
        length++;
    return *root || length > PATH_BLOCKS_MOST ? length : 0;
}

static bool are_alike(const struct path_step *a, const struct path_step *b)
{
    return a->slot == b->slot && a->offset == b->offset &&
           (!a->site || !b->site || (a->site == b->site && a->bytes == b->bytes));
}

static void add(struct path *p, const struct path_step *step)
{
    struct path_step *last = p->count ? &p->steps[p->count - 1] : NULL;
    if (last && are_alike(last, step)) {
        last->blocks++;
        last->bytes = last->site ? last->bytes : step->bytes;
        last->site = last->site ? last->site : step->site;
        return;
    }
    if (p->count == PATH_STEPS) { // the first of the last quarter goes
        p->left_out += p->steps[PATH_FIRST].blocks;
        for (size_t i = PATH_FIRST; i + 1 < PATH_STEPS; i++)
            p->steps[i] = p->steps[i + 1];
        p->count--;
    }
    p->steps[p->count++] = *step;
}

// Adds the block, from which the way goes on to `next` (0: it is the last). False: it does not any more.
static bool add_block(struct path *p, uintptr_t base, uintptr_t next)
{
    struct heap_block b = heap_find(base);
    if (!b.allocated || b.base != base)
        return false;
    const struct note *note = note_of(&b);
    uint32_t site = note ? atomic_load(&note->site) : 0;
    ptrdiff_t offset = next ? offset_of(&b, next) : 0;
    size_t leads_on = next ? (size_t)offset : PATH_ENDS;
    add(p, &(struct path_step){.base = base,
                               .bytes = note && site ? note_bytes(&b) : b.bytes,
                               .slot = b.bytes,
                               .offset = leads_on,
                               .site = site < sites_end() ? site : 0,
                               .blocks = 1});
    return offset >= 0;
}

static enum path_result follow(struct path *p, const uintptr_t *chain)
{
    bool holds = root_leads(&p->root, chain[0]);
    for (uint64_t i = 0; holds && i < p->blocks; i++)
        holds = add_block(p, chain[i], i + 1 < p->blocks ? chain[i + 1] : 0);
    return holds ? PATH_FOUND : PATH_MOVED;
}

enum path_result path_to(uintptr_t base, struct path *out)
{
    const struct reach_root *root;
    *out = (struct path){.blocks = measure(base, &root)};
    if (!out->blocks)
        return PATH_NONE;
    if (out->blocks > PATH_BLOCKS_MOST)
        return PATH_TOO_LONG;
    uintptr_t *chain = meta_map(out->blocks * sizeof chain[0]), at = base;
    if (!chain)
        return PATH_NO_MEMORY;
    out->root = *root;
    for (uint64_t i = out->blocks; i-- > 0; reach_parent(at, &at, &root))
        chain[i] = at;
    enum path_result result = follow(out, chain);
    meta_unmap(chain, out->blocks * sizeof chain[0]);
    return result;
}
