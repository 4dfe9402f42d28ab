// A program that declares gcpre_collect and gcpre_is_heap itself, or was built when the header declared them, finds them.
// needs-library: yes
#define GCPRE_H // not the header's
#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

__attribute__((weak)) void gcpre_collect(void);
__attribute__((weak)) int gcpre_is_heap(const void *p);

static volatile uintptr_t hidden;

static __attribute__((noinline)) void lose(void) { hidden = ~(uintptr_t)malloc(3000); }

int main(void)
{
    char *volatile kept = malloc(3000);
    if (!gcpre_collect || !gcpre_is_heap || dlsym(RTLD_DEFAULT, "gcpre_collect") != (void *)gcpre_collect) return 1;
    lose();
    for (volatile char cover[5000] = {0}; cover[0] < 10; cover[0]++) gcpre_collect();
    if (!gcpre_is_heap(kept) || gcpre_is_heap((void *)~hidden)) return 2;
    return 0;
}
