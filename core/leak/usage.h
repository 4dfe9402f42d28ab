// Usage: what the program does with the blocks of a site, from what is seen when they are freed and resized. Advice is made of it
// outside (gcpretool/advice.py); here is only counted.
//
// U1. Noted blocks only: all while leaks are hunted, else samples, each for as many as it stands for.
// U2. `in_call`: freed by a call that was made with the same stack pointer as the allocation. Its function is then the allocating one
//     again, or another that came to its place: `freed_at` says where free was called, and names tell. A free that finds its magazine
//     full goes another way and is not counted; one in some dozens does.
// U3. `regrown`: freed right after its thread has allocated a slightly larger block at the same site, as who copies a text into a larger
//     block does. Not told by samples, which are never neighbours.
// U4. Counters are relaxed and only grow; the report may see one a moment before another.
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct note;

enum { USAGE_PLACES = 4 };

struct usage {
    _Atomic uint64_t largest; // bytes that were asked for
    _Atomic uint64_t in_call;
    _Atomic uintptr_t freed_at[USAGE_PLACES]; // of in_call: return addresses of the first few calls of free
    _Atomic uint64_t resized, moved;          // by realloc to more bytes
    _Atomic uint64_t grown_bytes, grown_to;   // sums over resized: by how much, to what
    _Atomic uint64_t regrown, regrown_by;     // U3: blocks, bytes
    _Atomic uint64_t copied_bytes;            // by moved and regrown
};

// A block of n bytes comes from this site.
void usage_allocated(uint32_t site, size_t n);
// This note's block was freed by a call whose return address is there.
void usage_freed(const struct note *was, const void *const *return_slot);
// A block became one of this site, of `after` bytes, for so many blocks.
void usage_resized(uint32_t site, uint64_t blocks, size_t before, size_t after, bool moved);

// A record for each site that has a thousandth of all allocations, or copied as much, and the sites; after findings_walk. Collector
// thread.
void usage_report(uint64_t cycle, uint64_t now_ns);
