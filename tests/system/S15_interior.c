// Only an interior pointer is left, at every byte of small blocks and sampled ones of large blocks, one past the end included.
#include "check.h"

enum { SLOTS = 1000 };
static size_t block_size, first_offset;

static void put(size_t i, char *p) { slots[i] = p + (first_offset + i) % (block_size + 1); }
static void put_end(size_t i, char *p) { slots[i] = p + block_size; }

int main(void)
{
    static const size_t small[] = {1, 15, 16, 17, 24, 31, 32, 48, 64, 100, 128, 200, 256, 512, 1000, 1024, 2048, 4000, 4096, 8192};
    for (size_t s = 0; s < COUNT(small); s++) {
        block_size = small[s];
        for (first_offset = 0; first_offset <= block_size; first_offset += SLOTS)
            hazard(block_size < 2000 ? SLOTS : 100, block_size, put, drop_slot);
        hazard(100, block_size, put_end, drop_slot);
    }
    static const size_t large[] = {16 << 10, 32 << 10, 65536, 100000, 128 << 10};
    for (size_t s = 0; s < COUNT(large); s++) {
        block_size = large[s];
        for (first_offset = 0; first_offset <= block_size; first_offset += block_size / 3) hazard(20, block_size, put, drop_slot);
        hazard(20, block_size, put_end, drop_slot);
    }
}
