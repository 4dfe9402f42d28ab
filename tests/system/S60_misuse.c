// Misuse of free: reported in a line of its own, survived, and no block is ever handed out twice after it.
// args: double
// args: double_later
// args: interior
// args: stack
// args: global
// args: nowhere
// args: realloc_freed
// cflags: -fno-builtin -Wno-free-nonheap-object -Wno-use-after-free
// needs-library: yes
// expect-stderr: ^gcpre.*(free|realloc)\(
#include "check.h"

static char global[100];

static void misuse(const char *what)
{
    char on_stack[100];
    char *volatile p = (char *)malloc(100);
    if (strcmp(what, "double") == 0) free(p), free(p);
    if (strcmp(what, "double_later") == 0) {
        free(p);
        for (int i = 0; i < 5000; i++) free(malloc(100 + (size_t)i % 7));
        drop_and_collect();
        char *volatile again = p;
        free(again);
    }
    if (strcmp(what, "interior") == 0) free(p + 48);
    if (strcmp(what, "stack") == 0) free(*(char *volatile *)&(char *){on_stack + 16});
    if (strcmp(what, "global") == 0) free(*(char *volatile *)&(char *){global + 16});
    if (strcmp(what, "nowhere") == 0) free((void *)0x123456789ab0);
    if (strcmp(what, "realloc_freed") == 0) free(p), p = (char *)realloc(p, 200);
}

int main(int argc, char **argv)
{
    static char *blocks[5000];
    misuse(argv[argc - 1]);
    for (size_t i = 0; i < COUNT(blocks); i++) blocks[i] = branded((char *)malloc(100), 100);
    drop_and_collect();
    for (size_t i = 0; i < COUNT(blocks); i++) CHECK(is_whole(hide(blocks[i]), 100), "block %zu", i);
    for (size_t i = 0; i < COUNT(blocks); i++) memset(blocks[i], (int)i, 100);
    for (size_t i = 0; i < COUNT(blocks); i++)
        for (size_t at = 0; at < 100; at++) CHECK(blocks[i][at] == (char)i, "block %zu was handed out twice", i);
}
