#include "leak/module.h"

#include "base/bits.h"
#include "base/meta.h"
#include "base/peek.h"
#include "leak/elf.h"
#include "sys/syscall.h"

#include <dlfcn.h>
#include <limits.h>
#include <link.h>
#include <string.h>

enum { MODULES_MAX = 4096 };

static struct module *modules; // constant once written; by number
static _Atomic uint16_t end = 1;

#pragma weak _dl_find_object

static struct module *room_locked(void)
{
    if (!modules)
        modules = meta_map(MODULES_MAX * sizeof modules[0]);
    return modules && end < MODULES_MAX ? &modules[end] : NULL;
}

static const char *keep(const char *path, size_t bytes)
{
    char *copy = meta_alloc(bytes + 1);
    return copy ? memcpy(copy, path, bytes) : "";
}

// The program itself has no name in the loader's list. Not on the stack: it may be a small one.
static bool read_path_locked(const struct link_map *map, char *path, size_t room)
{
    if (!map->l_name || !peek_text(path, map->l_name, room))
        return false;
    if (path[0])
        return true;
    long bytes = sys_call(SYS_readlinkat, AT_FDCWD, (long)"/proc/thread-self/exe", (long)path, (long)room - 1,
                          0, 0);
    path[bytes > 0 ? bytes : 0] = 0;
    return true;
}

static bool read_build_id_locked(struct module *m)
{
    static union {
        Elf64_Ehdr header;
        char bytes[PAGE_BYTES];
    } page;
    const Elf64_Ehdr *h = &page.header;
    if (!peek(&page, (const void *)m->lo, sizeof page))
        return false;
    if (memcmp(h->e_ident, ELFMAG, SELFMAG) == 0 && h->e_phentsize == sizeof(Elf64_Phdr) &&
        h->e_phoff <= PAGE_BYTES && h->e_phnum * sizeof(Elf64_Phdr) <= PAGE_BYTES - h->e_phoff)
        m->build_id_bytes = elf_build_id(m->base, (const Elf64_Phdr *)(page.bytes + h->e_phoff), h->e_phnum,
                                         m->build_id);
    return true;
}

static bool is_this(const struct module *m, const struct dl_find_object *found)
{
    return !m->gone && m->link_map == found->dlfo_link_map && m->lo == (uintptr_t)found->dlfo_map_start &&
           m->eh_frame == found->dlfo_eh_frame;
}

static uint16_t known(const struct dl_find_object *found)
{
    for (uint16_t i = 1; i < end; i++)
        if (is_this(&modules[i], found))
            return i;
    return 0;
}

static bool find_object(uintptr_t address, struct dl_find_object *found)
{
    return _dl_find_object && _dl_find_object((void *)address, found) == 0;
}

// D3. The path is copied when it is known to be this module's.
static bool meet_locked(struct module *m, uintptr_t address, const struct dl_find_object *found)
{
    static char path[PATH_MAX];
    struct link_map map = {0};
    struct dl_find_object again;
    if (!peek(&map, found->dlfo_link_map, sizeof map))
        return false;
    *m = (struct module){.lo = (uintptr_t)found->dlfo_map_start,
                         .hi = (uintptr_t)found->dlfo_map_end,
                         .base = map.l_addr,
                         .link_map = found->dlfo_link_map,
                         .eh_frame = found->dlfo_eh_frame};
    bool whole = read_path_locked(&map, path, sizeof path) && read_build_id_locked(m) &&
                 find_object(address, &again) && is_this(m, &again);
    m->path = whole ? keep(path, strlen(path)) : NULL;
    return whole;
}

uint16_t module_of_locked(uintptr_t address)
{
    struct dl_find_object found;
    if (!find_object(address, &found))
        return 0;
    uint16_t index = known(&found);
    struct module *m = index ? NULL : room_locked();
    if (!m)
        return index;
    return meet_locked(m, address, &found) ? end++ : 0;
}

const struct module *module_get(uint16_t index) { return &modules[index]; }

struct module *module_mark(uint16_t index) { return &modules[index]; }

uint16_t modules_end(void) { return modules ? end : 1; }

bool modules_check_locked(void)
{
    struct dl_find_object found;
    bool some = false;
    for (uint16_t i = 1; i < modules_end(); i++) {
        bool there = modules[i].gone || (find_object(modules[i].lo, &found) && is_this(&modules[i], &found));
        if (!there)
            some = modules[i].gone = true;
    }
    return some;
}

const char *module_function(uint16_t index, uintptr_t address, uint64_t *offset)
{
    struct module *m = &modules[index];
    if (!index)
        return NULL;
    if (!m->names_tried)
        m->names = elf_names_open(m->path, m->build_id, m->build_id_bytes);
    m->names_tried = true;
    return m->names ? elf_names_find(m->names, address - m->base, offset) : NULL;
}
