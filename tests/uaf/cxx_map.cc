// An iterator of a map is used after its entry was erased.
#include "uaf.h"
#include <cstddef>
#include <map>

static void *take_new(size_t size) { return memset(new char[size], 0, size); }

struct Node { // libstdc++'s: colour, parent, left, right, the pair
    long color;
    void *links[3];
    long key, value;
};

static bool scene(struct scene *s)
{
    const Node forged = {0, {}, 1, 0x777};
    begin(s, sizeof(Node), take_new);
    std::map<long, long> limits = {{1, 10}, {2, 20}};
    auto limit = limits.find(1);
    watch(s, (char *)&limit->first - offsetof(Node, key));
    limits.erase(1);
    groom(s, &forged, sizeof forged);
    return limit->second == 0x777;
}
