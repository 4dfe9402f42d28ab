// /proc/self/maps as a kernel should never write it: every line is a mapping or refused, and the parser always gets on.
#include "world/maps.h"

#include "fuzz.h"

#include <string.h>

// The same by the C library, whose numbers end where these do.
static void compare(const char *line, size_t bytes, const struct mapping *m)
{
    char copy[64] = "";
    unsigned long lo, hi;
    memcpy(copy, line, bytes < sizeof copy ? bytes : sizeof copy - 1);
    CLAIM(sscanf(copy, "%lx-%lx", &lo, &hi) == 2 && lo == m->lo && hi == m->hi);
    const char *access = strchr(copy, ' ') + 1;
    CLAIM(!!(m->flags & MAPPING_WRITE) == (access[1] == 'w') &&
          !!(m->flags & MAPPING_SHARED) == (access[3] == 's'));
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    char *text = malloc(size ? size : 1); // exact, so that a byte read too far is noticed
    const char *at = memcpy(text, data, size), *limit = text + size, *end;
    while (at < limit) {
        struct mapping m;
        bool good = maps_parse_line(at, limit, &m, &end);
        CLAIM(end > at && end <= limit);
        CLAIM(!memchr(at, '\n', (size_t)(end - at - 1)));
        if (good) {
            CLAIM(m.lo < m.hi && m.flags <= (MAPPING_READ | MAPPING_WRITE | MAPPING_EXEC | MAPPING_SHARED));
            compare(at, (size_t)(end - at), &m);
        }
        at = end;
    }
    free(text);
    return 0;
}
