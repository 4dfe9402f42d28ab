// leak/rebind.h: what the unwinder is told about memory, without a descriptor.
#include "leak/rebind.h"

#include "unit.h"
#include "upcalls.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/syscall.h>

enum { PIPE = -1 }; // of rebind_write: the one there is not

START_TEST(a_byte_is_readable_or_not)
{
    char *pages = mmap(NULL, 2 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ck_assert_int_eq(mprotect(pages + 4096, 4096, PROT_NONE), 0);
    ck_assert_int_eq(rebind_write(SYS_write, PIPE, pages, 1), 1);
    ck_assert_int_eq(rebind_write(SYS_write, PIPE, pages + 4095, 1), 1);
    ck_assert_int_eq(rebind_write(SYS_write, PIPE, "constant", 1), 1);
    errno = EINTR; // the unwinder would ask again
    ck_assert_int_eq(rebind_write(SYS_write, PIPE, pages + 4096, 1), -1);
    ck_assert_int_eq(errno, EFAULT);
    ck_assert_int_eq(munmap(pages, 2 * 4096), 0);
    ck_assert_int_eq(rebind_write(SYS_write, PIPE, pages, 1), -1);
    ck_assert_int_eq(rebind_write(SYS_write, PIPE, NULL, 1), -1);
    ck_assert_int_eq(rebind_write(SYS_write, PIPE, (void *)(1UL << 63), 1), -1);
}
END_TEST

// B1.
START_TEST(there_is_no_descriptor)
{
    int before = open("/dev/null", O_RDONLY), after;
    ck_assert_int_eq(rebind_write(SYS_write, PIPE, &before, 1), 1);
    after = open("/dev/null", O_RDONLY);
    ck_assert_int_eq(after, before + 1);
    close(before);
    close(after);
}
END_TEST

// B3.
START_TEST(other_calls_are_made)
{
    int ends[2];
    char letter = 0;
    ck_assert_int_eq(pipe(ends), 0);
    ck_assert_int_eq(rebind_write(SYS_write, ends[1], "x", 1), 1);
    ck_assert_int_eq(read(ends[0], &letter, 1), 1);
    ck_assert_int_eq(letter, 'x');
    ck_assert_int_eq(rebind_write(SYS_gettid, 0, NULL, 0), syscall(SYS_gettid));
    close(ends[0]);
    close(ends[1]);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("rebind");
    TCase *tcase = tcase_create("rebind");
    tcase_add_test(tcase, a_byte_is_readable_or_not);
    tcase_add_test(tcase, there_is_no_descriptor);
    tcase_add_test(tcase, other_calls_are_made);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
