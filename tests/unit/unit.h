// What the unit tests share: numbers that look random and are the same in every run, a moment's rest, and the end of every main.
#pragma once

#include <check.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

// Marsaglia's xorshift64 ("Xorshift RNGs", 2003); a sequence of its own for each thread, 0 never comes.
static __thread uint64_t random_state = 1;

static inline uint64_t next_random(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state;
}

// Between two looks at what another thread is to do.
static inline void rest(void) { usleep(20); }

// Runs the suite, in forked children unless CK_FORK=no; the exit status says whether all passed.
static inline int run_suite(Suite *suite)
{
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
