// The pointer lies in memory that the program has mapped for itself.
#include "uaf.h"

struct arena {
    char *newest;
};

static bool scene(struct scene *s)
{
    struct arena *arena = (struct arena *)mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(arena != MAP_FAILED);
    begin(s, 150, take_plainly);
    arena->newest = (char *)watch(s, take_plainly(150));
    free(arena->newest);
    groom(s, "mine now", sizeof "mine now");
    return strcmp(arena->newest, "mine now") == 0;
}
