// What the tests of leak/elf.h share: modules of this process, and files of one test in a folder of its own.
#pragma once

#include "leak/elf.h"

#include "unit.h"

#include <fcntl.h>
#include <link.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define PATHS_BYTES 400

static char folder[] = "/tmp/test_elf.XXXXXX"; // made for each test
static char file[PATHS_BYTES], bare[PATHS_BYTES];

// --- modules of this process ----------------------------------------------------------------------------------------

struct module {
    const char *wanted; // a part of its path; "" is the program
    char path[PATHS_BYTES];
    uintptr_t bias;
    unsigned char id[ELF_BUILD_ID_MOST];
    size_t id_bytes;
};

static inline int visit(struct dl_phdr_info *info, size_t bytes, void *argument)
{
    struct module *m = argument;
    (void)bytes;
    if (*m->wanted ? !strstr(info->dlpi_name, m->wanted) : *info->dlpi_name != 0)
        return 0;
    snprintf(m->path, sizeof m->path, "%s", *info->dlpi_name ? info->dlpi_name : "/proc/self/exe");
    m->bias = info->dlpi_addr;
    m->id_bytes = elf_build_id(info->dlpi_addr, info->dlpi_phdr, info->dlpi_phnum, m->id);
    return 1;
}

static inline struct module module(const char *wanted)
{
    struct module m = {.wanted = wanted};
    ck_assert_int_eq(dl_iterate_phdr(visit, &m), 1);
    return m;
}

static inline struct elf_names *names_of(const struct module *m)
{
    struct elf_names *names = elf_names_open(m->path, m->id, m->id_bytes);
    ck_assert_ptr_nonnull(names);
    return names;
}

static inline void check_name(const struct elf_names *names, uint64_t address, const char *name,
                              uint64_t offset)
{
    uint64_t found = ~offset;
    const char *is = elf_names_find(names, address, &found);
    ck_assert_msg(is && strcmp(is, name) == 0, "%#lx: %s is %s", (unsigned long)address, name, is ? is : "-");
    ck_assert_uint_eq(found, offset);
}

// --- files of one test ----------------------------------------------------------------------------------------------

__attribute__((format(printf, 1, 2))) static inline void shell(const char *format, ...)
{
    char command[4 * PATHS_BYTES];
    va_list args;
    va_start(args, format);
    ck_assert_int_lt(vsnprintf(command, sizeof command, format, args), (int)sizeof command);
    va_end(args);
    ck_assert_msg(system(command) == 0, "%s", command);
}

static inline void make_folder(void)
{
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(file, sizeof file, "%s/file", folder);
    snprintf(bare, sizeof bare, "%s/bare", folder);
    elf_debug_folder = folder; // what the machine has installed is not looked at
}

static inline void remove_folder(void) { shell("rm -rf %s", folder); }

// The program without its debug information.
static inline void copy_program(void) { shell("objcopy --strip-debug /proc/%d/exe %s", (int)getpid(), file); }

static inline char *read_whole(const char *path, size_t *bytes)
{
    struct stat status;
    int fd = open(path, O_RDONLY);
    ck_assert(fd >= 0 && fstat(fd, &status) == 0);
    char *data = malloc((size_t)status.st_size);
    ck_assert_int_eq(read(fd, data, (size_t)status.st_size), status.st_size);
    close(fd);
    *bytes = (size_t)status.st_size;
    return data;
}

static inline void write_whole(const char *path, const char *data, size_t bytes)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    ck_assert(fd >= 0 && write(fd, data, bytes) == (ssize_t)bytes);
    close(fd);
}
