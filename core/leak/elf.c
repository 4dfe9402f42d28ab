// Names of functions. One mapping for a module: the head, its strings, and behind them the symbols, which shrink in place to the
// functions that are kept (F1), are sorted and lose their aliases; the rest of the mapping is given back.
//
// F1. Writing function k has read symbol k already, and k is never ahead of the symbol that is read: sizeof(struct function) is
//     not more than sizeof(Elf64_Sym).
// F2. The strings end with a zero that is ours, behind the last byte of the file's.
// F3. Functions ascend by address, no two have the same; none has size 0, unless nothing is known about where it ends.
#include "leak/elf.h"

#include "base/bits.h"
#include "base/log.h"
#include "base/meta.h"
#include "base/peek.h"
#include "sys/syscall.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

enum {
    SECTIONS_MOST = 65536,
    NOTES_MOST = 4096,        // bytes looked at of one file section
    MAPPED_NOTES_MOST = 1024, // and of one segment in memory, on whatever stack
    LOOK_BACK = 8,            // functions that may begin behind one that they are inside of
    NAME_COMPARED = 256,      // bytes of a name that decide between aliases
    DEBUG_PATH_MOST = 512,
};

struct file {
    int fd;
    uint64_t bytes;
    Elf64_Shdr *sections; // a private copy
    size_t section_count;
};

struct function {
    uint64_t address;
    uint32_t bytes;
    uint32_t name; // offset in the strings
};
_Static_assert(sizeof(struct function) <= sizeof(Elf64_Sym), "F1");

struct elf_names {
    size_t mapped_bytes;
    size_t string_bytes;
    char *strings;
    size_t count;
    struct function *functions;
};

const char *elf_debug_folder = "/usr/lib/debug";

// --- notes ------------------------------------------------------------------------------------------------------

// The build-id among these notes: its size, 0 if there is none.
static size_t find_build_id(const unsigned char *notes, size_t bytes, size_t align, unsigned char *out)
{
    size_t at = 0;
    Elf64_Nhdr note;
    align = align == 8 ? 8 : 4;
    while (at < bytes && bytes - at >= sizeof note) {
        memcpy(&note, notes + at, sizeof note);
        size_t name = at + sizeof note, content = align_up(name + note.n_namesz, align);
        if (content > bytes || note.n_descsz > bytes - content)
            return 0;
        if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == sizeof ELF_NOTE_GNU &&
            memcmp(notes + name, ELF_NOTE_GNU, sizeof ELF_NOTE_GNU) == 0) {
            size_t fits = note.n_descsz <= ELF_BUILD_ID_MOST ? note.n_descsz : 0;
            memcpy(out, notes + content, fits);
            return fits;
        }
        at = align_up(content + note.n_descsz, align);
    }
    return 0;
}

static bool is_mapped(const Elf64_Phdr *headers, size_t count, const Elf64_Phdr *part)
{
    for (const Elf64_Phdr *p = headers; p < headers + count; p++)
        if (p->p_type == PT_LOAD && p->p_flags & PF_R && part->p_vaddr >= p->p_vaddr &&
            part->p_filesz <= p->p_filesz && part->p_vaddr - p->p_vaddr <= p->p_filesz - part->p_filesz)
            return true;
    return false;
}

size_t elf_build_id(uintptr_t bias, const Elf64_Phdr *headers, size_t count,
                    unsigned char out[ELF_BUILD_ID_MOST])
{
    unsigned char notes[MAPPED_NOTES_MOST];
    size_t found = 0;
    for (const Elf64_Phdr *p = headers; p < headers + count && !found; p++) {
        size_t bytes = min_size(p->p_filesz, sizeof notes);
        if (p->p_type == PT_NOTE && is_mapped(headers, count, p) &&
            peek(notes, (const void *)(bias + p->p_vaddr), bytes))
            found = find_build_id(notes, bytes, p->p_align, out);
    }
    return found;
}

// --- the file -----------------------------------------------------------------------------------------------------

static bool read_at(const struct file *f, uint64_t offset, void *out, uint64_t bytes)
{
    char *at = out;
    if (offset > f->bytes || bytes > f->bytes - offset)
        return false;
    while (bytes) {
        ssize_t got = sys_pread(f->fd, at, bytes, offset);
        if (got == -EINTR)
            continue;
        if (got <= 0) // shorter than it was
            return false;
        at += got;
        offset += (uint64_t)got;
        bytes -= (uint64_t)got;
    }
    return true;
}

static bool is_ours(const Elf64_Ehdr *h)
{
    return memcmp(h->e_ident, ELFMAG, SELFMAG) == 0 && h->e_ident[EI_CLASS] == ELFCLASS64 &&
           h->e_ident[EI_DATA] == ELFDATA2LSB && h->e_machine == EM_X86_64 &&
           h->e_shentsize == sizeof(Elf64_Shdr);
}

static bool read_sections(struct file *f)
{
    Elf64_Ehdr h;
    Elf64_Shdr zeroth;
    if (!read_at(f, 0, &h, sizeof h) || !is_ours(&h) || !read_at(f, h.e_shoff, &zeroth, sizeof zeroth))
        return false;
    uint64_t count = h.e_shnum ? h.e_shnum : zeroth.sh_size; // too many for the field
    if (count == 0 || count > SECTIONS_MOST || count * sizeof zeroth > f->bytes)
        return false;
    f->sections = meta_map(count * sizeof zeroth);
    f->section_count = f->sections ? count : 0;
    return f->sections && read_at(f, h.e_shoff, f->sections, count * sizeof zeroth);
}

static void file_close(struct file *f)
{
    if (f->sections)
        meta_unmap(f->sections, f->section_count * sizeof f->sections[0]);
    sys_close(f->fd);
}

static bool file_open(struct file *f, const char *path)
{
    struct stat status;
    *f = (struct file){.fd = sys_open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0)};
    if (f->fd < 0)
        return false;
    if (sys_call3(SYS_fstat, f->fd, (long)&status, 0) == 0 && S_ISREG(status.st_mode)) {
        f->bytes = (uint64_t)status.st_size;
        if (read_sections(f))
            return true;
    }
    file_close(f);
    return false;
}

static size_t file_build_id(const struct file *f, unsigned char *out)
{
    unsigned char notes[NOTES_MOST];
    size_t found = 0;
    for (const Elf64_Shdr *s = f->sections; s < f->sections + f->section_count && !found; s++) {
        size_t bytes = min_size(s->sh_size, sizeof notes);
        if (s->sh_type == SHT_NOTE && read_at(f, s->sh_offset, notes, bytes))
            found = find_build_id(notes, bytes, s->sh_addralign, out);
    }
    return found;
}

// Where the program's code ends, in addresses of the file.
static uint64_t code_end(const struct file *f)
{
    const uint64_t code = SHF_ALLOC | SHF_EXECINSTR;
    uint64_t last = 0, end;
    for (const Elf64_Shdr *s = f->sections; s < f->sections + f->section_count; s++)
        if ((s->sh_flags & code) == code && !__builtin_add_overflow(s->sh_addr, s->sh_size, &end))
            last = max_size(last, end);
    return last;
}

// --- the table ----------------------------------------------------------------------------------------------------

static const char *name_of(const struct elf_names *names, const struct function *f)
{
    return names->strings + f->name;
}

static bool is_function(const struct elf_names *names, const Elf64_Sym *s)
{
    unsigned type = ELF64_ST_TYPE(s->st_info);
    return (type == STT_FUNC || type == STT_GNU_IFUNC) && s->st_shndx != SHN_UNDEF && s->st_value != 0 &&
           s->st_name < names->string_bytes && names->strings[s->st_name];
}

static void keep_functions(struct elf_names *names, size_t symbols)
{
    const char *table = (const char *)names->functions;
    for (size_t i = 0; i < symbols; i++) {
        Elf64_Sym s;
        memcpy(&s, table + i * sizeof s, sizeof s); // F1
        if (is_function(names, &s))
            names->functions[names->count++] = (struct function){
                s.st_value, s.st_size < UINT32_MAX ? (uint32_t)s.st_size : UINT32_MAX, s.st_name};
    }
}

// "memcpy@@GLIBC_2.14" is memcpy.
static void drop_versions(struct elf_names *names)
{
    char *at = names->strings, *end = at + names->string_bytes;
    while ((at = memchr(at, '@', (size_t)(end - at))))
        *at = 0;
}

// Restores the heap below `at`: no function lies below one with a lower address.
static void sift(struct function *f, size_t at, size_t count)
{
    struct function moved = f[at];
    for (size_t child; (child = 2 * at + 1) < count; at = child) {
        if (child + 1 < count && f[child + 1].address > f[child].address)
            child++;
        if (f[child].address <= moved.address)
            break;
        f[at] = f[child];
    }
    f[at] = moved;
}

static void sort_by_address(struct function *f, size_t count)
{
    for (size_t i = count / 2; i-- > 0;)
        sift(f, i, count);
    while (count > 1) {
        struct function highest = f[0];
        f[0] = f[--count];
        f[count] = highest;
        sift(f, 0, count);
    }
}

static size_t underscores(const char *name)
{
    size_t count = 0;
    while (count < NAME_COMPARED && name[count] == '_')
        count++;
    return count;
}

// Of two names for one address: the one that has a size, that fewer underscores begin (strdup rather than __strdup), the shorter
// (f rather than f.localalias), the first.
static bool is_better(const struct elf_names *names, const struct function *a, const struct function *b)
{
    const char *x = name_of(names, a), *y = name_of(names, b);
    if (!a->bytes != !b->bytes)
        return a->bytes;
    size_t of_x = underscores(x), of_y = underscores(y);
    if (of_x != of_y)
        return of_x < of_y;
    of_x = strnlen(x, NAME_COMPARED);
    of_y = strnlen(y, NAME_COMPARED);
    return of_x != of_y ? of_x < of_y : a->name < b->name;
}

static void drop_aliases(struct elf_names *names)
{
    struct function *f = names->functions;
    size_t kept = 0;
    for (size_t i = 1; i < names->count; i++)
        if (f[i].address != f[kept].address)
            f[++kept] = f[i];
        else if (is_better(names, &f[i], &f[kept]))
            f[kept] = f[i];
    names->count = kept + 1;
}

static void size_the_sizeless(struct elf_names *names, uint64_t end_of_code)
{
    struct function *f = names->functions, *last = f + names->count - 1;
    for (; f <= last; f++) {
        uint64_t end = f < last ? f[1].address : max_size(end_of_code, f->address);
        if (f->bytes == 0)
            f->bytes = (uint32_t)min_size(end - f->address, UINT32_MAX);
    }
}

static void give_back_rest(struct elf_names *names)
{
    uintptr_t start = (uintptr_t)names, limit = start + align_up(names->mapped_bytes, PAGE_BYTES);
    uintptr_t end = align_up((uintptr_t)(names->functions + names->count), PAGE_BYTES);
    if (end < limit)
        meta_unmap((void *)end, limit - end);
    names->mapped_bytes = end - start;
}

// --- from the file to the table -------------------------------------------------------------------------------------

static const Elf64_Shdr *section_of_type(const struct file *f, uint32_t type)
{
    for (const Elf64_Shdr *s = f->sections; s < f->sections + f->section_count; s++)
        if (s->sh_type == type)
            return s;
    return NULL;
}

// Whether these are a table and its strings, and not too large (E3).
static bool are_usable(const struct file *f, const Elf64_Shdr *symbols, const Elf64_Shdr *strings)
{
    return symbols->sh_entsize == sizeof(Elf64_Sym) && strings->sh_type == SHT_STRTAB &&
           !((symbols->sh_flags | strings->sh_flags) & SHF_COMPRESSED) && symbols->sh_size <= f->bytes &&
           strings->sh_size <= f->bytes && symbols->sh_size <= ELF_TABLES_MOST &&
           strings->sh_size <= ELF_TABLES_MOST - symbols->sh_size;
}

static bool fill(struct elf_names *names, const struct file *f, const Elf64_Shdr *symbols,
                 const Elf64_Shdr *strings)
{
    names->string_bytes = strings->sh_size;
    if (!read_at(f, strings->sh_offset, names->strings, strings->sh_size) ||
        !read_at(f, symbols->sh_offset, names->functions, symbols->sh_size))
        return false;
    drop_versions(names);
    keep_functions(names, symbols->sh_size / sizeof(Elf64_Sym));
    if (names->count == 0)
        return false;
    sort_by_address(names->functions, names->count);
    drop_aliases(names);
    size_the_sizeless(names, code_end(f));
    give_back_rest(names);
    return true;
}

static struct elf_names *load(const struct file *f, uint32_t type)
{
    const Elf64_Shdr *symbols = section_of_type(f, type);
    if (!symbols || symbols->sh_link >= f->section_count)
        return NULL;
    const Elf64_Shdr *strings = &f->sections[symbols->sh_link];
    if (!are_usable(f, symbols, strings))
        return NULL;
    size_t head_bytes = sizeof(struct elf_names) + align_up(strings->sh_size + 1, sizeof(uint64_t)); // F2
    struct elf_names *names = meta_map(head_bytes + symbols->sh_size);
    if (!names)
        return NULL;
    names->mapped_bytes = head_bytes + symbols->sh_size;
    names->strings = (char *)(names + 1);
    names->functions = (struct function *)((char *)names + head_bytes);
    if (fill(names, f, symbols, strings))
        return names;
    elf_names_close(names);
    return NULL;
}

// --- from the module to its files -----------------------------------------------------------------------------------

static bool contradict(const unsigned char *a, size_t a_bytes, const unsigned char *b, size_t b_bytes)
{
    return a_bytes && b_bytes && (a_bytes != b_bytes || memcmp(a, b, a_bytes) != 0);
}

static bool debug_path(char out[DEBUG_PATH_MOST], const unsigned char *id, size_t bytes)
{
    size_t at = format_text(out, DEBUG_PATH_MOST, "%s/.build-id/%02x/", elf_debug_folder, id[0]);
    for (size_t i = 1; i < bytes && at < DEBUG_PATH_MOST; i++)
        at += format_text(out + at, DEBUG_PATH_MOST - at, "%02x", id[i]);
    if (at < DEBUG_PATH_MOST)
        at += format_text(out + at, DEBUG_PATH_MOST - at, ".debug");
    return at < DEBUG_PATH_MOST;
}

static struct elf_names *open_debug(const unsigned char *id, size_t bytes)
{
    unsigned char own[ELF_BUILD_ID_MOST];
    char path[DEBUG_PATH_MOST];
    struct elf_names *names = NULL;
    struct file file;
    if (bytes < 2 || !debug_path(path, id, bytes) || !file_open(&file, path))
        return NULL;
    if (!contradict(id, bytes, own, file_build_id(&file, own)))
        names = load(&file, SHT_SYMTAB);
    file_close(&file);
    return names;
}

struct elf_names *elf_names_open(const char *path, const unsigned char *build_id, size_t build_id_bytes)
{
    unsigned char own[ELF_BUILD_ID_MOST];
    struct elf_names *names = NULL;
    struct file file;
    if (!file_open(&file, path))
        return NULL;
    size_t own_bytes = file_build_id(&file, own);
    if (!contradict(own, own_bytes, build_id, build_id_bytes)) {
        names = load(&file, SHT_SYMTAB);
        if (!names)
            names = own_bytes ? open_debug(own, own_bytes) : open_debug(build_id, build_id_bytes);
        if (!names)
            names = load(&file, SHT_DYNSYM);
    }
    file_close(&file);
    return names;
}

void elf_names_close(struct elf_names *names)
{
    if (names)
        meta_unmap(names, names->mapped_bytes);
}

// --- looking up -----------------------------------------------------------------------------------------------------

// The number of functions that begin at the address or before it.
static size_t count_up_to(const struct elf_names *names, uint64_t address)
{
    size_t low = 0, high = names->count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (names->functions[middle].address <= address)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

const char *elf_names_find(const struct elf_names *names, uint64_t address, uint64_t *offset)
{
    size_t at = count_up_to(names, address);
    for (size_t tries = 0; at > 0 && tries < LOOK_BACK; tries++) {
        const struct function *f = &names->functions[--at];
        if (address - f->address >= f->bytes)
            continue;
        const char *name = name_of(names, f);
        if (offset)
            *offset = address - f->address;
        return strnlen(name, ELF_NAME_MOST + 1) <= ELF_NAME_MOST ? name : NULL;
    }
    return NULL;
}
