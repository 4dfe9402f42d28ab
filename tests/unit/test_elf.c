// leak/elf.h: names in this program, in the C library, in stripped copies and separate debug files; and in files that are wrong.
#include "leak/elf.h"

#include "unit.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define PATHS_BYTES 400

static char folder[] = "/tmp/test_elf.XXXXXX"; // made for each test
static char file[PATHS_BYTES], bare[PATHS_BYTES];

// --- functions to be found ----------------------------------------------------------------------------------------

int a_global_function(int n);
int an_alias_of_it(int n) __attribute__((alias("a_global_function")));
int __an_underscored_alias(int n) __attribute__((alias("a_global_function")));

__attribute__((noinline, noipa)) int a_global_function(int n) { return n * 3 + 1; }

__attribute__((noinline, noipa)) static int a_static_function(int n) { return n * 5 + 2; }

__attribute__((used)) static int (*an_indirect_function_resolver(void))(int) { return a_static_function; }
int an_indirect_function(int n) __attribute__((ifunc("an_indirect_function_resolver")));

// Without a size; and one with a size inside of which another begins.
__asm__(".text\n"
        ".globl a_sizeless_function\n.type a_sizeless_function, @function\n"
        "a_sizeless_function: .skip 24, 0x90\n"
        ".globl outer\n.type outer, @function\nouter:\n"
        ".globl an_outer_function\n.type an_outer_function, @function\n"
        "an_outer_function: .skip 16, 0x90\n"
        ".globl an_inner_function\n.type an_inner_function, @function\n"
        "an_inner_function: .skip 8, 0x90\n.size an_inner_function, 8\n"
        ".skip 40, 0x90\n.size an_outer_function, 64\n"
        ".skip 32, 0x90\n"
        ".globl a_versioned_function\n.type a_versioned_function, @function\n"
        "a_versioned_function: .skip 16, 0x90\n.size a_versioned_function, 16\n");
extern const char a_sizeless_function[], an_outer_function[], an_inner_function[], a_versioned_function[];

// --- modules of this process ----------------------------------------------------------------------------------------

struct module {
    const char *wanted; // a part of its path; "" is the program
    char path[PATHS_BYTES];
    uintptr_t bias;
    unsigned char id[ELF_BUILD_ID_MOST];
    size_t id_bytes;
};

static int visit(struct dl_phdr_info *info, size_t bytes, void *argument)
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

static struct module module(const char *wanted)
{
    struct module m = {.wanted = wanted};
    ck_assert_int_eq(dl_iterate_phdr(visit, &m), 1);
    return m;
}

static struct elf_names *names_of(const struct module *m)
{
    struct elf_names *names = elf_names_open(m->path, m->id, m->id_bytes);
    ck_assert_ptr_nonnull(names);
    return names;
}

static void check_name(const struct elf_names *names, uint64_t address, const char *name, uint64_t offset)
{
    uint64_t found = ~offset;
    const char *is = elf_names_find(names, address, &found);
    ck_assert_msg(is && strcmp(is, name) == 0, "%#lx: %s is %s", (unsigned long)address, name, is ? is : "-");
    ck_assert_uint_eq(found, offset);
}

// --- files of one test ----------------------------------------------------------------------------------------------

__attribute__((format(printf, 1, 2))) static void shell(const char *format, ...)
{
    char command[4 * PATHS_BYTES];
    va_list args;
    va_start(args, format);
    ck_assert_int_lt(vsnprintf(command, sizeof command, format, args), (int)sizeof command);
    va_end(args);
    ck_assert_msg(system(command) == 0, "%s", command);
}

static void make_folder(void)
{
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(file, sizeof file, "%s/file", folder);
    snprintf(bare, sizeof bare, "%s/bare", folder);
    elf_debug_folder = folder; // what the machine has installed is not looked at
}

static void remove_folder(void) { shell("rm -rf %s", folder); }

// The program without its debug information.
static void copy_program(void) { shell("objcopy --strip-debug /proc/%d/exe %s", (int)getpid(), file); }

static char *read_whole(const char *path, size_t *bytes)
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

static void write_whole(const char *path, const char *data, size_t bytes)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    ck_assert(fd >= 0 && write(fd, data, bytes) == (ssize_t)bytes);
    close(fd);
}

// --- names ----------------------------------------------------------------------------------------------------------

START_TEST(test_own_functions)
{
    struct module m = module("");
    struct elf_names *names = names_of(&m);
    uintptr_t of_static = (uintptr_t)a_static_function - m.bias;
    ck_assert_int_eq(an_indirect_function(1), 7);
    check_name(names, of_static, "a_static_function", 0);
    check_name(names, of_static + 3, "a_static_function", 3);
    check_name(names, (uintptr_t)make_folder - m.bias + 1, "make_folder", 1);
    check_name(names, (uintptr_t)elf_names_find - m.bias, "elf_names_find", 0);
    ck_assert_str_eq(elf_names_find(names, of_static, NULL), "a_static_function");
    elf_names_close(names);
}
END_TEST

// Of several names for one address it is one with a size, without underscores at the front, the shortest.
START_TEST(test_aliases)
{
    struct module m = module("");
    struct elf_names *names = names_of(&m);
    check_name(names, (uintptr_t)a_global_function - m.bias, "an_alias_of_it", 0);
    check_name(names, (uintptr_t)an_outer_function - m.bias, "an_outer_function", 0); // "outer" has none
    elf_names_close(names);
}
END_TEST

START_TEST(test_sizes)
{
    struct module m = module("");
    struct elf_names *names = names_of(&m);
    uintptr_t sizeless = (uintptr_t)a_sizeless_function - m.bias,
              outer = (uintptr_t)an_outer_function - m.bias;
    check_name(names, sizeless, "a_sizeless_function", 0);
    check_name(names, sizeless + 23, "a_sizeless_function", 23); // up to the next
    check_name(names, outer, "an_outer_function", 0);
    check_name(names, outer + 16, "an_inner_function", 0);
    check_name(names, outer + 23, "an_inner_function", 7);
    check_name(names, outer + 24, "an_outer_function", 24);
    check_name(names, outer + 63, "an_outer_function", 63);
    for (unsigned i = 64; i < 96; i++)
        ck_assert_ptr_null(elf_names_find(names, outer + i, NULL));
    elf_names_close(names);
}
END_TEST

// Only code has names, and nothing lies outside of it.
START_TEST(test_no_function)
{
    struct module m = module("");
    struct elf_names *names = names_of(&m);
    const uint64_t nowhere[] = {
        0,         1,         64,        (uintptr_t)&elf_debug_folder - m.bias, (uintptr_t)folder - m.bias,
        1UL << 40, INT64_MAX, UINT64_MAX};
    for (unsigned i = 0; i < sizeof nowhere / sizeof nowhere[0]; i++)
        ck_assert_msg(!elf_names_find(names, nowhere[i], NULL), "%#lx has a name", (unsigned long)nowhere[i]);
    elf_names_close(names);
}
END_TEST

// Which of several names it is, is not known here: the C library with its debug file has more than it exports.
START_TEST(test_c_library)
{
    static const char *const functions[] = {"qsort", "strtol", "fopen", "getenv", "strdup", "pthread_create"};
    struct module m = module("libc.so.6");
    struct elf_names *names = names_of(&m);
    for (unsigned i = 0; i < sizeof functions / sizeof functions[0]; i++) {
        char *function = dlsym(RTLD_DEFAULT, functions[i]);
        uint64_t offset, address = (uintptr_t)function - m.bias;
        const char *name = elf_names_find(names, address, &offset);
        ck_assert_msg(name && dlsym(RTLD_DEFAULT, name) == function, "%s is %s", functions[i], name);
        ck_assert_uint_eq(offset, 0);
        check_name(names, address + 2, name, 2);
    }
    check_name(names, (uintptr_t)dlsym(RTLD_DEFAULT, "qsort") - m.bias, "qsort", 0);
    elf_names_close(names);
}
END_TEST

// "NAME@VERSION" and "NAME@@VERSION", as linkers write versioned symbols.
START_TEST(test_versions)
{
    struct module m = module("");
    const char *const versions[] = {"@@LIB_2.14", "@LIB_1"};
    copy_program();
    shell("objcopy --redefine-sym a_versioned_function=a_versioned_function%s %s", versions[_i], file);
    struct elf_names *names = elf_names_open(file, m.id, m.id_bytes);
    ck_assert_ptr_nonnull(names);
    check_name(names, (uintptr_t)a_versioned_function - m.bias, "a_versioned_function", 0);
    elf_names_close(names);
}
END_TEST

START_TEST(test_long_names)
{
    static char name[ELF_NAME_MOST + 2];
    struct module m = module("");
    char list[PATHS_BYTES];
    copy_program();
    for (size_t bytes = ELF_NAME_MOST; bytes <= ELF_NAME_MOST + 1; bytes++) {
        snprintf(list, sizeof list, "%s/list", folder);
        FILE *f = fopen(list, "w");
        memset(name, 'n', bytes);
        fprintf(f, "a_static_function %s\n", name);
        fclose(f);
        shell("objcopy --redefine-syms=%s %s %s", list, file, bare);
        struct elf_names *names = elf_names_open(bare, NULL, 0);
        const char *found = elf_names_find(names, (uintptr_t)a_static_function - m.bias, NULL);
        ck_assert(bytes <= ELF_NAME_MOST ? found && strcmp(found, name) == 0 : !found);
        elf_names_close(names);
    }
}
END_TEST

// --- which file -----------------------------------------------------------------------------------------------------

// A program has no names in .dynsym, but for what it exports; a library has its exports.
START_TEST(test_stripped)
{
    struct module m = module(""), libc = module("libc.so.6");
    copy_program();
    shell("strip -o %s %s", bare, file);
    ck_assert_ptr_null(elf_names_open(bare, m.id, m.id_bytes));
    shell("strip -o %s %s", bare, libc.path);
    struct elf_names *names = elf_names_open(bare, libc.id, libc.id_bytes);
    check_name(names, (uintptr_t)dlsym(RTLD_DEFAULT, "qsort") - libc.bias, "qsort", 0);
    elf_names_close(names);
}
END_TEST

// Puts the program's debug file where its build-id says.
static void separate(const struct module *m)
{
    char hex[2 * ELF_BUILD_ID_MOST + 1];
    for (size_t i = 0; i < m->id_bytes; i++)
        sprintf(hex + 2 * i, "%02x", m->id[i]);
    copy_program();
    shell("strip -o %s %s", bare, file);
    shell("mkdir -p %s/.build-id/%.2s && objcopy --only-keep-debug %s %s/.build-id/%.2s/%s.debug", folder,
          hex, file, folder, hex, hex + 2);
}

START_TEST(test_debug_file)
{
    struct module m = module("");
    separate(&m);
    struct elf_names *names = elf_names_open(bare, m.id, m.id_bytes);
    ck_assert_ptr_nonnull(names);
    check_name(names, (uintptr_t)a_static_function - m.bias, "a_static_function", 0);
    check_name(names, (uintptr_t)a_sizeless_function - m.bias + 23, "a_sizeless_function", 23);
    elf_names_close(names);
    names = elf_names_open(bare, NULL, 0); // the file's own build-id leads there as well
    ck_assert_ptr_nonnull(names);
    elf_names_close(names);
    shell("objcopy --remove-section .note.gnu.build-id %s", bare); // and the loaded module's
    names = elf_names_open(bare, m.id, m.id_bytes);
    ck_assert_ptr_nonnull(names);
    elf_names_close(names);
    ck_assert_ptr_null(elf_names_open(bare, NULL, 0));
}
END_TEST

// One that is somebody else's, whatever it is called, is refused, and .dynsym serves.
START_TEST(test_wrong_debug_file)
{
    struct module m = module("");
    separate(&m);
    shell("cd %s/.build-id/*/ && objcopy --only-keep-debug %s *.debug", folder, module("libc.so.6").path);
    ck_assert_ptr_null(elf_names_open(bare, m.id, m.id_bytes));
}
END_TEST

START_TEST(test_deep_debug_folder)
{
    struct module m = module("");
    char deep[2000];
    memset(deep, '/', sizeof deep);
    deep[sizeof deep - 1] = 0;
    separate(&m);
    for (size_t bytes = 400; bytes < sizeof deep; bytes++) {
        elf_debug_folder = deep + sizeof deep - 1 - bytes;
        ck_assert_ptr_null(elf_names_open(bare, m.id, m.id_bytes));
    }
}
END_TEST

START_TEST(test_wrong_build_id)
{
    struct module m = module("");
    ck_assert_uint_gt(m.id_bytes, 0);
    for (size_t i = 0; i < m.id_bytes; i++) {
        m.id[i] ^= 1;
        ck_assert_ptr_null(elf_names_open(m.path, m.id, m.id_bytes));
        m.id[i] ^= 1;
    }
    ck_assert_ptr_null(elf_names_open(m.path, m.id, m.id_bytes - 1));
    ck_assert_ptr_null(elf_names_open(m.path, m.id, m.id_bytes + 1));
    elf_names_close(names_of(&m));
    struct elf_names *names = elf_names_open(m.path, NULL, 0);
    ck_assert_ptr_nonnull(names);
    elf_names_close(names);
}
END_TEST

// --- build-ids in memory --------------------------------------------------------------------------------------------

START_TEST(test_build_id_of_file)
{
    struct module m = module("");
    char hex[2 * ELF_BUILD_ID_MOST + 1] = "";
    for (size_t i = 0; i < m.id_bytes; i++)
        sprintf(hex + 2 * i, "%02x", m.id[i]);
    ck_assert_uint_ge(m.id_bytes, 8);
    shell("readelf -n /proc/%d/exe | grep -q 'Build ID: %s$'", (int)getpid(), hex);
}
END_TEST

struct note {
    Elf64_Nhdr head;
    char name[4];
    unsigned char id[ELF_BUILD_ID_MOST + 4];
};

static size_t id_of(const struct note *note, uint64_t size, const Elf64_Phdr *load, unsigned char *out)
{
    const Elf64_Phdr headers[] = {
        *load,
        {.p_type = PT_NOTE, .p_flags = PF_R, .p_vaddr = 0, .p_filesz = size, .p_memsz = size, .p_align = 4}};
    return elf_build_id((uintptr_t)note, headers, 2, out);
}

START_TEST(test_build_id_in_memory)
{
    unsigned char out[ELF_BUILD_ID_MOST];
    struct note note = {{4, 20, NT_GNU_BUILD_ID}, "GNU", "twenty bytes of an id"};
    const Elf64_Phdr load = {
        .p_type = PT_LOAD, .p_flags = PF_R, .p_filesz = sizeof note, .p_memsz = sizeof note};
    Elf64_Phdr other;
    ck_assert_uint_eq(id_of(&note, 36, &load, out), 20);
    ck_assert_mem_eq(out, note.id, 20);
    for (uint64_t bytes = 0; bytes < 36; bytes++) // cut off
        ck_assert_uint_eq(id_of(&note, bytes, &load, out), 0);
    ck_assert_uint_eq(id_of(&note, sizeof note + 1, &load, out), 0); // outside
    ck_assert_uint_eq(id_of(&note, UINT64_MAX, &load, out), 0);
    other = load;
    other.p_flags = PF_X; // not readable
    ck_assert_uint_eq(id_of(&note, 36, &other, out), 0);
    other = load;
    other.p_vaddr = 4; // begins before what is mapped
    ck_assert_uint_eq(id_of(&note, 36, &other, out), 0);
    other = load;
    other.p_filesz = 35; // the rest is not from the file
    ck_assert_uint_eq(id_of(&note, 36, &other, out), 0);
    const Elf64_Phdr straddles[] = {{.p_type = PT_LOAD, .p_flags = PF_R, .p_filesz = 51},
                                    {.p_type = PT_NOTE, .p_vaddr = 16, .p_filesz = 36}};
    ck_assert_uint_eq(elf_build_id((uintptr_t)&note - 16, straddles, 2, out), 0);
}
END_TEST

START_TEST(test_odd_notes)
{
    unsigned char out[ELF_BUILD_ID_MOST];
    struct note note = {{4, ELF_BUILD_ID_MOST, NT_GNU_BUILD_ID}, "GNU", {7}};
    const Elf64_Phdr load = {
        .p_type = PT_LOAD, .p_flags = PF_R, .p_filesz = sizeof note, .p_memsz = sizeof note};
    ck_assert_uint_eq(id_of(&note, sizeof note, &load, out), ELF_BUILD_ID_MOST);
    note.head.n_descsz++; // too long for anybody
    ck_assert_uint_eq(id_of(&note, sizeof note, &load, out), 0);
    for (uint32_t size = 1; size; size <<= 1) {
        note.head = (Elf64_Nhdr){size, UINT32_MAX, NT_GNU_BUILD_ID};
        ck_assert_uint_eq(id_of(&note, sizeof note, &load, out), 0);
        note.head = (Elf64_Nhdr){UINT32_MAX, size, NT_GNU_BUILD_ID};
        ck_assert_uint_eq(id_of(&note, sizeof note, &load, out), 0);
    }
    note.head = (Elf64_Nhdr){4, 20, NT_GNU_ABI_TAG};
    ck_assert_uint_eq(id_of(&note, sizeof note, &load, out), 0);
    note.head.n_type = NT_GNU_BUILD_ID;
    note.name[0] = 'g';
    ck_assert_uint_eq(id_of(&note, sizeof note, &load, out), 0);
}
END_TEST

// --- files that are wrong -----------------------------------------------------------------------------------------

START_TEST(test_no_file)
{
    char fifo[PATHS_BYTES];
    snprintf(fifo, sizeof fifo, "%s/fifo", folder);
    ck_assert_int_eq(mkfifo(fifo, 0600), 0);
    write_whole(file, "", 0);
    const char *const none[] = {
        "",   "/", "/nonexistent/file", "/dev/null", "/dev/zero", "/proc/self/mem", "/etc/passwd", folder,
        fifo, file};
    for (unsigned i = 0; i < sizeof none / sizeof none[0]; i++) {
        ck_assert_msg(!elf_names_open(none[i], NULL, 0), "%s", none[i]);
        ck_assert_msg(!elf_names_open(none[i], (const unsigned char *)"12345678", 8), "%s", none[i]);
    }
    elf_names_close(NULL);
}
END_TEST

START_TEST(test_no_memory)
{
    struct module m = module("");
    struct rlimit before, none;
    ck_assert_int_eq(getrlimit(RLIMIT_AS, &before), 0);
    none = (struct rlimit){0, before.rlim_max};
    ck_assert_int_eq(setrlimit(RLIMIT_AS, &none), 0);
    struct elf_names *names = elf_names_open(m.path, m.id, m.id_bytes);
    ck_assert_int_eq(setrlimit(RLIMIT_AS, &before), 0);
    ck_assert_ptr_null(names);
}
END_TEST

// Opens it and asks for everything: it must come back, and what it says must be text.
static void exercise(const char *path)
{
    struct elf_names *names = elf_names_open(path, NULL, 0);
    for (unsigned i = 0; names && i < 300; i++) {
        uint64_t offset, address = i < 100 ? i * 4093 : next_random() >> (next_random() % 64);
        const char *name = elf_names_find(names, address, &offset);
        ck_assert(!name || (*name && strlen(name) <= ELF_NAME_MOST && offset <= address));
    }
    elf_names_close(names);
}

START_TEST(test_cut_off)
{
    size_t bytes;
    copy_program();
    char *data = read_whole(file, &bytes);
    for (size_t left = bytes; left > 0; left -= left < 400 ? 1 : left / 400 + 1) {
        ck_assert_int_eq(truncate(file, (off_t)left), 0);
        exercise(file);
    }
    free(data);
}
END_TEST

static bool holds_symbols(const Elf64_Shdr *s)
{
    return s->sh_type == SHT_SYMTAB || s->sh_type == SHT_DYNSYM || s->sh_type == SHT_NOTE;
}

// A place in what is read of the file: its head, the sections' table, symbols and notes.
static size_t telling_place(const char *data, size_t bytes)
{
    Elf64_Ehdr h;
    Elf64_Shdr s;
    memcpy(&h, data, sizeof h);
    uint64_t kind = next_random() % 4;
    if (kind == 0)
        return next_random() % sizeof h;
    if (kind == 1)
        return h.e_shoff + next_random() % (h.e_shnum * sizeof s);
    do
        memcpy(&s, data + h.e_shoff + next_random() % h.e_shnum * sizeof s, sizeof s);
    while (kind == 2 && !holds_symbols(&s));
    return kind == 2 && s.sh_size ? s.sh_offset + next_random() % s.sh_size : next_random() % bytes;
}

static void damage(char *data, const char *whole, size_t bytes)
{
    static const char bad[] = {0, 1, 0x7f, (char)0x80, (char)0xff};
    for (unsigned left = 1 + next_random() % 4; left > 0; left--) {
        size_t at = telling_place(whole, bytes);
        uint64_t how = next_random();
        for (unsigned run = how % 3 ? 1 : 8; run > 0 && at < bytes; run--, at++)
            data[at] = how & 8 ? bad[how / 16 % sizeof bad] : (char)(data[at] ^ 1 << how / 16 % 8);
    }
}

// Four times 400, with numbers of their own.
START_TEST(test_damaged)
{
    size_t bytes;
    copy_program();
    char *data = read_whole(file, &bytes), *copy = malloc(bytes);
    random_state = 1000 + (uint64_t)_i;
    for (unsigned round = 0; round < 400; round++) {
        memcpy(copy, data, bytes);
        damage(copy, data, bytes);
        write_whole(file, copy, bytes);
        exercise(file);
    }
    free(data);
    free(copy);
}
END_TEST

// What tells where things are, at the limits of its type.
START_TEST(test_extreme_fields)
{
    static const uint64_t extremes[] = {
        0,         1,       23,         24,        63,        64,        65535,
        65536,     1 << 26, UINT32_MAX, 1UL << 32, INT64_MAX, 1UL << 63, UINT64_MAX - 63,
        UINT64_MAX};
    enum { EXTREMES = sizeof extremes / sizeof extremes[0], FIELDS = sizeof(Elf64_Shdr) / 8 };
    size_t bytes;
    Elf64_Ehdr h;
    copy_program();
    char *data = read_whole(file, &bytes);
    int fd = open(file, O_WRONLY);
    memcpy(&h, data, sizeof h);
    for (unsigned section = 0; section < h.e_shnum; section++)
        for (unsigned field = 0; field < FIELDS; field++)
            for (unsigned i = section && field % 3 ? (section + field) % 5 : 0; i < EXTREMES;
                 i += section ? 5 : 1) {
                off_t at = (off_t)(h.e_shoff + section * sizeof(Elf64_Shdr) + 8 * field);
                ck_assert_int_eq(pwrite(fd, &extremes[i], 8, at), 8);
                exercise(file);
                ck_assert_int_eq(pwrite(fd, data + at, 8, at), 8);
            }
    close(fd);
    free(data);
}
END_TEST

// Somebody truncates and mends it all the time.
START_TEST(test_changing)
{
    size_t bytes;
    copy_program();
    char *data = read_whole(file, &bytes);
    pid_t child = fork();
    while (child == 0) {
        if (truncate(file, (off_t)(next_random() % bytes)) == 0)
            write_whole(file, data, bytes);
    }
    for (unsigned i = 0; i < 300; i++)
        exercise(file);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    free(data);
}
END_TEST

// --- a file made by hand ------------------------------------------------------------------------------------------------

enum { CODE = 1 << 20, CODE_BYTES = 256, SYMBOLS = 4, STRING_BYTES = 64 };

// No zero ends its strings, and their size is aligned: what follows them in memory would be taken for more of the last name.
struct by_hand {
    Elf64_Ehdr head;
    Elf64_Shdr sections[4]; // none, symbols, strings, code
    Elf64_Sym symbols[SYMBOLS];
    char strings[STRING_BYTES];
};

static struct by_hand by_hand(void)
{
    struct by_hand f = {
        .head = {.e_ident = {0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT},
                 .e_machine = EM_X86_64,
                 .e_shoff = offsetof(struct by_hand, sections),
                 .e_shentsize = sizeof(Elf64_Shdr),
                 .e_shnum = 4},
    };
    f.sections[1] = (Elf64_Shdr){.sh_type = SHT_SYMTAB,
                                 .sh_offset = offsetof(struct by_hand, symbols),
                                 .sh_size = sizeof f.symbols,
                                 .sh_link = 2,
                                 .sh_entsize = sizeof(Elf64_Sym)};
    f.sections[2] = (Elf64_Shdr){
        .sh_type = SHT_STRTAB, .sh_offset = offsetof(struct by_hand, strings), .sh_size = sizeof f.strings};
    f.sections[3] = (Elf64_Shdr){.sh_type = SHT_PROGBITS,
                                 .sh_flags = SHF_ALLOC | SHF_EXECINSTR,
                                 .sh_addr = CODE,
                                 .sh_size = CODE_BYTES};
    f.symbols[0] = (Elf64_Sym){.st_name = 1, .st_info = STT_FUNC, .st_shndx = 3, .st_value = CODE + 16};
    memset(f.strings, 'n', sizeof f.strings);
    f.strings[0] = 0;
    return f;
}

static struct elf_names *open_by_hand(const struct by_hand *f)
{
    write_whole(file, (const char *)f, sizeof *f);
    return elf_names_open(file, NULL, 0);
}

// The last name ends with the strings, the last function without a size with the code.
START_TEST(test_by_hand)
{
    struct by_hand f = by_hand();
    struct elf_names *names = open_by_hand(&f);
    char name[STRING_BYTES] = "";
    memcpy(name, f.strings + 1, STRING_BYTES - 1);
    check_name(names, CODE + 16, name, 0);
    check_name(names, CODE + CODE_BYTES - 1, name, CODE_BYTES - 17);
    ck_assert_ptr_null(elf_names_find(names, CODE + 15, NULL));
    ck_assert_ptr_null(elf_names_find(names, CODE + CODE_BYTES, NULL));
    elf_names_close(names);
    f.sections[3].sh_flags = SHF_ALLOC; // no code: where it ends is unknown
    names = open_by_hand(&f);
    ck_assert(names && !elf_names_find(names, CODE + 16, NULL));
    elf_names_close(names);
}
END_TEST

// Only functions that are here.
START_TEST(test_kinds_of_symbols)
{
    struct by_hand f = by_hand();
    for (unsigned type = 0; type < 16; type++) {
        f.symbols[0].st_info = ELF64_ST_INFO(STB_GLOBAL, type);
        struct elf_names *names = open_by_hand(&f);
        ck_assert_msg(!names == (type != STT_FUNC && type != STT_GNU_IFUNC), "type %u", type);
        elf_names_close(names);
    }
    const struct {
        uint32_t name;
        uint16_t section;
        uint64_t value;
    } none[] = {
        {0, 3, CODE}, {STRING_BYTES, 3, CODE}, {UINT32_MAX, 3, CODE}, {1, SHN_UNDEF, CODE}, {1, 3, 0}};
    for (unsigned i = 0; i < sizeof none / sizeof none[0]; i++) {
        f.symbols[0] = (Elf64_Sym){none[i].name, STT_FUNC, 0, none[i].section, none[i].value, 0};
        ck_assert_msg(!open_by_hand(&f), "symbol %u", i);
    }
}
END_TEST

START_TEST(test_unusable_tables)
{
    const struct by_hand good = by_hand();
    struct by_hand f = good;
    f.sections[1].sh_entsize = 16;
    ck_assert_ptr_null(open_by_hand(&f));
    f = good;
    f.sections[1].sh_flags = SHF_COMPRESSED;
    ck_assert_ptr_null(open_by_hand(&f));
    f = good;
    f.sections[1].sh_link = 3; // no strings
    ck_assert_ptr_null(open_by_hand(&f));
    f = good;
    f.sections[2].sh_size++; // beyond the end of the file
    ck_assert_ptr_null(open_by_hand(&f));
    f = good;
    f.head.e_machine = EM_AARCH64;
    ck_assert_ptr_null(open_by_hand(&f));
    elf_names_close(open_by_hand(&good));
}
END_TEST

// As many sections as the field of the head cannot say: the first section says it.
START_TEST(test_extended_count)
{
    struct by_hand f = by_hand();
    f.head.e_shnum = 0;
    f.sections[0].sh_size = 4;
    struct elf_names *names = open_by_hand(&f);
    ck_assert_ptr_nonnull(names);
    elf_names_close(names);
}
END_TEST

// More symbols than the limit allows: none of them are used. Holes cost no disk.
START_TEST(test_too_large)
{
    const uint64_t most = (ELF_TABLES_MOST - STRING_BYTES) / sizeof(Elf64_Sym);
    struct by_hand f = by_hand();
    for (unsigned larger = 0; larger < 2; larger++) {
        f.sections[1].sh_offset = sizeof f - sizeof f.symbols[0];
        f.sections[1].sh_size = (most + larger) * sizeof(Elf64_Sym);
        write_whole(file, (const char *)&f, sizeof f);
        int fd = open(file, O_WRONLY);
        ck_assert(pwrite(fd, &f.symbols[0], sizeof f.symbols[0], sizeof f) == sizeof f.symbols[0]);
        ck_assert_int_eq(ftruncate(fd, ELF_TABLES_MOST + 65536), 0);
        close(fd);
        struct elf_names *names = elf_names_open(file, NULL, 0);
        ck_assert(larger ? !names : !!names);
        elf_names_close(names);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("elf");
    TCase *found = tcase_create("names"), *files = tcase_create("files"), *ids = tcase_create("build-ids"),
          *wrong = tcase_create("wrong files"), *by_hands = tcase_create("by hand");
    TCase *all[] = {found, files, ids, wrong, by_hands};
    for (unsigned i = 0; i < sizeof all / sizeof all[0]; i++) {
        tcase_set_timeout(all[i], 300);
        tcase_add_checked_fixture(all[i], make_folder, remove_folder);
        suite_add_tcase(suite, all[i]);
    }
    tcase_add_test(found, test_own_functions);
    tcase_add_test(found, test_aliases);
    tcase_add_test(found, test_sizes);
    tcase_add_test(found, test_no_function);
    tcase_add_test(found, test_c_library);
    tcase_add_loop_test(found, test_versions, 0, 2);
    tcase_add_test(found, test_long_names);
    tcase_add_test(files, test_stripped);
    tcase_add_test(files, test_debug_file);
    tcase_add_test(files, test_wrong_debug_file);
    tcase_add_test(files, test_deep_debug_folder);
    tcase_add_test(files, test_wrong_build_id);
    tcase_add_test(ids, test_build_id_of_file);
    tcase_add_test(ids, test_build_id_in_memory);
    tcase_add_test(ids, test_odd_notes);
    tcase_add_test(wrong, test_no_file);
    tcase_add_test(wrong, test_no_memory);
    tcase_add_test(wrong, test_cut_off);
    tcase_add_loop_test(wrong, test_damaged, 0, 4);
    tcase_add_test(wrong, test_extreme_fields);
    tcase_add_test(wrong, test_changing);
    tcase_add_test(by_hands, test_by_hand);
    tcase_add_test(by_hands, test_kinds_of_symbols);
    tcase_add_test(by_hands, test_unusable_tables);
    tcase_add_test(by_hands, test_extended_count);
    tcase_add_test(by_hands, test_too_large);
    return run_suite(suite);
}
