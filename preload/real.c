// The functions we stand in front of: see real.h.
#include "real.h"

#include "base/log.h"

#include <dlfcn.h>
#include <errno.h>

void *real_find(void *_Atomic *cache, const char *name)
{
    int error = errno;
    void *found = dlsym(RTLD_NEXT, name);
    if (!found)
        fatal("the C library has no %s", name);
    atomic_store_explicit(cache, found, memory_order_relaxed);
    errno = error;
    return found;
}
