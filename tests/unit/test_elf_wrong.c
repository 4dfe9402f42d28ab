// leak/elf.h: files that are wrong, cut off, damaged, or changed while they are read; and files made by hand.
#include "elf_files.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

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
    Suite *suite = suite_create("elf_wrong");
    TCase *wrong = tcase_create("wrong files"), *by_hands = tcase_create("by hand");
    TCase *all[] = {wrong, by_hands};
    for (unsigned i = 0; i < sizeof all / sizeof all[0]; i++) {
        tcase_set_timeout(all[i], 300);
        tcase_add_checked_fixture(all[i], make_folder, remove_folder);
        suite_add_tcase(suite, all[i]);
    }
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
