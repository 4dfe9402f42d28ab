// The functions of gcpre.h.
#include "gcpre.h"

#include "gc/collector.h"
#include "heap/heap.h"
#include "real.h"

EXPORT void gcpre_collect(void) { collector_collect(); }

EXPORT int gcpre_is_heap(const void *p) { return heap_find((uintptr_t)p).allocated; }
