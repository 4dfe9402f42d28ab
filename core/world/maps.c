#include "world/maps.h"

#include "base/bits.h"
#include "base/meta.h"
#include "sys/kernel.h"
#include "sys/syscall.h"
#include "world/procfd.h"

#include <errno.h>

_Static_assert((int)MAPPING_READ == KERNEL_VMA_READABLE && (int)MAPPING_WRITE == KERNEL_VMA_WRITABLE &&
                   (int)MAPPING_EXEC == KERNEL_VMA_EXECUTABLE && (int)MAPPING_SHARED == KERNEL_VMA_SHARED,
               "the kernel's flags serve as ours");

enum { MAX_MAPPINGS = 65536 };

static bool failed;           // a mapping could not be asked for
static bool no_query;         // the kernel does not know PROCMAP_QUERY
static struct mapping *table; // then: all mappings, sorted by address as the kernel lists them
static size_t table_count;

static const char *parse_hex(const char *at, const char *limit, uintptr_t *value)
{
    const char *start = at;
    for (*value = 0; at < limit; at++) {
        char c = *at;
        if (c >= '0' && c <= '9')
            *value = *value << 4 | (uintptr_t)(c - '0');
        else if (c >= 'a' && c <= 'f')
            *value = *value << 4 | (uintptr_t)(c - 'a' + 10);
        else
            break;
    }
    return at > start && at - start <= 16 ? at : NULL;
}

bool maps_parse_line(const char *text, const char *limit, struct mapping *out, const char **end)
{
    const char *line_end = text, *at;
    while (line_end < limit && *line_end != '\n')
        line_end++;
    *end = line_end < limit ? line_end + 1 : limit;
    at = parse_hex(text, line_end, &out->lo);
    if (!at || at == line_end || *at != '-')
        return false;
    at = parse_hex(at + 1, line_end, &out->hi);
    if (!at || line_end - at < 5 || *at != ' ' || out->lo >= out->hi)
        return false;
    out->flags = (at[1] == 'r' ? MAPPING_READ : 0u) | (at[2] == 'w' ? MAPPING_WRITE : 0u) |
                 (at[3] == 'x' ? MAPPING_EXEC : 0u) | (at[4] == 's' ? MAPPING_SHARED : 0u);
    return true;
}

// Lines may be split between two reads: what is left of the last one is moved to the front.
static bool read_table(void)
{
    static char text[64 * 1024];
    size_t held = 0;
    uint64_t offset = 0;
    table_count = 0;
    for (;;) {
        ssize_t got = sys_pread(procfd_maps(), text + held, sizeof text - held, offset);
        if (got < 0)
            return false;
        if (got == 0)
            return held == 0;
        offset += (uint64_t)got;
        const char *at = text, *limit = text + held + got, *whole = limit;
        while (whole > text && whole[-1] != '\n')
            whole--;
        while (at < whole) {
            struct mapping m;
            if (!maps_parse_line(at, whole, &m, &at) || table_count == MAX_MAPPINGS)
                return false;
            table[table_count++] = m;
        }
        held = (size_t)(limit - whole);
        for (size_t i = 0; i < held; i++)
            text[i] = whole[i];
    }
}

static int query(uintptr_t address, uint32_t flags, struct mapping *out)
{
    struct kernel_procmap_query q = {
        .size = sizeof q, .query_flags = KERNEL_VMA_COVERING_OR_NEXT | flags, .query_addr = address};
    int error = sys_ioctl(procfd_maps(), KERNEL_PROCMAP_QUERY, &q);
    *out = (struct mapping){q.vma_start, q.vma_end, (uint32_t)q.vma_flags};
    return error;
}

bool maps_refresh(void)
{
    struct mapping m;
    if (!no_query) {
        int error = query(PAGE_BYTES, 0, &m);
        no_query = error != 0 && error != -ENOENT;
    }
    if (!no_query)
        return true;
    if (!table)
        table = meta_map(MAX_MAPPINGS * sizeof table[0]);
    return table && read_table();
}

bool maps_next(uintptr_t address, uint32_t flags, struct mapping *out)
{
    if (!no_query) {
        int error = query(address, flags, out);
        failed |= error != 0 && error != -ENOENT;
        return error == 0;
    }
    size_t low = 0, high = table_count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (table[middle].hi <= address)
            low = middle + 1;
        else
            high = middle;
    }
    for (; low < table_count; low++)
        if ((table[low].flags & flags) == flags) {
            *out = table[low];
            return true;
        }
    return false;
}

bool maps_take_failure(void)
{
    bool was = failed;
    failed = false;
    return was;
}
