/* bignum: tiny blocks that live for one operation. Large whole numbers, each a block of its own
 * that is never changed, run through n -> n/2 or 3n+1; every step takes a number and frees one. */
#include "bench.h"

struct number {
    uint64_t limbs;
    uint64_t limb[];
};

static struct number *number_new(size_t limbs)
{
    struct number *n = get(sizeof *n + limbs * sizeof *n->limb);
    n->limbs = limbs;
    return n;
}

static bool is_one(const struct number *n)
{
    return n->limbs == 1 && n->limb[0] == 1;
}

static struct number *half(const struct number *n)
{
    size_t limbs = n->limbs - (n->limbs > 1 && n->limb[n->limbs - 1] == 1);
    struct number *r = number_new(limbs);
    for (size_t i = 0; i < limbs; i++) {
        uint64_t above = i + 1 < n->limbs ? n->limb[i + 1] : 0;
        r->limb[i] = n->limb[i] >> 1 | above << 63;
    }
    return r;
}

static struct number *three_times_plus_one(const struct number *n)
{
    unsigned __int128 carry = 1;
    struct number *r = number_new(n->limbs + 1);
    for (size_t i = 0; i < n->limbs; i++) {
        carry += (unsigned __int128)n->limb[i] * 3;
        r->limb[i] = (uint64_t)carry;
        carry >>= 64;
    }
    r->limb[n->limbs] = (uint64_t)carry;
    r->limbs -= carry == 0;
    return r;
}

/* Steps that it takes to come to one. */
static long steps_from(struct number *n)
{
    long steps = 0;
    for (; !is_one(n); steps++) {
        struct number *next = n->limb[0] & 1 ? three_times_plus_one(n) : half(n);
        free(n);
        n = next;
    }
    free(n);
    return steps;
}

static struct number *number_random(size_t limbs, struct rng *rng)
{
    struct number *n = number_new(limbs);
    for (size_t i = 0; i < limbs; i++)
        n->limb[i] = rng_next(rng) | 1;
    return n;
}

int main(int argc, char **argv)
{
    options_begin(argc, argv);
    long numbers = scaled(option("numbers", 24000, "numbers to begin with"));
    long limbs_max = option("limbs", 8, "64-bit digits of the largest");
    options_end();

    struct number *known = number_new(1);
    known->limb[0] = 27;
    if (steps_from(known) != 111)
        fail("27 needs 111 steps");

    struct rng rng = { 8 };
    uint64_t sum = 0;
    while (numbers-- > 0)
        sum = 31 * sum + steps_from(number_random(rng_between(&rng, 1, limbs_max), &rng));
    result_checksum(sum);
}
