// ELF files that no linker made: names are text, found inside of their functions; and notes in memory, at the end of what is
// there, after which the sanitizer would notice any byte.
#include "leak/elf.h"

#include "fuzz.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static int file = -1;
static char path[64];

static void store(const unsigned char *data, size_t size)
{
    if (file < 0) {
        file = memfd_create("elf", MFD_CLOEXEC);
        snprintf(path, sizeof path, "/proc/self/fd/%d", file);
        elf_debug_folder = "/nonexistent";
    }
    CLAIM(ftruncate(file, (off_t)size) == 0 && pwrite(file, data, size, 0) == (ssize_t)size);
}

static void look_up(const struct elf_names *names, uint64_t address)
{
    uint64_t offset = UINT64_MAX;
    const char *name = elf_names_find(names, address, &offset);
    CLAIM(!name || (*name && strlen(name) <= ELF_NAME_MOST && !strchr(name, '@') && offset <= address));
}

// Addresses are words of the file: where functions begin, end, or nearly.
static void check_names(const unsigned char *data, size_t size)
{
    struct elf_names *names = elf_names_open(path, NULL, 0);
    for (size_t at = 0; names && at + sizeof(uint64_t) <= size; at += sizeof(uint64_t)) {
        uint64_t word;
        memcpy(&word, data + at, sizeof word);
        look_up(names, word);
        look_up(names, word - 1);
    }
    for (uint64_t address = 1; names && address; address <<= 1)
        look_up(names, address);
    elf_names_close(names);
}

// The input as a module that is loaded whole, its program headers being its first bytes.
static void check_build_id(const unsigned char *data, size_t size)
{
    unsigned char id[ELF_BUILD_ID_MOST], *memory = malloc(size ? size : 1);
    const Elf64_Phdr load = {.p_type = PT_LOAD, .p_flags = PF_R, .p_filesz = size, .p_memsz = size};
    Elf64_Phdr headers[4] = {load};
    memcpy(memory, data, size);
    for (size_t i = 1; i < 4 && i * sizeof load <= size; i++) {
        memcpy(&headers[i], data + (i - 1) * sizeof load, sizeof load);
        headers[i].p_type = PT_NOTE;
    }
    CLAIM(elf_build_id((uintptr_t)memory, headers, 4, id) <= sizeof id);
    headers[1] = (Elf64_Phdr){.p_type = PT_NOTE, .p_filesz = size, .p_align = 4};
    headers[2] = (Elf64_Phdr){.p_type = PT_NOTE, .p_filesz = size, .p_align = 8};
    CLAIM(elf_build_id((uintptr_t)memory, headers, 4, id) <= sizeof id);
    free(memory);
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    store(data, size);
    check_names(data, size);
    check_build_id(data, size);
    return 0;
}
