// The process's mappings: by PROCMAP_QUERY (Linux 6.11), else from the text of /proc/self/maps. Collector thread only;
// the descriptor is procfd_maps(). Usable while the world is stopped.
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum mapping_flags { MAPPING_READ = 1, MAPPING_WRITE = 2, MAPPING_EXEC = 4, MAPPING_SHARED = 8 };

struct mapping {
    uintptr_t lo, hi;
    uint32_t flags; // enum mapping_flags
};

// Makes the following look-ups see the mappings as they are now. False: they cannot be read.
bool maps_refresh(void);

// The first mapping that ends above address and has all of the flags; false when there is none.
bool maps_next(uintptr_t address, uint32_t flags, struct mapping *out);

// One line of /proc/self/maps; false if it is not one. Returns through *end where the next line begins.
bool maps_parse_line(const char *text, const char *limit, struct mapping *out, const char **end);

// Whether maps_next said no since the last call of this although it could not know. Forgets it.
bool maps_take_failure(void);
