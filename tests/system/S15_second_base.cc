// C++: the only pointer is to a second base class, a virtual base, or an array behind its length word.
#include "check.h"

struct First { virtual ~First() {} long first[5]; };
struct Second { virtual ~Second() {} long second = 2; };
struct Shared { virtual ~Shared() {} long shared = 3; };
struct Both : First, Second { long tail[3]; };
struct Diamond : virtual Shared, First { long tail[3]; };
struct Destroyed { long word = 4; ~Destroyed() {} };

static Second *seconds[300];
static Shared *shareds[300];
static Destroyed *arrays[300];
static hidden blocks[900];

NOINLINE static void fill(void)
{
    for (size_t i = 0; i < 300; i++) {
        Both *both = new Both;
        Diamond *diamond = new Diamond;
        seconds[i] = both, shareds[i] = diamond, arrays[i] = new Destroyed[7];
        blocks[3 * i] = hide(both), blocks[3 * i + 1] = hide(diamond), blocks[3 * i + 2] = hide(arrays[i]);
    }
}

NOINLINE static void verify(void)
{
    for (size_t i = 0; i < 900; i++) CHECK(is_allocated(blocks[i]), "block %zu", i);
    for (size_t i = 0; i < 300; i++) {
        CHECK(seconds[i]->second == 2 && shareds[i]->shared == 3 && arrays[i][6].word == 4);
        seconds[i] = NULL, shareds[i] = NULL, arrays[i] = NULL;
    }
}

int main()
{
    fill();
    herd_lose(&lost, 1000, sizeof(Both));
    drop_and_collect();
    herd_check_gone(&lost);
    verify();
    drop_and_collect();
    size_t left = 0;
    for (size_t i = 0; i < 900; i++) left += gcpre_available() && is_allocated(blocks[i]);
    CHECK(left <= 45, "%zu of 900 objects are still allocated", left);
}
