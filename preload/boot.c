// The constructor: settings, the layers from below, and what must be known of the process.
//
// Everything works before it runs too (the dynamic loader, constructors of libraries loaded before us): with default
// settings, and without a collector.
#include "boot.h"

#include "base/log.h"
#include "base/meta.h"
#include "base/options.h"
#include "ctl/control.h"
#include "gc/collector.h"
#include "heap/heap.h"
#include "heap/quarantine.h"
#include "leak/hunt.h"
#include "real.h"
#include "signal.h"
#include "sys/syscall.h"
#include "world/kwrite.h"
#include "world/stop.h"

#include <dlfcn.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/auxv.h>
#include <unistd.h>

struct code_range boot_libc, boot_loader;
bool boot_done;

struct object_search {
    uintptr_t inside;       // an address in the object that is looked for
    struct code_range code; // out
    struct code_range data; // out
};

static int look_at_object(struct dl_phdr_info *info, size_t bytes, void *arg)
{
    struct object_search *search = arg;
    struct code_range code = {0, 0}, data = {0, 0};
    (void)bytes;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *p = &info->dlpi_phdr[i];
        uintptr_t lo = info->dlpi_addr + p->p_vaddr, hi = lo + p->p_memsz;
        if (p->p_type == PT_LOAD && p->p_flags & PF_X)
            code = (struct code_range){lo, hi};
        if (p->p_type == PT_LOAD && p->p_flags & PF_W)
            data = (struct code_range){lo, hi};
    }
    if (!code_contains(&code, (const void *)search->inside))
        return 0;
    search->code = code;
    search->data = data;
    return 1;
}

static struct object_search object_of(uintptr_t address)
{
    struct object_search search = {.inside = address};
    dl_iterate_phdr(look_at_object, &search);
    return search;
}

// Our globals hold pointers into the heap that must keep nothing alive.
static void own_our_data(void)
{
    struct code_range data = object_of((uintptr_t)own_our_data).data;
    meta_own(align_down(data.lo, PAGE_BYTES), align_up(data.hi, PAGE_BYTES));
}

static void find_libc(void)
{
    boot_libc = object_of((uintptr_t)dlsym(RTLD_NEXT, "fopen")).code;
    uintptr_t loader = getauxval(AT_BASE);
    if (loader) {
        const ElfW(Ehdr) *header = (const ElfW(Ehdr) *)loader;
        boot_loader = object_of(loader + header->e_entry).code;
    }
}

// An executable that is not position-independent and takes malloc's address has a stub of its own by that name, which leads to
// ours: an undefined symbol with a value.
static bool is_definition(void *address)
{
    Dl_info info;
    const ElfW(Sym) *symbol = NULL;
    return dladdr1(address, &info, (void **)&symbol, RTLD_DL_SYMENT) && symbol &&
           symbol->st_shndx != SHN_UNDEF;
}

// A program or library with an allocator of its own: blocks of one reach the other, and we cannot see into its heap.
// (Our own references go through the dynamic linker too, so it is not enough to compare addresses with `malloc`.)
static void look_for_other_allocators(void)
{
    static const char *const names[] = {"malloc",  "free",           "calloc",
                                        "realloc", "posix_memalign", "aligned_alloc"};
    struct code_range ours = object_of((uintptr_t)own_our_data).code;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        void *found = dlsym(RTLD_DEFAULT, names[i]);
        if (!code_contains(&ours, found) && is_definition(found))
            collector_passive("the program brings its own malloc");
    }
}

__attribute__((constructor(101))) static void boot(int argc, char **argv, char **envp)
{
    (void)argc, (void)argv;
    options_init(envp, getauxval(AT_SECURE) != 0);
    if (options.help) {
        options_print_help();
        _exit(0);
    }
    if (!heap_boot()) {
        log_line("no address space could be reserved for the heap (ulimit -v?): malloc will fail");
        return;
    }
    options_check_paths();
    own_our_data();
    find_libc();
    collector_boot();
    stop_signal = options.signal;
    signal_hide_segv = options.barrier != BARRIER_NONE || options.free_mode == FREE_QUARANTINE;
    barrier_segv_ready = signal_segv_ready;
    barrier_foreign_fault = signal_forward_segv;
    signal_boot();
    thread_boot();
    fork_boot();
    look_for_other_allocators();
    hunt_boot();
    if (options.free_mode != FREE_NOW)
        quarantine_boot(options.free_mode == FREE_IGNORE);
    if (collector_passive_reason())
        quarantine_end();
    if (quarantine_on && !quarantine_ignores)
        signal_watch_segv();
    control_boot(envp);
    if (!options.children)
        unsetenv("LD_PRELOAD");
    boot_done = true;
    if (hunting || collector_upcalls.at_once)
        collector_start(); // its own copy of standard error is then the one of the beginning
}
