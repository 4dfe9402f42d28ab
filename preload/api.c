// The functions of gcpre.h.
#include "gcpre.h"

#include "gc/collector.h"
#include "heap/heap.h"
#include "heap/quarantine.h"
#include "real.h"
#include "world/thread.h"

EXPORT void gcpre_collect(void) { collector_collect(); }

EXPORT int gcpre_is_heap(const void *p)
{
    struct heap_block block = heap_find((uintptr_t)p);
    if (!block.allocated || quarantine_has(&block))
        return 0;
    return !(block.kind == HEAP_SMALL && thread_any_holds(block.bin, (void *)block.base));
}
