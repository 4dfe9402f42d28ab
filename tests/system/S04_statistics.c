// The informing half of the family: malloc_usable_size, mallinfo, mallinfo2, malloc_info, malloc_stats, malloc_trim, mallopt.
// cflags: -fno-builtin -Wno-deprecated-declarations
#include "check.h"
#include <malloc.h>

static void check_malloc_info(void)
{
    char text[200] = "";
    FILE *file = tmpfile();
    CHECK(malloc_info(0, file) == 0);
    errno = 0;
    CHECK(malloc_info(1, file) != 0, "options must be 0");
    rewind(file);
    CHECK(fread(text, 1, sizeof text - 1, file) > 10 && strstr(text, "<malloc version="), "%s", text);
    fclose(file);
}

static void check_malloc_stats(void)
{
    int saved = dup(2), file = open("stats", O_RDWR | O_CREAT, 0600);
    dup2(file, 2);
    malloc_stats();
    fflush(stderr);
    dup2(saved, 2);
    CHECK(lseek(file, 0, SEEK_END) > 10, "malloc_stats printed nothing");
}

int main(void)
{
    static char *blocks[1000];
    struct mallinfo2 before = mallinfo2();
    for (size_t i = 0; i < COUNT(blocks); i++) blocks[i] = (char *)malloc(1000);
    struct mallinfo2 after = mallinfo2();
    CHECK(after.uordblks >= before.uordblks + 900000, "%zu to %zu", before.uordblks, after.uordblks);
    CHECK(mallinfo().uordblks >= 900000);
    for (size_t i = 0; i < COUNT(blocks); i++) free(blocks[i]);
    CHECK(mallinfo2().uordblks < after.uordblks);
    check_malloc_info();
    check_malloc_stats();
    int trimmed = malloc_trim(0);
    CHECK(trimmed == 0 || trimmed == 1);
    CHECK(mallopt(M_ARENA_MAX, 1) == 1 && mallopt(M_MMAP_THRESHOLD, 1 << 20) == 1);
    CHECK(malloc_usable_size(NULL) == 0);
}
