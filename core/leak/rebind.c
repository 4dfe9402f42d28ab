#include "leak/rebind.h"

#include "base/bits.h"
#include "sys/syscall.h"

#include "world/stop.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { NO_PIPE = 1 << 30 }; // the descriptor of both its ends

static long finish(long result)
{
    if (!sys_failed(result))
        return result;
    errno = (int)-result;
    return -1;
}

// --- what it calls ----------------------------------------------------------------------------------------------

static int make_pipe(int ends[2], int flags)
{
    (void)flags;
    ends[0] = ends[1] = NO_PIPE;
    return 0;
}

static ssize_t read_bytes(int fd, void *to, size_t bytes)
{
    return finish(fd == NO_PIPE ? -EAGAIN : sys_read(fd, to, bytes)); // the pipe is always empty
}

// The kernel reads the set, if there is one, before it finds that it knows no such way to change the mask.
static bool is_readable(const void *address)
{
    enum { NO_SUCH_WAY = 99 };
    return (uintptr_t)address >= PAGE_BYTES &&
           sys_call(SYS_rt_sigprocmask, NO_SUCH_WAY, (long)align_down((uintptr_t)address, 8), 0, 8, 0, 0) !=
               -EFAULT;
}

static long write_bytes(int fd, const void *from, size_t bytes)
{
    if (fd != NO_PIPE)
        return finish(sys_write(fd, from, bytes));
    errno = 0; // it looks for EINTR there
    return is_readable(from) ? (long)bytes : finish(-EFAULT);
}

// syscall(2), by which some versions write.
static long call(long number, ...)
{
    long a[6];
    va_list args;
    va_start(args, number);
    for (size_t i = 0; i < 6; i++)
        a[i] = va_arg(args, long); // as syscall does: what was not passed does not count
    va_end(args);
    return number == SYS_write ? write_bytes((int)a[0], (const void *)a[1], (size_t)a[2])
                               : finish(sys_call(number, a[0], a[1], a[2], a[3], a[4], a[5]));
}

long rebind_write(long number, int fd, const void *address, size_t bytes)
{
    int ends[2] = {fd, fd};
    if (fd < 0)
        make_pipe(ends, 0);
    return call(number, (long)ends[1], address, bytes);
}

static int open_file(const char *path, int flags, ...)
{
    return (int)finish(sys_open(path, flags | O_CLOEXEC, 0));
}

static int close_file(int fd) { return (int)finish(fd == NO_PIPE ? 0 : sys_close(fd)); }

static void *map_memory(void *at, size_t bytes, int protection, int flags, int fd, off_t offset)
{
    return (void *)finish((long)sys_mmap(at, bytes, protection, flags, fd, offset));
}

static int unmap_memory(void *at, size_t bytes) { return (int)finish(sys_munmap(at, bytes)); }

static int see_resident(void *at, size_t bytes, unsigned char *pages)
{
    return (int)finish(sys_call3(SYS_mincore, (long)at, (long)bytes, (long)pages));
}

static int see_mapped(void *at, size_t bytes, int flags)
{
    return (int)finish(sys_call3(SYS_msync, (long)at, (long)bytes, flags));
}

static int see_file(int fd, struct stat *facts)
{
    return (int)finish(sys_call3(SYS_fstat, fd, (long)facts, 0));
}

static int see_path(const char *path, struct stat *facts)
{
    return (int)finish(sys_call3(SYS_stat, (long)path, (long)facts, 0));
}

// It takes its locks with all signals blocked: but those that no thread of ours may block.
static int change_mask(int how, const sigset_t *set, sigset_t *old)
{
    uint64_t never = sys_sigbit(stop_signal) | sys_sigbit(SIGSEGV) | sys_sigbit(STOP_CANCEL_SIGNAL) |
                     sys_sigbit(STOP_SETXID_SIGNAL);
    uint64_t mask = set ? *(const uint64_t *)set : 0;
    if ((mask | never) == UINT64_MAX)
        mask &= ~never;
    return (int)finish(sys_sigprocmask(how, set ? &mask : NULL, (uint64_t *)old));
}

static const struct {
    const char *name;
    void *function;
} bindings[] = {
    {"pipe2", make_pipe},         {"read", read_bytes},  {"write", write_bytes}, {"syscall", call},
    {"open", open_file},          {"close", close_file}, {"mmap", map_memory},   {"munmap", unmap_memory},
    {"mincore", see_resident},    {"msync", see_mapped}, {"fstat", see_file},    {"stat", see_path},
    {"sigprocmask", change_mask},
};

// --- how it comes to call that -----------------------------------------------------------------------------------

struct references {
    const ElfW(Sym) * symbols;
    const char *names;
    const ElfW(Rela) * functions; // DT_JMPREL
    size_t bytes;
};

static struct references references_of(const struct link_map *library)
{
    struct references r = {0};
    for (const ElfW(Dyn) *d = library->l_ld; d->d_tag != DT_NULL; d++) {
        if (d->d_tag == DT_SYMTAB)
            r.symbols = (const ElfW(Sym) *)d->d_un.d_ptr; // relocated by the loader
        if (d->d_tag == DT_STRTAB)
            r.names = (const char *)d->d_un.d_ptr;
        if (d->d_tag == DT_JMPREL)
            r.functions = (const ElfW(Rela) *)d->d_un.d_ptr;
        if (d->d_tag == DT_PLTRELSZ)
            r.bytes = d->d_un.d_val;
    }
    return r;
}

// The page stays writable: whether it was is not worth finding out for a library that most builds leave so.
static void bind_one(void *_Atomic *place, void *function)
{
    if (sys_mprotect((void *)align_down((uintptr_t)place, PAGE_BYTES), PAGE_BYTES, PROT_READ | PROT_WRITE) ==
        0)
        atomic_store(place, function);
}

void rebind_unwinder(const struct link_map *library)
{
    struct references r = references_of(library);
    if (!r.symbols || !r.names || !r.functions || (uintptr_t)r.functions < library->l_addr)
        return;
    for (size_t i = 0; i < r.bytes / sizeof r.functions[0]; i++) {
        const ElfW(Rela) *one = &r.functions[i];
        const char *name = r.names + r.symbols[ELF64_R_SYM(one->r_info)].st_name;
        for (size_t b = 0; b < sizeof bindings / sizeof bindings[0]; b++)
            if (ELF64_R_TYPE(one->r_info) == R_X86_64_JUMP_SLOT && strcmp(name, bindings[b].name) == 0)
                bind_one((void *_Atomic *)(library->l_addr + one->r_offset), bindings[b].function);
    }
}
