/* cold.h: system calls that write into cold heap memory (S40).
 *
 * With the mprotect barrier a page is read-only from the moment it is armed to its first write. A system call that is
 * the first to write there must succeed, with its data. So: a ring of heap blocks, far apart, none of which the program
 * writes to; each call gets the one that was left alone for the longest time, while another thread collects constantly. */
#ifndef COLD_H
#define COLD_H
#include "check.h"

enum { COLD_BLOCKS = 64, COLD_SIZE = 40 << 10, COLD_ROUNDS = 30 };

static char *cold_ring[COLD_BLOCKS];
static size_t cold_next;

/* A heap buffer to be written by the kernel first; odd calls get one inside a block, not at its page's start. */
HELPER void *cold(void)
{
    size_t n = cold_next++;
    return cold_ring[n % COLD_BLOCKS] + (n % 2 ? 4800 : 0);
}

struct cold_call {
    const char *name;
    void (*body)(void);
};
#define COLD(name) {#name, c_##name}

HELPER void cold_run(const struct cold_call *calls, size_t count)
{
    for (size_t i = 0; i < COLD_BLOCKS; i++) cold_ring[i] = (char *)calloc(1, COLD_SIZE);
    collector_start();
    for (size_t round = 0; round < COLD_ROUNDS; round++) {
        for (size_t i = 0; i < count; i++) calls[i].body();
        wait_for_cycles(1);
    }
    collector_stop();
}
#endif
