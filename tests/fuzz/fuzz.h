// What the fuzz targets share.
#pragma once

#include <stdio.h>
#include <stdlib.h>

// Ends the run, so that the fuzzer keeps the input.
#define CLAIM(claim)                                                    \
    do {                                                                \
        if (!(claim)) {                                                 \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #claim); \
            abort();                                                    \
        }                                                               \
    } while (0)

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);
