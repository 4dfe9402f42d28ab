// What every program of cases shares: PROGRAM CASE leak|clean runs one case, then goes on to the end of main.
//
// A case is one function. Told to leak, it loses blocks for good: when it has returned, no variable of any live frame
// holds them. Told not to, it does the same work and frees them or keeps them reachable. What the report has to say
// stands above each (the driver's head, tests/leaks/run, explains the lines).

#pragma once

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// A function that keeps a frame of its own, and of which the compiler knows nothing where it is called.
#define OPAQUE __attribute__((noinline, noipa))

struct leak_case {
    const char *name;
    void (*run)(bool leak);
};

// The compiler has to believe that P and all it leads to are looked at here: no allocation and no store is dropped.
static inline void used(const void *p) { __asm__ volatile("" : : "r"(p) : "memory"); }

static inline int run_case(const struct leak_case *cases, int argc, char **argv)
{
    for (const struct leak_case *c = cases; argc == 3 && c->name; c++)
        if (strcmp(c->name, argv[1]) == 0) {
            c->run(strcmp(argv[2], "leak") == 0);
            puts("done");
            return 0;
        }
    fprintf(stderr, "usage: %s CASE leak|clean\n", argv[0]);
    return 2;
}
