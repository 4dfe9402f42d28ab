// Names of functions for addresses of an ELF file, and the build-id of a module of this process.
//
// Runs in the collector thread or at exit of a process that may be in trouble, on files that may be anything.
//
// E1. Nothing of the file is believed: each offset, size and index is checked before it is used. A file that is cut off or damaged
//     has fewer names, or none.
// E2. The file is read into private memory and never mapped: a mapped file that somebody truncates would raise SIGBUS.
// E3. Memory and work are bounded: a table and its strings have at most ELF_TABLES_MOST bytes, else they are not used; sorting
//     is O(n log n) whatever the order was. Opening never waits (what is no regular file is refused).
// E4. Names are of this very module: a file whose build-id differs is refused, and the same holds for its debug file.
// E5. Nothing here allocates or locks by the C library (the lock of private memory, META, is taken); no errors are logged.
//
// Names are as the file has them (not demangled, without the symbol's version), not empty, at most ELF_NAME_MOST bytes; they
// may hold any byte but zero. A handle may be used by any number of threads at once.
#pragma once

#include <elf.h>
#include <stddef.h>
#include <stdint.h>

enum {
    ELF_BUILD_ID_MOST = 64, // bytes; a longer one is taken for none
    ELF_NAME_MOST = 16 * 1024,
    ELF_TABLES_MOST = 64 << 20,
};

struct elf_names;

// Where separate debug files are: "/usr/lib/debug".
extern const char *elf_debug_folder;

// The functions of .symtab; without one, of the debug file's .symtab (FOLDER/.build-id/xx/yyyy.debug); else of .dynsym. build_id is
// the loaded module's; with 0 bytes the file is believed. NULL: no names.
struct elf_names *elf_names_open(const char *path, const unsigned char *build_id, size_t build_id_bytes);

// The function that this address of the ELF file (the address in memory less the load bias) is in, and how far; NULL: unknown.
// One without a size goes up to the next; offset may be NULL.
const char *elf_names_find(const struct elf_names *names, uint64_t address, uint64_t *offset);

void elf_names_close(struct elf_names *names); // NULL is fine

// The build-id of a loaded module, by its program headers; its size, 0: it has none. Reads only notes that lie inside of what a
// readable PT_LOAD maps from the file, and are there (base/peek.h).
size_t elf_build_id(uintptr_t bias, const Elf64_Phdr *headers, size_t count,
                    unsigned char out[ELF_BUILD_ID_MOST]);
