// Unusual pointers: into the middle, one past the end, unaligned, in a union, with a tag in the low bits. Clean: such a
// pointer is all there is. Leak: it is overwritten.

#include "leaks.h"
#include <stdint.h>

static char *kept;

static OPAQUE char *block(size_t bytes)
{
    char *p = malloc(bytes); // alloc: block
    memset(p, 'x', bytes);
    return p;
}

// case: middle  direct 1 200 block
static OPAQUE void middle(bool leak)
{
    kept = block(200) + 100;
    used(&kept);
    printf("%c\n", *kept);
    if (leak)
        kept = NULL;
}

// case: past_the_end  direct 1 64 block
// lsan: clean  a pointer past the end belongs to nothing there
// valgrind: clean  a pointer past the end belongs to nothing there
static OPAQUE void past_the_end(bool leak)
{
    kept = block(64) + 64;
    used(&kept);
    printf("%c\n", kept[-1]);
    if (leak)
        kept = NULL;
}

// case: deep_inside_a_large_one  direct 1 3000000 block
static OPAQUE void deep_inside_a_large_one(bool leak)
{
    kept = block(3000000) + 2999990;
    used(&kept);
    printf("%c\n", *kept);
    if (leak)
        kept = NULL;
}

static struct __attribute__((packed)) {
    uint32_t kind;
    char *block;
} packed = {1, NULL};

// A packed structure holds the pointer at an address that only four divides.
// case: four_byte_aligned  direct 1 80 block
// valgrind: clean  it looks at aligned words only
static OPAQUE void four_byte_aligned(bool leak)
{
    packed.block = block(80);
    used(&packed);
    printf("%c\n", *packed.block);
    if (leak)
        packed.block = NULL;
}

union value {
    char *string;
    double number;
    long integer;
};

static union value value;

// Another member of the union takes the pointer's place.
// case: union_reused  direct 1 33 block
static OPAQUE void union_reused(bool leak)
{
    value.string = block(33);
    used(&value);
    printf("%c\n", *value.string);
    if (leak)
        value.number = 1.5;
}

struct slot {
    uintptr_t tagged; // a pointer to the next slot; what kind of slot it is in the low bits
};

static struct slot first;

// case: low_bits_tagged  direct 1 8 tag  indirect 1 40 tag.second
static OPAQUE void tag(struct slot *from)
{
    struct slot *one = malloc(sizeof *one); // alloc: tag
    char *two = malloc(40);                 // alloc: tag.second
    memset(two, 'y', 40);
    one->tagged = (uintptr_t)two | 5;
    from->tagged = (uintptr_t)one | 2;
}

static OPAQUE void low_bits_tagged(bool leak)
{
    tag(&first);
    used(&first);
    if (leak)
        first.tagged = 2;
}

// Half of the pointer is overwritten: that is nobody's address any more.
// case: half_overwritten  direct 1 48 block
static OPAQUE void half_overwritten(bool leak)
{
    kept = block(48);
    used(&kept);
    if (leak)
        memset((char *)&kept + 4, 0x7e, 4);
}

static const struct leak_case cases[] = {
    {"middle", middle},
    {"past_the_end", past_the_end},
    {"deep_inside_a_large_one", deep_inside_a_large_one},
    {"four_byte_aligned", four_byte_aligned},
    {"union_reused", union_reused},
    {"low_bits_tagged", low_bits_tagged},
    {"half_overwritten", half_overwritten},
    {NULL, NULL},
};

int main(int argc, char **argv) { return run_case(cases, argc, argv); }
