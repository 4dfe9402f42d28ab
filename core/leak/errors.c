#include "leak/errors.h"

#include "base/log.h"
#include "base/options.h"
#include "leak/module.h"
#include "leak/site.h"
#include "leak/stack.h"

enum { TOLD = 8 };

static void tell_frame(size_t number, uintptr_t pc)
{
    crit_enter();
    uint16_t index = module_at(pc);
    crit_leave();
    const struct module *m = index ? module_get(index) : NULL;
    log_line("    #%lu 0x%lx (%s+0x%lx)", number, pc, m ? m->path : "?", m ? pc - m->base : 0);
}

// Return addresses: the call is in front of them.
static void tell_frames(const uintptr_t *frames, size_t depth)
{
    for (size_t i = 0; i < depth && i < TOLD; i++)
        tell_frame(i, frames[i] - 1);
}

static bool tell_site(const char *heading, uint32_t id)
{
    const struct site *s = id > SITE_UNKNOWN && id < sites_end() ? site_get(id) : NULL;
    if (!s)
        return false;
    log_line("  %s", heading);
    tell_frames(s->frames, s->depth);
    return true;
}

static void tell_caller(const char *heading, uintptr_t from)
{
    if (!from)
        return;
    log_line("  %s", heading);
    tell_frame(0, from - 1);
}

// The whole stack, where there is an unwinder and room for it. Of a fault the frames of its handler come first, and go.
static __attribute__((noinline)) bool tell_stack_here(const struct misuse *seen)
{
    uintptr_t frames[STACK_FRAMES_MAX];
    size_t depth = stack_take_here(frames, (size_t)options.stack_frames), first = 0;
    while (seen->faulted && first < depth && frames[first] != seen->here)
        first++;
    if (first >= depth)
        return false;
    log_line("  %s", seen->heading);
    frames[first] += seen->faulted;
    tell_frames(frames + first, depth - first);
    return true;
}

void errors_tell(const struct misuse *seen)
{
    tell_site("it was allocated at", seen->allocated_site);
    if (!tell_site("was freed at", seen->freed.site))
        tell_caller("was freed at", seen->freed.from);
    if (!stack_has_room() || !tell_stack_here(seen))
        tell_caller(seen->heading, seen->here + seen->faulted);
}
