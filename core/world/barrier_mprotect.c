// The barrier by page protection, for systems without userfaultfd: armed memory is read-only, the first store into a
// chunk faults, and the handler opens the chunk. Chunks, not pages, since the number of mappings is bounded and a fault
// costs microseconds.
//
//              arm, fetch                      arm, fetch
//   OPEN ───────────────────────▶ ARMING ───────────────────────▶ ARMED
//    ▲ │                           │ │   not if it must stay open   │
//    │ │       a store of the      │ │                              │
//    │ │       kernel's to come    │ │                              │
//    ├─┼───────────────────────────┘ │                              │
//    └─┼─────────────────────────────┼──────────────────────────────┘
//      ▼                             ▼        fault, disarm
//   EXCLUDED ◀───────────────────────┘
//
// OPEN counts as written, and so does EXCLUDED, which nobody leaves: signal stacks, memory that the kernel writes at
// any time, memory that the program protects by itself.
//
// V1. Only ARMED chunks are read-only by our doing. A chunk enters and leaves ARMED under the lock, together with its
//     protection; all other changes are single compare-and-swaps by anybody.
// V2. The lock is taken by the collector thread, by the fault handler, which runs with all signals blocked, and in the same way
//     by who gives up. Who holds it stores nothing into the cage. Everybody else opens a chunk by faulting on it.
// V3. A chunk must stay open while it holds what is published (world/kwrite.h), a span or block that is never armed, a sealed one
//     (heap/quarantine.h), or a thread's own stack. ARMING comes first, the look at those second: N1.
// V5. What is armed again is reported: a store may open a chunk after the fetch looked at it and before it is armed.
// V4. The lock lies on a page that the kernel wipes in a forked child: its holder does not exist there.
#include "base/lock.h"
#include "base/log.h"
#include "heap/large.h"
#include "sys/context.h"
#include "sys/syscall.h"
#include "world/barrier.h"
#include "world/interrupt.h"
#include "world/kwrite.h"
#include "world/stop.h"

#include <errno.h>
#include <sys/resource.h>

enum { CHUNK_SHIFT = 18, BATCH_CHUNKS = 64, RETRIES = 8 };
#define CHUNK_BYTES ((size_t)1 << CHUNK_SHIFT)

enum chunk_state { OPEN, ARMING, ARMED, EXCLUDED };
enum chunk_flag { KEPT = 1, FOUND = 2 }; // of the arm or fetch under way; collector only

struct table {
    union {
        struct lock guard;
        char page[PAGE_BYTES];
    }; // wiped at fork (V4)
    _Atomic uint8_t state[];
};

static struct table *_Atomic table; // NULL until it is needed; state and then flags, a byte a chunk
static uint8_t *flags;
static _Atomic bool lost;     // too many mappings: everything was opened
static _Atomic bool given_up; // for good: nothing is armed any more

void (*barrier_foreign_fault)(int signal, siginfo_t *info, void *context);
void (*barrier_segv_ready)(void (*install)(uint64_t mask, int flags));

// --- the table ---------------------------------------------------------------------------------------------------

static size_t chunk_of(uintptr_t address) { return (address - cage.base) >> CHUNK_SHIFT; }

static uintptr_t chunk_start(size_t chunk) { return cage.base + (chunk << CHUNK_SHIFT); }

static struct table *table_get(void)
{
    struct table *known = atomic_load_explicit(&table, memory_order_acquire), *none = NULL;
    size_t chunks = cage.bytes >> CHUNK_SHIFT, bytes = sizeof *known + 2 * chunks;
    if (likely(known != NULL))
        return known;
    struct table *fresh = meta_map(bytes);
    if (!fresh)
        return NULL;
    sys_madvise(fresh, PAGE_BYTES, MADV_WIPEONFORK);
    if (atomic_compare_exchange_strong(&table, &none, fresh))
        return fresh;
    meta_unmap(fresh, bytes);
    return none;
}

static enum chunk_state state_of(size_t chunk)
{
    return atomic_load_explicit(&table->state[chunk], memory_order_relaxed);
}

static bool change(size_t chunk, enum chunk_state from, enum chunk_state to)
{
    uint8_t expected = (uint8_t)from;
    return atomic_compare_exchange_strong(&table->state[chunk], &expected, (uint8_t)to);
}

static void guard_acquire(void)
{
    table->guard.rank = LOCK_RANK_BARRIER; // wiped in a forked child
    lock_acquire(&table->guard);
}

static void guard_release(void) { lock_release(&table->guard); }

// Chunks that overlap [lo, hi) and the committed cage.
static size_t chunks_of(uintptr_t lo, uintptr_t hi, size_t *first)
{
    lo = max_size(lo, cage.base);
    hi = min_size(hi, cage_top());
    if (lo >= hi)
        return *first = 0;
    *first = chunk_of(lo);
    return chunk_of(hi - 1) + 1;
}

static int protect(size_t first, size_t end, int prot)
{
    return sys_mprotect((void *)chunk_start(first), (end - first) << CHUNK_SHIFT, prot);
}

// Opens armed chunks, as long runs as there are: that splits no mapping but at the ends.
static bool open_locked(size_t first, size_t end)
{
    for (size_t at = first, run; at < end; at = run + 1) {
        for (run = at; run < end && state_of(run) == ARMED; run++)
            ;
        if (run > at && protect(at, run, PROT_READ | PROT_WRITE) != 0)
            return false;
        for (; at < run; at++)
            atomic_store(&table->state[at], OPEN);
    }
    return true;
}

// Out of mappings: whole runs merge with their neighbours, so opening everything needs none.
static void lose_track_locked(void)
{
    size_t first, end = chunks_of(cage.base, cage_top(), &first);
    if (!open_locked(first, end))
        fatal("the heap's pages cannot be made writable again");
    atomic_store(&lost, true);
}

void mprotect_give_up(void)
{
    uint64_t all = ~0UL, old;
    atomic_store(&given_up, true);
    if (!atomic_load(&table))
        return;
    sys_sigprocmask(SIG_SETMASK, &all, &old);
    crit_enter();
    guard_acquire();
    lose_track_locked();
    guard_release();
    crit_leave();
    sys_sigprocmask(SIG_SETMASK, &old, NULL);
}

// --- the fault -----------------------------------------------------------------------------------------------------

static bool program_wants_alternate; // its handler has SA_ONSTACK
static _Atomic uintptr_t scratch;    // probe's page

static bool is_store(const siginfo_t *info, const ucontext_t *uc)
{
    enum { PAGE_FAULT = 14, WRITE = 2, FETCH = 16 };
    const greg_t *r = uc->uc_mcontext.gregs;
    return info->si_code == SEGV_ACCERR && r[REG_TRAPNO] == PAGE_FAULT &&
           (r[REG_ERR] & (WRITE | FETCH)) == WRITE;
}

// A chunk that is not armed is read-only only by the program's doing (V1). FUTEX_WAKE_OP ORs nothing into the word, and fails
// where it cannot be stored (futex(2)).
static bool is_writable(uintptr_t address)
{
    uint32_t nobody = 0;
    return !sys_failed(sys_call(SYS_futex, (long)&nobody, FUTEX_WAKE_OP_PRIVATE, 0, 0,
                                (long)align_down(address, sizeof nobody),
                                FUTEX_OP(FUTEX_OP_OR, 0, FUTEX_OP_CMP_EQ, 0)));
}

// Whether the store is to be made again: the chunk is open now, or it was opened by somebody else meanwhile.
static bool open_for_store(uintptr_t address)
{
    size_t chunk = chunk_of(address);
    guard_acquire();
    bool armed = state_of(chunk) == ARMED;
    if (armed && !open_locked(chunk, chunk + 1))
        lose_track_locked();
    bool again = armed || is_writable(address);
    guard_release();
    return again;
}

// The interrupted thread's stack: the kernel will push frames there.
static void exclude_stack(uintptr_t sp)
{
    size_t first, end = chunks_of(sp - KWRITE_FRAME_BYTES, sp + 1, &first);
    guard_acquire();
    if (!open_locked(first, end))
        lose_track_locked();
    for (; first < end; first++)
        atomic_store(&table->state[first], EXCLUDED);
    guard_release();
}

static void die_of_fault(int signal, siginfo_t *info, void *context)
{
    struct signal_action by_default = {0};
    (void)signal, (void)info, (void)context;
    sys_sigaction(SIGSEGV, &by_default, NULL); // the store is made again
}

static bool is_on(const stack_t *stack, uintptr_t sp)
{
    return !(stack->ss_flags & SS_DISABLE) && sp - (uintptr_t)stack->ss_sp < stack->ss_size;
}

// The program's handler runs where it would without us: on the interrupted stack unless it asked for its own. The frame moves
// there as a whole: the handler may fault on armed memory itself, and the kernel would put that frame where this one is. If
// no frame fits there, the kernel would have ended the process.
static void forward_fault(siginfo_t *info, ucontext_t *uc)
{
    void (*handler)(int, siginfo_t *, void *) = barrier_foreign_fault ? barrier_foreign_fault : die_of_fault;
    bool moved = is_on(&uc->uc_stack, (uintptr_t)uc) && !is_on(&uc->uc_stack, context_sp(uc));
    if (!moved || (program_wants_alternate && !kwrite_owns_stack(&uc->uc_stack)))
        handler(SIGSEGV, info, uc);
    else if (!context_move_frame(SIGSEGV, info, uc, context_sp(uc) - CONTEXT_RED_ZONE, handler))
        die_of_fault(SIGSEGV, info, uc);
}

// All signals are blocked.
static void on_fault(int signal, siginfo_t *info, void *context)
{
    ucontext_t *uc = context;
    uintptr_t address = (uintptr_t)info->si_addr, page = align_down(address, PAGE_BYTES);
    (void)signal;
    if (is_store(info, uc) && page == atomic_load(&scratch) && page) {
        sys_mprotect((void *)page, PAGE_BYTES, PROT_READ | PROT_WRITE);
        return;
    }
    if (atomic_load(&table) && cage_contains(context_sp(uc)))
        exclude_stack(context_sp(uc));
    kwrite_give_stack(uc);
    bool ours = atomic_load(&table) && is_store(info, uc) && cage_contains(address) && address < cage_top();
    if (!ours || !open_for_store(address))
        forward_fault(info, uc);
}

// In the form that unwinders know (libgcc's linux-unwind.h).
__asm__(".text\n"
        ".type fault_restorer,@function\n"
        "fault_restorer:\n"
        "movq $15,%rax\n" // rt_sigreturn
        "syscall\n"
        ".size fault_restorer,.-fault_restorer\n");
void fault_restorer(void) __attribute__((visibility("hidden")));

static void install(uint64_t mask, int wanted)
{
    struct signal_action action = {on_fault,
                                   (unsigned)(SA_SIGINFO | SA_ONSTACK | (wanted & SA_RESTART)) |
                                       0x04000000UL /* SA_RESTORER */,
                                   fault_restorer, ~0UL};
    (void)mask;
    program_wants_alternate = wanted & SA_ONSTACK;
    sys_sigaction(SIGSEGV, &action, NULL);
}

// --- opening, by anybody -------------------------------------------------------------------------------------------

// A store that changes nothing.
static void store_nothing(uintptr_t address)
{
    __asm__ volatile("lock orb $0, %0" : "+m"(*(volatile char *)address));
}

// Brings a chunk to OPEN or EXCLUDED. The store does not fault while the collector is just about to protect the chunk:
// then it is made again, with sleeps in between in case that we have the only processor.
static void bring(size_t chunk, enum chunk_state to)
{
    const struct timespec moment = {.tv_nsec = 20000};
    for (int tries = 0;; tries++) {
        enum chunk_state state = state_of(chunk);
        if (state == to || state == EXCLUDED)
            return;
        if (state != ARMED)
            change(chunk, state, to);
        else if (tries > 0 && tries % RETRIES == 0)
            sys_call3(SYS_nanosleep, (long)&moment, 0, 0);
        else
            store_nothing(chunk_start(chunk));
    }
}

void mprotect_open(uintptr_t lo, uintptr_t hi)
{
    if (!atomic_load_explicit(&table, memory_order_acquire))
        return;
    size_t first, end = chunks_of(lo, hi, &first);
    for (; first < end; first++)
        bring(first, OPEN);
}

void mprotect_exclude(uintptr_t lo, uintptr_t hi)
{
    size_t first, end = chunks_of(lo, hi, &first);
    if (first == end)
        return;
    if (!table_get())
        fatal("no memory for the write barrier");
    for (; first < end; first++)
        bring(first, EXCLUDED);
}

// --- arming and fetching: the collector thread ---------------------------------------------------------------------

// Whether a span or block that is never armed lies in the chunk.
static bool holds_noarm(size_t chunk)
{
    uintptr_t lo = chunk_start(chunk), hi = lo + CHUNK_BYTES;
    for (uintptr_t at = lo; at < hi; at += UNIT_BYTES) {
        uint32_t unit = cage_bin_plus_one(cage_unit(at));
        if (unit && bin_is_noarm(unit - 1))
            return true;
    }
    for (uintptr_t at = lo; at < hi; at += PAGE_BYTES) {
        uint32_t id = large_id_at(at);
        if (id && (large_row(id)->noarm || atomic_load(&large_row(id)->sealed)))
            return true;
    }
    return false;
}

static void keep(uintptr_t lo, uintptr_t hi)
{
    size_t first, end = chunks_of(lo, hi, &first);
    for (; first < end; first++)
        flags[first] |= KEPT;
}

// Steps over chunks that cannot be armed; those that must stay open are open again.
static size_t next_armable(size_t at, size_t end)
{
    for (; at < end; at++) {
        if (state_of(at) != ARMING)
            continue;
        if (!(flags[at] & KEPT) && !holds_noarm(at))
            break;
        change(at, ARMING, OPEN);
    }
    return at;
}

// Arms a run of chunks from `at` that is not too long to wait for; returns where to go on. Loses track when there are no
// mappings left.
static size_t arm_run(size_t at, size_t end)
{
    size_t run = at;
    end = min_size(end, at + BATCH_CHUNKS);
    guard_acquire();
    while (run < end && next_armable(run, run + 1) == run && change(run, ARMING, ARMED))
        run++;
    if (run > at && (atomic_load(&given_up) || protect(at, run, PROT_READ) != 0))
        lose_track_locked();
    guard_release();
    return max_size(run, at + 1);
}

// Arms what is open; false: nothing is armed any more.
static bool arm_open(size_t first, size_t end)
{
    for (size_t c = first; c < end; c++) {
        flags[c] &= (uint8_t)~KEPT;
        if (change(c, OPEN, ARMING))
            flags[c] |= FOUND; // V5
    }
    atomic_thread_fence(memory_order_seq_cst);
    kwrite_each(keep);
    for (size_t at = next_armable(first, end); at < end && !atomic_load(&lost); at = next_armable(at, end))
        at = arm_run(at, end);
    if (!atomic_load(&lost))
        return true;
    for (size_t c = first; c < end; c++)
        change(c, ARMING, OPEN);
    return false;
}

// The chunks that lie wholly in [lo, hi).
static size_t whole_chunks_of(uintptr_t lo, uintptr_t hi, size_t *first)
{
    *first = chunk_of(align_up(lo, CHUNK_BYTES));
    return max_size(*first, chunk_of(align_down(hi, CHUNK_BYTES)));
}

static void say(const char *why)
{
    static bool said;
    if (!said)
        log_line("write barrier mprotect: %s: cycles mark with the program stopped", why);
    said = true;
}

static void say_lost(void)
{
    if (!atomic_load(&given_up)) // why was said then
        say("no more mappings (vm.max_map_count)");
}

// Read-only memory does not count against RLIMIT_DATA: what it leaves could be used up before we open it again.
static bool data_is_limited(void)
{
    struct rlimit limit = {RLIM_INFINITY, RLIM_INFINITY};
    sys_call(SYS_prlimit64, 0, RLIMIT_DATA, 0, (long)&limit, 0, 0);
    return limit.rlim_cur != RLIM_INFINITY;
}

static bool arm(uintptr_t lo, uintptr_t hi)
{
    size_t first, end = whole_chunks_of(lo, hi, &first);
    if (atomic_load(&given_up))
        return false;
    if (data_is_limited()) {
        say("RLIMIT_DATA is set");
        return false;
    }
    if (lo == cage.base) {
        atomic_store(&lost, false);
        world_handshake(kwrite_meet);
    }
    if (arm_open(first, end))
        return true;
    say_lost();
    return false;
}

static void report(uintptr_t lo, uintptr_t hi, void (*dirty)(uintptr_t lo, uintptr_t hi))
{
    size_t at, end = chunks_of(lo, hi, &at);
    for (size_t run; at < end; at = run + 1) {
        for (run = at; run < end && flags[run] & FOUND; run++)
            ;
        if (run > at)
            dirty(max_size(lo, chunk_start(at)), min_size(hi, chunk_start(run)));
    }
}

static bool fetch(uintptr_t lo, uintptr_t hi, bool rearm, void (*dirty)(uintptr_t lo, uintptr_t hi))
{
    size_t first, end = chunks_of(lo, hi, &first);
    for (size_t c = first; c < end; c++)
        flags[c] = state_of(c) == ARMED ? 0 : FOUND;
    end = whole_chunks_of(lo, hi, &first);
    if (atomic_load(&lost) || (rearm && !arm_open(first, end))) {
        say_lost();
        return false;
    }
    report(lo, hi, dirty);
    return true;
}

static void disarm(uintptr_t lo, uintptr_t hi)
{
    size_t first, end = chunks_of(lo, hi, &first);
    guard_acquire();
    if (!open_locked(first, end))
        lose_track_locked();
    guard_release();
}

// --- probe, fork ---------------------------------------------------------------------------------------------------

// A store into a protected page goes through; the kernel's own is refused until the page is open.
static bool behaves(volatile uint64_t *page)
{
    uint64_t *word = (uint64_t *)(uintptr_t)page;
    atomic_store(&scratch, (uintptr_t)page);
    sys_mprotect(word, PAGE_BYTES, PROT_READ);
    if (sys_sigprocmask(SIG_BLOCK, NULL, word) != -EFAULT)
        return false;
    page[0] = 1;
    page[1] = 2;
    return page[0] == 1 && page[1] == 2 && sys_sigprocmask(SIG_BLOCK, NULL, word) == 0;
}

static bool probe(void)
{
    uint64_t segv = sys_sigbit(SIGSEGV), old;
    if (!table_get())
        return false;
    flags = (uint8_t *)&table->state[cage.bytes >> CHUNK_SHIFT];
    void *page = sys_mmap(NULL, PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (sys_failed((long)page))
        return false;
    if (barrier_segv_ready)
        barrier_segv_ready(install);
    else
        install(0, 0);
    sys_sigprocmask(SIG_UNBLOCK, &segv, &old);
    bool works = behaves(page);
    sys_sigprocmask(SIG_SETMASK, &old, NULL);
    atomic_store(&scratch, 0);
    sys_munmap(page, PAGE_BYTES);
    return works;
}

static void fork_child(void)
{
    size_t first, end = chunks_of(cage.base, cage_top(), &first);
    kwrite_fork_child();
    for (size_t c = first; c < end; c++)
        change(c, ARMING, OPEN);
    disarm(cage.base, cage_top());
}

const struct barrier barrier_mprotect = {.name = "mprotect",
                                         .concurrent = true,
                                         .probe = probe,
                                         .arm = arm,
                                         .fetch = fetch,
                                         .disarm = disarm,
                                         .fork_child = fork_child};
