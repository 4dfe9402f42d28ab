// An iterator outlives the vector's growth.
#include "uaf.h"
#include <vector>

static void *take_new(size_t size) { return memset(new char[size], 0, size); }

static bool scene(struct scene *s)
{
    const long wanted = 0x0badcafe;
    begin(s, 16 * sizeof(long), take_new);
    std::vector<long> numbers;
    numbers.reserve(16);
    numbers.assign(16, 1);
    auto first = numbers.begin();
    watch(s, numbers.data());
    numbers.push_back(2);
    groom(s, &wanted, sizeof wanted);
    return *first == wanted;
}
