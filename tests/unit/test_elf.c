// leak/elf.h: names in this program, in the C library, in stripped copies and separate debug files. Files that are wrong: test_elf_wrong.c.
#include "elf_files.h"

#include <dlfcn.h>

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

int main(void)
{
    Suite *suite = suite_create("elf");
    TCase *found = tcase_create("names"), *files = tcase_create("files"), *ids = tcase_create("build-ids");
    TCase *all[] = {found, files, ids};
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
    return run_suite(suite);
}
