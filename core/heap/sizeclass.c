#include "heap/sizeclass.h"

#include "heap/cage.h"

static const uint16_t sizes[CLASS_COUNT] = {
    16,   32,   48,   64,   80,   96,   112,  128,  144,   160,   192,   224,   256,   272,   320,   384,
    448,  512,  528,  640,  768,  896,  1024, 1040, 1280,  1536,  1792,  2048,  2064,  2560,  3072,  3584,
    4096, 4112, 5120, 6144, 7168, 8192, 8208, 9360, 10912, 13104, 16384, 18720, 21840, 26208, 32752,
};

struct size_class class_table[BIN_COUNT];
uint8_t class_of_grain[(SMALL_MAX + 1) / SLOT_GRAIN + 1];
uint8_t class_aligned[ALIGNED_STEPS][CLASS_COUNT];

// Slots a thread keeps: about 16 KiB of each class, at least 4, at most 128.
static uint16_t magazine_slots(uint32_t size)
{
    uint32_t slots = 16 * 1024 / size;
    return (uint16_t)(slots < 4 ? 4 : slots > 128 ? 128 : slots);
}

static void fill_aligned(void)
{
    for (unsigned step = 0; step < ALIGNED_STEPS; step++) {
        uint8_t class = CLASS_COUNT;
        for (unsigned i = CLASS_COUNT; i-- > 0; class_aligned[step][i] = class)
            if (sizes[i] % ((size_t)SLOT_GRAIN << step) == 0)
                class = (uint8_t)i;
    }
}

void sizeclass_boot(void)
{
    unsigned grain = 0;
    for (unsigned i = 0; i < BIN_COUNT; i++) {
        uint32_t size = sizes[i % CLASS_COUNT];
        uint16_t slots = (uint16_t)(UNIT_BYTES / size);
        class_table[i] = (struct size_class){
            .size = size,
            .reciprocal = (uint32_t)(((1UL << 32) + size - 1) / size),
            .slots = slots,
            .last = (uint16_t)((slots - 1) * size),
            .words = (uint16_t)((slots + 63) / 64),
            .magazine = magazine_slots(size),
        };
        for (; i < CLASS_COUNT && grain * SLOT_GRAIN <= size && grain < sizeof class_of_grain; grain++)
            class_of_grain[grain] = (uint8_t)i;
    }
    fill_aligned();
}
