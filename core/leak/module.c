#include "leak/module.h"

#include "base/bits.h"
#include "base/meta.h"
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
static const char *path_of_locked(const struct link_map *map)
{
    static char path[PATH_MAX];
    long bytes;
    if (map->l_name && map->l_name[0])
        return keep(map->l_name, strlen(map->l_name));
    bytes = sys_call(SYS_readlinkat, AT_FDCWD, (long)"/proc/thread-self/exe", (long)path, sizeof path, 0, 0);
    return bytes > 0 ? keep(path, (size_t)bytes) : "";
}

static void read_build_id(struct module *m)
{
    const Elf64_Ehdr *header = (const Elf64_Ehdr *)m->lo;
    if (memcmp(header->e_ident, ELFMAG, SELFMAG) == 0 && header->e_phentsize == sizeof(Elf64_Phdr) &&
        header->e_phoff + header->e_phnum * sizeof(Elf64_Phdr) <= PAGE_BYTES)
        m->build_id_bytes = elf_build_id(m->base, (const Elf64_Phdr *)(m->lo + header->e_phoff),
                                         header->e_phnum, m->build_id);
}

static bool is_this(const struct module *m, const struct dl_find_object *found)
{
    return !m->gone && m->link_map == found->dlfo_link_map && m->lo == (uintptr_t)found->dlfo_map_start;
}

static uint16_t known(const struct dl_find_object *found)
{
    for (uint16_t i = 1; i < end; i++)
        if (is_this(&modules[i], found))
            return i;
    return 0;
}

uint16_t module_of_locked(uintptr_t address)
{
    struct dl_find_object found;
    if (!_dl_find_object || _dl_find_object((void *)address, &found) != 0)
        return 0;
    uint16_t index = known(&found);
    struct module *m = index ? NULL : room_locked();
    if (!m)
        return index;
    *m = (struct module){.lo = (uintptr_t)found.dlfo_map_start,
                         .hi = (uintptr_t)found.dlfo_map_end,
                         .base = found.dlfo_link_map->l_addr,
                         .link_map = found.dlfo_link_map,
                         .path = path_of_locked(found.dlfo_link_map)};
    read_build_id(m);
    return end++;
}

const struct module *module_get(uint16_t index) { return &modules[index]; }

struct module *module_mark(uint16_t index) { return &modules[index]; }

uint16_t modules_end(void) { return modules ? end : 1; }

bool modules_check_locked(void)
{
    struct dl_find_object found;
    bool some = false;
    for (uint16_t i = 1; i < modules_end(); i++) {
        bool there = modules[i].gone ||
                     (_dl_find_object((void *)modules[i].lo, &found) == 0 && is_this(&modules[i], &found));
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
