#include "world/stop.h"

#include "base/clock.h"
#include "base/lock.h"
#include "base/log.h"
#include "base/meta.h"
#include "sys/context.h"
#include "sys/syscall.h"
#include "world/interrupt.h"
#include "world/tasks.h"

#include <errno.h>

static void ignore_signal(int signal, siginfo_t *info, void *context)
{
    (void)signal, (void)info, (void)context;
}

int stop_signal = SIGURG;
void (*stop_foreign_signal)(int signal, siginfo_t *info, void *context) = ignore_signal;

static bool is_nobodys(uintptr_t sp)
{
    (void)sp;
    return false;
}

bool (*stop_is_ours)(uintptr_t sp) = is_nobodys;

static struct lock guard = LOCK_INIT(LOCK_RANK_STOP); // who may stop threads; held from stop to resume
static uint32_t generation;                           // guarded by guard
static _Atomic uint32_t
    resume_gen;                // monotone (modulo wrap); a thread of generation g waits until it reaches g
static struct thread *awaited; // W5 (guard), the last asked first; records of either kind
static pid_t process;

enum { MAX_FOREIGN = 1024 };
static struct thread foreign[MAX_FOREIGN]; // threads that never came to the heap: found in /proc (guard)
static _Atomic size_t foreign_count;

// Threads that block the stop signal: those that the C library starts by itself (timers, AIO, getaddrinfo_a) block all there are,
// but for the signal by which setuid(2) and its like reach every thread (nptl/nptlP.h, setxid_signal_thread). They get that one,
// told from the C library's own by what it carries; it is queued, so it merges with none (SOUNDNESS S34).
enum { SECOND_SIGNAL = STOP_SETXID_SIGNAL, SECOND_MARK = 0x6763 };
static struct signal_action libcs; // the C library's action for it; no handler: not to be used

#define DEADLINE_NS   2000000000UL
#define FIRST_TICK_NS 100000
#define LAST_TICK_NS  (FIRST_TICK_NS << 6)

static uint32_t word_of(uint32_t gen, enum stop_state state) { return gen << 2 | state; }

// --- in the thread that stops -------------------------------------------------------------------------------

// The record under which this thread was asked to stop, or NULL.
static struct thread *requested_record(void)
{
    struct thread *t = thread_self;
    if (t && (atomic_load(&t->stop_word) & 3) == STOP_REQUESTED && t->tid == sys_gettid())
        return t;
    pid_t tid = sys_gettid();
    for (size_t i = 0; i < atomic_load(&foreign_count); i++)
        if (foreign[i].tid == tid && (atomic_load(&foreign[i].stop_word) & 3) == STOP_REQUESTED)
            return &foreign[i];
    return NULL;
}

static void park(struct thread *t, uintptr_t sp, const ucontext_t *context)
{
    uint32_t word = atomic_load(&t->stop_word), gen = word >> 2;
    uint32_t resumed;
    if ((word & 3) != STOP_REQUESTED)
        return;
    t->sp = sp;
    t->context = context;
    if (!atomic_compare_exchange_strong(&t->stop_word, &word, word_of(gen, STOP_STOPPED)))
        return; // the stop was called off
    sys_futex_wake(&t->stop_word, 1);
    while ((int32_t)((resumed = atomic_load(&resume_gen)) << 2) - (int32_t)(gen << 2) < 0)
        sys_futex_wait(&resume_gen, resumed, NULL);
}

// A signal of ours: stops here if that is still wanted, or where the critical section ends.
static void answer(struct thread *t, ucontext_t *uc)
{
    if (t && crit_inside()) {
        crit_self.stop_wanted = 1;
        return;
    }
    if (t)
        park(t, context_sp(uc) - CONTEXT_RED_ZONE, uc);
    interrupt_resume(uc);
}

// Ours are sent by tgkill; the kernel drops what it knows of the sender when the queue is full (SOUNDNESS S31).
static bool may_be_ours(const siginfo_t *info)
{
    return info->si_code == SI_TKILL || (info->si_code == SI_USER && info->si_pid == 0);
}

// A socket's time may be over (world/interrupt.h). A stop asked for meanwhile may have merged with it: then it is this one that
// answers.
static void on_timer(ucontext_t *uc)
{
    struct thread *t = requested_record();
    if (t || !crit_inside())
        answer(t, uc);
}

static void handler(int signal, siginfo_t *info, void *context)
{
    if (interrupt_is_timer(info)) {
        on_timer(context);
        return;
    }
    if (!may_be_ours(info)) {
        stop_foreign_signal(signal, info, context);
        return;
    }
    struct thread *t = requested_record();
    struct thread *mine = t ? t : thread_self;
    bool ours = false;
    if (mine) {
        uint32_t sent = atomic_load(&mine->signals);
        while (sent && !(ours = atomic_compare_exchange_strong(&mine->signals, &sent, sent - 1)))
            ;
    }
    if (ours || t)
        answer(t, context);
    else
        stop_foreign_signal(signal, info, context);
}

static void second_handler(int signal, siginfo_t *info, void *context)
{
    if (info->si_code == SI_QUEUE && info->si_int == SECOND_MARK)
        answer(thread_is_own(sys_gettid()) || stop_is_ours(context_sp(context)) ? NULL : requested_record(),
               context);
    else if (libcs.handler)
        libcs.handler(signal, info, context);
}

static void park_spilled(uintptr_t sp, void *record) { park(record, sp, NULL); }

// Leaving a critical section with a note: stop here. No handler of the program's may run meanwhile (W1).
static void park_self(void)
{
    uint64_t all = ~0UL, old;
    sys_sigprocmask(SIG_SETMASK, &all, &old);
    crit_self.stop_wanted = 0;
    struct thread *t = requested_record();
    if (t)
        context_spill(park_spilled, t);
    sys_sigprocmask(SIG_SETMASK, &old, NULL);
}

void stop_thread_gone(struct thread *t)
{
    atomic_store(&t->stop_word, STOP_GONE);
    atomic_store(&t->signals, 0);
    sys_futex_wake(&t->stop_word, 1);
}

// --- in the collector ---------------------------------------------------------------------------------------

__asm__(".text\n"
        ".type stop_restorer,@function\n"
        "stop_restorer:\n"
        "mov $15,%eax\n" // rt_sigreturn
        "syscall\n"
        ".size stop_restorer,.-stop_restorer\n");
void stop_restorer(void) __attribute__((visibility("hidden")));

static struct signal_action action_for(void (*function)(int, siginfo_t *, void *))
{
    return (struct signal_action){
        function, SA_SIGINFO | SA_RESTART | SA_ONSTACK | 0x04000000UL /* SA_RESTORER */, stop_restorer, ~0UL};
}

void stop_boot(int signal)
{
    struct signal_action action = action_for(handler);
    stop_signal = signal;
    process = sys_getpid();
    crit_park = park_self;
    sys_sigaction(signal, &action, NULL);
}

void stop_boot_second(void)
{
    struct signal_action now, action = action_for(second_handler);
    if (sys_sigaction(SECOND_SIGNAL, NULL, &now) != 0 || now.handler == second_handler || !now.handler)
        return;
    libcs = now;
    sys_sigaction(SECOND_SIGNAL, &action, NULL);
}

// Ended without a word: its TLS may be gone too.
static void set_ended(struct thread *t, uint32_t gen)
{
    t->cache = NULL;
    atomic_store(&t->stop_word, word_of(gen, STOP_GONE));
}

static void request(struct thread *t, uint32_t gen)
{
    atomic_store(&t->stop_word, word_of(gen, STOP_REQUESTED));
    atomic_fetch_add(&t->signals, 1);
    if (sys_tgkill(process, t->tid, stop_signal) == -ESRCH)
        set_ended(t, gen);
    t->next_awaited = awaited;
    awaited = t;
}

static bool is_installed(int signal, void (*function)(int, siginfo_t *, void *))
{
    struct signal_action now;
    return sys_sigaction(signal, NULL, &now) == 0 && now.handler == function;
}

// It has not answered yet: maybe it will never hear the first signal.
static void ask_again(struct thread *t, uint32_t gen)
{
    siginfo_t info = {.si_signo = SECOND_SIGNAL, .si_code = SI_QUEUE};
    if (t->asked_again == gen || !tasks_blocks(t->tid, stop_signal) || tasks_blocks(t->tid, SECOND_SIGNAL) ||
        !is_installed(SECOND_SIGNAL, second_handler))
        return;
    t->asked_again = gen;
    info.si_pid = process;
    info.si_int = SECOND_MARK;
    sys_call(SYS_rt_tgsigqueueinfo, process, t->tid, SECOND_SIGNAL, (long)&info, 0, 0);
}

static bool is_pending(const struct thread *t, uint32_t gen)
{
    return atomic_load(&t->stop_word) == word_of(gen, STOP_REQUESTED);
}

static bool leavers; // in the stop under way: threads that are not waited for may still free their stacks

static bool is_at_its_end(pid_t tid)
{
    bool ends = thread_is_leaving(tid) && tasks_blocks(tid, stop_signal);
    leavers |= ends;
    return ends;
}

bool world_has_leavers(void) { return leavers; }

// A thread asked while it was ending goes without an answer, and so does one of ours that was asked before it said so: the
// collector starts its helpers just before a cycle, and a busy machine may let the stop meet one that has not run yet.
static bool owes_no_answer(const struct thread *t, bool patient)
{
    return thread_is_own(t->tid) || sys_tgkill(process, t->tid, 0) == -ESRCH || is_at_its_end(t->tid) ||
           (patient && tasks_is_zombie(t->tid));
}

// The one at the head has not answered for a while. If it has meanwhile come to owe no answer it is let go, and if it may not have heard it
// is asked again.
static void look_after(struct thread *t, uint32_t gen, bool patient)
{
    thread_registry_lock(); // it may be ending
    bool pending = is_pending(t, gen);
    if (pending && owes_no_answer(t, patient))
        set_ended(t, gen);
    else if (pending)
        ask_again(t, gen);
    thread_registry_unlock();
}

// Whether somebody has yet to answer: it is at the head then.
static bool any_awaited(uint32_t gen)
{
    while (awaited && !is_pending(awaited, gen))
        awaited = awaited->next_awaited;
    return awaited;
}

// Sleeps until the last who was asked has answered, and most before it have by then; at first for a short time only: then it looks
// whether that one has ended.
static bool wait_for_all(uint32_t gen, uint64_t deadline)
{
    struct timespec tick = {.tv_nsec = FIRST_TICK_NS};
    while (any_awaited(gen)) {
        if (clock_ns() > deadline)
            return false;
        if (sys_futex_wait(&awaited->stop_word, word_of(gen, STOP_REQUESTED), &tick) != -ETIMEDOUT)
            continue;
        look_after(awaited, gen, tick.tv_nsec >= LAST_TICK_NS);
        if (tick.tv_nsec < LAST_TICK_NS)
            tick.tv_nsec *= 2;
    }
    return true;
}

static struct thread *foreign_record_of(pid_t tid)
{
    for (size_t i = 0; i < foreign_count; i++)
        if (foreign[i].tid == tid)
            return &foreign[i];
    return NULL;
}

enum { HINTS = 4096 };
static struct thread *hint_of
    [HINTS]; // by thread number, modulo: whom that number met last; maybe another's by now (T1) (guard)

static struct thread *find_locked(pid_t tid)
{
    struct thread *t = hint_of[(unsigned)tid % HINTS];
    if (t && t->tid == tid)
        return t;
    for (t = thread_first_locked(); t && t->tid != tid; t = t->next)
        ;
    return t;
}

enum met { UNKNOWN, TO_BE_ASKED, ASKED };

// What the registry knows of a task. Only the answer leaves the lock: the record may be another thread's a moment later.
static enum met registered_as(pid_t tid, uint32_t gen)
{
    thread_registry_lock();
    struct thread *t = find_locked(tid);
    enum met met = !t ? UNKNOWN : atomic_load(&t->stop_word) >> 2 == gen ? ASKED : TO_BE_ASKED;
    thread_registry_unlock();
    return met;
}

// Asks every registered thread that was not asked in this generation; returns how many that were. A thread that registered
// after it was met in /proc answers for the record it has from there, once.
static size_t request_registered(uint32_t gen)
{
    size_t asked = 0;
    thread_registry_lock();
    for (struct thread *t = thread_first_locked(); t; t = t->next) {
        if (atomic_load(&t->stop_word) >> 2 == gen)
            continue;
        struct thread *met = foreign_record_of(t->tid);
        if (met) {
            atomic_store(&t->stop_word, word_of(gen, STOP_GONE));
            met->cache = t->cache;
            met->stack_lo = t->stack_lo;
            met->stack_hi = t->stack_hi;
        } else {
            request(t, gen);
            hint_of[(unsigned)t->tid % HINTS] = t;
            asked++;
        }
    }
    thread_registry_unlock();
    return asked;
}

struct foreign_search {
    uint32_t gen;
    size_t asked;
    bool overflow;
};

// One thread of /proc/self/task: if no record of it is stopped, it gets one and is asked.
static void meet_task(pid_t tid, void *arg)
{
    struct foreign_search *search = arg;
    enum met met = registered_as(tid, search->gen);
    if (met == ASKED || foreign_record_of(tid) || thread_is_own(tid) || tasks_is_zombie(tid) ||
        is_at_its_end(tid))
        return;
    search->asked++;
    if (met == TO_BE_ASKED)
        return; // registered a moment ago: the next pass asks it
    if (foreign_count == MAX_FOREIGN) {
        search->overflow = true;
        return;
    }
    struct thread *t = &foreign[foreign_count];
    *t = (struct thread){.tid = tid};
    atomic_fetch_add(&foreign_count, 1);
    request(t, search->gen);
}

// Passes over both sources until one finds nobody new: stopped threads cannot create more.
static const char *stop_everybody(uint32_t gen)
{
    uint64_t deadline = clock_ns() + DEADLINE_NS;
    for (;;) {
        struct foreign_search search = {.gen = gen};
        search.asked = request_registered(gen);
        if (!wait_for_all(gen, deadline))
            return "a thread did not stop in time";
        if (!tasks_each(meet_task, &search))
            return "the list of threads could not be read";
        if (search.overflow)
            return "too many threads that never came to the heap";
        if (!wait_for_all(gen, deadline))
            return "a thread that never came to the heap did not stop in time";
        if (!search.asked)
            return NULL;
    }
}

static void release(uint32_t gen)
{
    atomic_store(&resume_gen, gen);
    sys_futex_wake(&resume_gen, INT32_MAX);
}

static uint32_t next_generation(void)
{
    generation = (generation + 1) & 0x3fffffff;
    atomic_store(&foreign_count, 0);
    awaited = NULL;
    return generation;
}

// Somebody may have replaced it by a system call of his own, which we do not see (SOUNDNESS S33).
static const char *why_nobody_would_hear(void)
{
    if (is_installed(stop_signal, handler))
        return NULL;
    return "the program took the handler of the stop signal by a system call of its own (GCPRE_SIGNAL "
           "chooses another)";
}

// Undoes what the generation asked for: who has not stopped yet must not.
static void call_off(uint32_t gen)
{
    thread_registry_lock();
    for (struct thread *t = thread_first_locked(); t; t = t->next) {
        uint32_t word = word_of(gen, STOP_REQUESTED);
        atomic_compare_exchange_strong(&t->stop_word, &word, word_of(gen, STOP_NONE));
    }
    thread_registry_unlock();
    for (size_t i = 0; i < foreign_count; i++) {
        uint32_t word = word_of(gen, STOP_REQUESTED);
        atomic_compare_exchange_strong(&foreign[i].stop_word, &word, word_of(gen, STOP_NONE));
    }
    release(gen);
}

const char *world_stop(void)
{
    lock_acquire(&guard);
    uint32_t gen = next_generation();
    leavers = false;
    thread_prune_leaving();
    const char *problem = why_nobody_would_hear();
    if (!problem)
        problem = stop_everybody(gen);
    if (problem) {
        call_off(gen);
        lock_release(&guard);
    }
    return problem;
}

void world_resume(void)
{
    release(generation);
    lock_release(&guard);
}

void world_each_stopped(void (*visit)(struct thread *t))
{
    for (struct thread *t = thread_first_locked(); t; t = t->next)
        if (atomic_load(&t->stop_word) == word_of(generation, STOP_STOPPED))
            visit(t);
    for (size_t i = 0; i < foreign_count; i++)
        if (atomic_load(&foreign[i].stop_word) == word_of(generation, STOP_STOPPED))
            visit(&foreign[i]);
}

static struct thread *unvisited_from(struct thread *t, uint32_t round)
{
    while (t && t->visited == round)
        t = t->next;
    return t;
}

// The walk goes on from the one visited last, if that is still registered, and then once more from the first: there is who came meanwhile.
static struct thread *next_unvisited(uint32_t round)
{
    static struct thread *last;
    static pid_t last_tid;
    thread_registry_lock();
    struct thread *t = last && last->tid == last_tid ? unvisited_from(last, round) : NULL;
    if (!t)
        t = unvisited_from(thread_first_locked(), round);
    if (t) {
        t->visited = round;
        last = t;
        last_tid = t->tid;
    }
    thread_registry_unlock();
    return t;
}

const char *world_handshake(void (*visit)(struct thread *t))
{
    static uint32_t round;
    const char *problem = why_nobody_would_hear();
    struct thread *t;
    round++;
    while (!problem && (t = next_unvisited(round))) {
        lock_acquire(&guard);
        uint32_t gen = next_generation();
        thread_registry_lock();
        if (t->tid)
            request(t, gen);
        thread_registry_unlock();
        if (!wait_for_all(gen, clock_ns() + DEADLINE_NS)) {
            problem = "a thread did not answer in time";
            call_off(gen);
        } else {
            if (atomic_load(&t->stop_word) == word_of(gen, STOP_STOPPED))
                visit(t);
            release(gen);
        }
        lock_release(&guard);
    }
    return problem;
}

// Asks one thread of the process; NULL: it is gone, at its end, or ours.
static struct thread *request_one(pid_t tid, uint32_t gen)
{
    thread_registry_lock();
    struct thread *t = find_locked(tid);
    if (t)
        request(t, gen);
    thread_registry_unlock();
    if (t || thread_is_own(tid) || tasks_is_zombie(tid) || is_at_its_end(tid))
        return t;
    foreign[0] = (struct thread){.tid = tid};
    atomic_store(&foreign_count, 1);
    request(&foreign[0], gen);
    return &foreign[0];
}

const char world_too_slow[] = "it did not stop in time";

const char *world_visit(pid_t tid, void (*visit)(struct thread *t))
{
    const char *problem = why_nobody_would_hear();
    if (problem)
        return problem;
    lock_acquire(&guard);
    uint32_t gen = next_generation();
    struct thread *t = request_one(tid, gen);
    if (!wait_for_all(gen, clock_ns() + DEADLINE_NS)) {
        problem = world_too_slow;
        call_off(gen);
    } else {
        if (t && atomic_load(&t->stop_word) == word_of(gen, STOP_STOPPED))
            visit(t);
        else
            problem = "it is ending";
        release(gen);
    }
    lock_release(&guard);
    return problem;
}

// --- fork ---------------------------------------------------------------------------------------------------

void stop_fork_prepare(void) { lock_acquire(&guard); }

void stop_fork_done(bool child)
{
    if (child) {
        process = sys_getpid();
        atomic_store(&foreign_count, 0);
        if (thread_self) {
            atomic_store(&thread_self->stop_word, 0);
            atomic_store(&thread_self->signals, 0);
        }
        crit_self.stop_wanted = 0;
    }
    lock_release(&guard);
}
