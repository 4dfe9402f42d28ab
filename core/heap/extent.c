#include "heap/extent.h"

#include "base/backoff.h"
#include "base/bits.h"
#include "base/crit.h"
#include "base/log.h"
#include "heap/cage.h"
#include "heap/jehost.h"
#include "heap/kept.h"
#include "sys/syscall.h"

#include <stdatomic.h>
#include <string.h>

// jemalloc's interface under the names scripts/jemalloc-private gives it (jemalloc(3), version 5.3).
void *gcpre_je_mallocx(size_t bytes, int flags);
void gcpre_je_dallocx(void *start, int flags);
size_t gcpre_je_sallocx(const void *start, int flags);
size_t gcpre_je_xallocx(void *start, size_t bytes, size_t extra, int flags);
int gcpre_je_mallctl(const char *name, void *old, size_t *old_bytes, void *new, size_t new_bytes);

// One automatic arena for our own structures, no thread caches. Pages that were freed stay 10 s for reuse: on virtual
// machines a fault costs up to 18 us; extents of 8 MiB and more too, which jemalloc purges at once by itself (oversize_threshold:0 forbids
// it). lg_extent_max_active_fit lets a large request take a much larger free extent.
extern const char *gcpre_je_malloc_conf;
const char *gcpre_je_malloc_conf =
    "narenas:1,tcache:false,dirty_decay_ms:10000,muzzy_decay_ms:0,"
    "lg_extent_max_active_fit:8,oversize_threshold:0,metadata_thp:disabled,thp:default";

#define JE_LG_ALIGN(lg) ((int)(lg))
#define JE_ZERO         0x40
#define JE_TCACHE_NONE  (1 << 8)
#define JE_ARENA(index) ((int)((index) + 1) << 20)

struct je_hooks {
    void *(*alloc)(struct je_hooks *, void *, size_t, size_t, bool *, bool *, unsigned);
    bool (*dalloc)(struct je_hooks *, void *, size_t, bool, unsigned);
    void (*destroy)(struct je_hooks *, void *, size_t, bool, unsigned);
    bool (*commit)(struct je_hooks *, void *, size_t, size_t, size_t, unsigned);
    bool (*decommit)(struct je_hooks *, void *, size_t, size_t, size_t, unsigned);
    bool (*purge_lazy)(struct je_hooks *, void *, size_t, size_t, size_t, unsigned);
    bool (*purge_forced)(struct je_hooks *, void *, size_t, size_t, size_t, unsigned);
    bool (*split)(struct je_hooks *, void *, size_t, size_t, size_t, bool, unsigned);
    bool (*merge)(struct je_hooks *, void *, size_t, void *, size_t, bool, unsigned);
};

struct je_arena_config {
    struct je_hooks *hooks;
    bool metadata_use_hooks;
};

static void *hook_alloc(struct je_hooks *hooks, void *wanted, size_t bytes, size_t alignment, bool *zero,
                        bool *commit, unsigned arena)
{
    (void)hooks, (void)arena;
    if (wanted)
        return NULL;
    *zero = *commit = true;
    return cage_carve(bytes, max_size(alignment, PAGE_BYTES));
}

static bool hook_keep(struct je_hooks *hooks, void *start, size_t bytes, bool committed, unsigned arena)
{
    (void)hooks, (void)start, (void)bytes, (void)committed, (void)arena;
    return true; // opting out: jemalloc retains the extent
}

static bool hook_purge(struct je_hooks *hooks, void *start, size_t bytes, size_t offset, size_t length,
                       unsigned arena)
{
    (void)hooks, (void)bytes, (void)arena;
    return sys_madvise((char *)start + offset, length, MADV_DONTNEED) != 0;
}

static bool hook_split(struct je_hooks *hooks, void *start, size_t bytes, size_t a, size_t b, bool committed,
                       unsigned arena)
{
    (void)hooks, (void)start, (void)bytes, (void)a, (void)b, (void)committed, (void)arena;
    return false; // done
}

static bool hook_merge(struct je_hooks *hooks, void *a, size_t a_bytes, void *b, size_t b_bytes,
                       bool committed, unsigned arena)
{
    (void)hooks, (void)a, (void)a_bytes, (void)b, (void)b_bytes, (void)committed, (void)arena;
    return false; // done
}

static struct je_hooks hooks = {
    .alloc = hook_alloc,
    .dalloc = hook_keep,
    .purge_forced = hook_purge,
    .split = hook_split,
    .merge = hook_merge,
};

enum { ASLEEP, WAKING, AWAKE, FORKING }; // FORKING: asleep, and to stay so while the process forks
static _Atomic int boot_state;
static int arena_flags; // constant once awake
static unsigned arena_index;

// 0 or an errno value.
static int create_arena(void)
{
    size_t bytes = sizeof arena_index;
    struct je_arena_config config = {&hooks, false};
    int error = gcpre_je_mallctl("experimental.arenas_create_ext", &arena_index, &bytes, &config,
                                 sizeof config);
    arena_flags = JE_ARENA(arena_index) | JE_TCACHE_NONE;
    return error;
}

// Without success it stays asleep: the next that needs it tries again.
static bool boot(void)
{
    bool done = jehost_wake(create_arena);
    atomic_store_explicit(&boot_state, done ? AWAKE : ASLEEP, memory_order_release);
    return done;
}

// Wakes jemalloc, or waits for who does: a millisecond, once in a process.
static bool awake(void)
{
    struct backoff backoff = {0};
    int state;
    while (unlikely((state = atomic_load_explicit(&boot_state, memory_order_acquire)) != AWAKE)) {
        if (state == ASLEEP && atomic_compare_exchange_strong(&boot_state, &state, WAKING))
            return boot();
        backoff_wait(&backoff);
    }
    return true;
}

static void give_to_jemalloc(void *start) { gcpre_je_dallocx(start, arena_flags); }

void *extent_alloc(size_t bytes, size_t alignment, bool zeroed, size_t *usable)
{
    debug_check(alignment >= PAGE_BYTES); // else jemalloc shifts the start inside its padding page
    if (!awake())
        return NULL;
    int flags = arena_flags | JE_LG_ALIGN(__builtin_ctzl(alignment)) | (zeroed ? JE_ZERO : 0);
    void *start = alignment == PAGE_BYTES ? kept_take(bytes) : NULL;
    if (start && zeroed)
        memset(start, 0, bytes);
    if (!start)
        start = gcpre_je_mallocx(bytes, flags);
    if (unlikely(!start)) { // what is kept may be what is missing
        kept_release(give_to_jemalloc);
        start = gcpre_je_mallocx(bytes, flags);
    }
    // Not what jemalloc rounded up to: a marker would fault in pages that nobody ever touched.
    *usable = start ? align_up(bytes, PAGE_BYTES) : 0;
    return start;
}

void extent_free(void *start)
{
    if (!kept_put(start, gcpre_je_sallocx(start, 0)))
        give_to_jemalloc(start);
}

size_t extent_resize(void *start, size_t bytes)
{
    return gcpre_je_xallocx(start, bytes, 0, arena_flags | JE_LG_ALIGN(PAGE_SHIFT));
}

void extent_decay(bool all)
{
    char name[32];
    if (atomic_load_explicit(&boot_state, memory_order_acquire) != AWAKE)
        return;
    kept_release(give_to_jemalloc);
    format_text(name, sizeof name, "arena.%u.%s", arena_index, all ? "purge" : "decay");
    gcpre_je_mallctl(name, NULL, NULL, NULL, 0);
}

void *extent_meta_alloc(size_t bytes)
{
    return awake() ? gcpre_je_mallocx(bytes, JE_ZERO | JE_TCACHE_NONE | JE_LG_ALIGN(6)) : NULL;
}

void extent_meta_free(void *start) { gcpre_je_dallocx(start, JE_TCACHE_NONE); }

size_t extent_metadata_bytes(void) { return jehost_mapped_bytes(); }

// A child in which nobody finishes what another thread had begun would wait for ever.
void extent_fork_prepare(void)
{
    struct backoff backoff = {0};
    int asleep = ASLEEP;
    while (!atomic_compare_exchange_strong(&boot_state, &asleep, FORKING) && asleep == WAKING) {
        backoff_wait(&backoff);
        asleep = ASLEEP;
    }
    kept_fork_prepare();
    if (asleep == AWAKE)
        jehost_fork_prepare();
}

static void fork_done(void (*awake_done)(void))
{
    int forking = FORKING;
    atomic_compare_exchange_strong(&boot_state, &forking, ASLEEP);
    if (forking == AWAKE)
        awake_done();
    kept_fork_done();
}

void extent_fork_parent(void) { fork_done(jehost_fork_parent); }

void extent_fork_child(void) { fork_done(jehost_fork_child); }

void extent_thread_exit(void) { jehost_thread_exit(); }
