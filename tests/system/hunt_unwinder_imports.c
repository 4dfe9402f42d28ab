// What the unwinder imports does not come to a wrapper of the library: one that is called for the first time would ask the loader for
// the function behind it, with the unwinder's lock held; a dlopen that allocates holds the two the other way round.
// env: GCPRE_LEAKS=exit GCPRE_REPORT=/dev/null
#include "check.h"
#include <dlfcn.h>
#include <link.h>

static struct link_map *find(const char *name)
{
    for (struct link_map *map = _r_debug.r_map; map; map = map->l_next)
        if (strstr(map->l_name, name)) return map;
    return NULL;
}

static ElfW(Addr) tag(const struct link_map *map, ElfW(Sxword) wanted)
{
    for (const ElfW(Dyn) *d = map->l_ld; d->d_tag != DT_NULL; d++)
        if (d->d_tag == wanted) return d->d_un.d_ptr;
    CHECK(0, "no tag %ld", (long)wanted);
    return 0;
}

static bool is_in(const struct link_map *map, uintptr_t address)
{
    Dl_info info;
    return dladdr((void *)address, &info) && (uintptr_t)info.dli_fbase == map->l_addr;
}

int main(void)
{
    free(malloc(100));
    const struct link_map *unwinder = find("libunwind.so"), *ours = find("libgcpre.so");
    if (!gcpre_available()) return 0;
    CHECK(unwinder && ours, "the library, or libunwind, is not loaded");
    const ElfW(Rela) *functions = (const ElfW(Rela) *)tag(unwinder, DT_JMPREL);
    const ElfW(Sym) *symbols = (const ElfW(Sym) *)tag(unwinder, DT_SYMTAB);
    const char *names = (const char *)tag(unwinder, DT_STRTAB);
    size_t count = tag(unwinder, DT_PLTRELSZ) / sizeof functions[0], seen = 0, not_ours = 0;
    for (size_t i = 0; i < count; i++) {
        const char *name = names + symbols[ELF64_R_SYM(functions[i].r_info)].st_name;
        uintptr_t bound = *(uintptr_t *)(unwinder->l_addr + functions[i].r_offset);
        void *exported = dlsym(RTLD_DEFAULT, name);
        bool allocates = strcmp(name, "malloc") == 0 || strcmp(name, "free") == 0;
        seen++;
        if (allocates || !exported || !is_in(ours, (uintptr_t)exported)) continue;
        CHECK(bound != (uintptr_t)exported && is_in(ours, bound), "the unwinder's %s is our wrapper", name);
        not_ours++;
    }
    CHECK(seen > 20 && not_ours >= 8, "%zu imports, %zu of them that we have wrappers for", seen, not_ours);
}
