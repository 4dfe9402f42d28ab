// Modules: the programs and shared libraries that frames lie in, remembered beyond their unloading.
//
// D1. A module's index never changes and is never used again; index 0 is none.
// D2. Found by _dl_find_object (glibc 2.35: no lock, no allocation); without that frames are bare addresses.
// D3. Another thread may close the module while it is met: what the loader knows of it is copied where it may not be there any more
//     (base/peek.h), and counts only when the loader finds the same module afterwards.
// The functions named _locked run under the lock of leak/site.c; a module can be read at any time.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { BUILD_ID_MAX = 64 };

struct module {
    uintptr_t lo, hi, base; // base: what the loader added to the file's addresses
    const void *link_map,
        *eh_frame; // as the loader gives them; with lo they tell it from one that came to its place
    const char *path;
    unsigned char build_id[BUILD_ID_MAX];
    size_t build_id_bytes;
    bool gone, written, names_tried;
    struct elf_names *names;
};

// The module an address lies in now, 0 for none.
uint16_t module_of_locked(uintptr_t address);
const struct module *module_get(uint16_t index);
// The module an address lies in, new ones included; 0 for none. Collector thread, or in a critical section.
uint16_t module_at(uintptr_t address);
// Looks which modules have gone; whether there were any.
bool modules_check_locked(void);
// The function that an address in the module lies in, and how far; NULL: not known. Collector thread.
const char *module_function(uint16_t index, uintptr_t address, uint64_t *offset);
// The same record, for the report's own marks. Collector thread.
struct module *module_mark(uint16_t index);
uint16_t modules_end(void);
