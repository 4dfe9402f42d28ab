// The only pointers are tagged: in the low bits, in the top byte, in the top sixteen bits, and both.
#include "check.h"

enum { TAGGED = 960 };
static void put_low(size_t i, char *p) { slots[i] = (char *)((uintptr_t)p | i % 16); }
static void put_top_bit(size_t i, char *p) { slots[i] = (char *)((uintptr_t)p | (uintptr_t)1 << 63); }
static void put_top_byte(size_t i, char *p) { slots[i] = (char *)((uintptr_t)p | (uintptr_t)(1 + i % 255) << 56); }
static void put_top_word(size_t i, char *p) { slots[i] = (char *)((uintptr_t)p | (uintptr_t)(1 + i * 67 % 65535) << 48); }
static void put_both(size_t i, char *p) { slots[i] = (char *)(((uintptr_t)p | i % 8) | (uintptr_t)(1 + i % 255) << 56); }

int main(void)
{
    hazard(TAGGED, 16, put_low, drop_slot);
    hazard(TAGGED, 16, put_top_bit, drop_slot);
    hazard(TAGGED, 16, put_top_byte, drop_slot);
    hazard(TAGGED, 16, put_top_word, drop_slot);
    hazard(TAGGED, 16, put_both, drop_slot);
}
