// Libraries opened with RTLD_DEEPBIND look for malloc and free in their own dependencies first, so they would get the C library's
// and give it our blocks (SOUNDNESS S02).
//
// Taking the flag away would change what else such a library binds to. Instead the C library's own symbols of these names are made to
// lead to ours: whoever looks them up from then on, by whatever scope, finds one heap. That touches a page or two of the
// C library's symbol table, once, and only in a process that opens something that way.
//
// The loader tells by the return address whose search paths and namespace to use, so dlopen is entered by a jump.
#include "real.h"

#include "foreign.h"

#include "base/crit.h"
#include "base/log.h"
#include "sys/syscall.h"

#include <dlfcn.h>
#include <link.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

// What the loader's look-up goes through: the System V ABI's symbol table, and GNU's hash table in front of it.
struct symbols {
    ElfW(Sym) * table;
    const char *names;
    const uint32_t
        *hash; // buckets, first hashed symbol, words of the Bloom filter, its shift; filter, buckets, chains
    uintptr_t base;
};

static uint32_t hash_of(const char *name)
{
    uint32_t hash = 5381; // Bernstein's
    for (; *name; name++)
        hash = hash * 33 + (unsigned char)*name;
    return hash;
}

static bool read_symbols(const struct link_map *object, struct symbols *out)
{
    *out = (struct symbols){.base = object->l_addr};
    for (const ElfW(Dyn) *d = object->l_ld; d->d_tag != DT_NULL; d++) {
        if (d->d_tag == DT_SYMTAB)
            out->table = (ElfW(Sym) *)d->d_un.d_ptr; // relocated by the loader
        if (d->d_tag == DT_STRTAB)
            out->names = (const char *)d->d_un.d_ptr;
        if (d->d_tag == DT_GNU_HASH)
            out->hash = (const uint32_t *)d->d_un.d_ptr;
    }
    return out->table && out->names && out->hash && (uintptr_t)out->table > object->l_addr;
}

static bool lead_to(ElfW(Sym) * symbol, uintptr_t base, uintptr_t target)
{
    uintptr_t lo = align_down((uintptr_t)symbol, PAGE_BYTES),
              hi = align_up((uintptr_t)(symbol + 1), PAGE_BYTES);
    if (sys_mprotect((void *)lo, hi - lo, PROT_READ | PROT_WRITE) != 0)
        return false;
    symbol->st_value = target - base; // modulo 2^64: the loader adds the base again
    return sys_mprotect((void *)lo, hi - lo, PROT_READ) == 0;
}

// Every version of the name, whether there is none or several.
static bool redirect(const struct symbols *s, const char *name, uintptr_t target)
{
    const uint32_t hash = hash_of(name), buckets = s->hash[0], first = s->hash[1],
                   *bucket = s->hash + 4 + s->hash[2] * (sizeof(ElfW(Addr)) / sizeof(uint32_t)),
                   *chain = bucket + buckets;
    bool done = true, last = false;
    for (uint32_t i = bucket[hash % buckets]; i >= first && !last; i++) {
        ElfW(Sym) *symbol = &s->table[i];
        last = chain[i - first] & 1;
        if ((chain[i - first] | 1) == (hash | 1) && strcmp(s->names + symbol->st_name, name) == 0 &&
            symbol->st_shndx != SHN_UNDEF && ELF64_ST_TYPE(symbol->st_info) == STT_FUNC)
            done &= lead_to(symbol, s->base, target);
    }
    return done;
}

static bool redirect_all(void)
{
    static const struct {
        const char *name;
        void *ours;
    } family[] = {
        {"malloc", malloc},
        {"free", free},
        {"calloc", calloc},
        {"realloc", realloc},
        {"reallocarray", reallocarray},
        {"memalign", memalign},
        {"aligned_alloc", aligned_alloc},
        {"posix_memalign", posix_memalign},
        {"valloc", valloc},
        {"pvalloc", pvalloc},
        {"malloc_usable_size", malloc_usable_size},
    };
    Dl_info info;
    struct link_map *libc = NULL;
    struct symbols symbols;
    bool done = true;
    if (!dladdr1(foreign_libc_symbol(), &info, (void **)&libc, RTLD_DL_LINKMAP) || !libc ||
        !read_symbols(libc, &symbols))
        return false;
    for (size_t i = 0; i < sizeof family / sizeof family[0]; i++)
        done &= redirect(&symbols, family[i].name, (uintptr_t)family[i].ours);
    return done;
}

// Where dlopen goes on; before that, what its flags make necessary.
void *deepbind_dlopen(const char *file, int mode) __attribute__((visibility("hidden")));
void *deepbind_dlopen(const char *file, int mode)
{
    static void *_Atomic cache;
    static _Atomic bool done;
    void *real = real_symbol(&cache, "dlopen");
    if (mode & RTLD_DEEPBIND && !atomic_exchange(&done, true) && !redirect_all())
        log_line("dlopen(%s): RTLD_DEEPBIND gives it the C library's malloc, whose blocks must not meet ours",
                 file ? file : "NULL");
    return real;
}

__asm__(".text\n"
        ".globl dlopen\n"
        ".type dlopen,@function\n"
        "dlopen:\n"
        ".cfi_startproc\n"
        "push %rdi\n"
        ".cfi_adjust_cfa_offset 8\n"
        "push %rsi\n"
        ".cfi_adjust_cfa_offset 8\n"
        "sub $8,%rsp\n"
        ".cfi_adjust_cfa_offset 8\n"
        "call deepbind_dlopen\n"
        "add $8,%rsp\n"
        ".cfi_adjust_cfa_offset -8\n"
        "pop %rsi\n"
        ".cfi_adjust_cfa_offset -8\n"
        "pop %rdi\n"
        ".cfi_adjust_cfa_offset -8\n"
        "jmp *%rax\n"
        ".cfi_endproc\n"
        ".size dlopen,.-dlopen\n");
