#include "world/pins.h"

#include "base/bits.h"
#include "base/lock.h"
#include "base/log.h"
#include "base/meta.h"
#include "heap/cage.h"
#include "sys/syscall.h"

#include <string.h>

struct pin {
    struct pin *next;
    uint64_t owner;
    uintptr_t value;
    uint64_t settled; // when its call was over; 0: under way
    uint32_t made;    // before this review
    uint8_t kind;     // enum pin_kind
    uint8_t absent;   // reviews in a row that did not find it
    bool found;       // by the review under way
};

enum { BUCKETS = 4096, ABSENT_ENOUGH = 2 };

static struct lock guard = LOCK_INIT(LOCK_RANK_PINS);
static struct pin **heads, *spare;
static size_t counts[PIN_KINDS]; // guard; read without it where only zero or not matters
static uint32_t review;          // the number of the next one
static _Atomic uint64_t now;     // counts calls that were over; written under guard

// By the low half of the owner, so that a review finds the registrations of a descriptor whatever its epoll is called now.
static struct pin **head_of(enum pin_kind kind, uint64_t owner)
{
    uint32_t key = (uint32_t)owner * 0x9e3779b1u + (uint32_t)kind;
    return &heads[(key >> 16) % BUCKETS];
}

bool pins_wanted(uintptr_t value) { return cage_contains(value << 16 >> 16); }

static bool add_locked(enum pin_kind kind, uint64_t owner, uintptr_t value)
{
    if (!heads && !(heads = meta_map(BUCKETS * sizeof heads[0])))
        return false;
    struct pin *pin = spare;
    if (pin)
        spare = pin->next;
    else if (!(pin = meta_alloc(sizeof *pin)))
        return false;
    struct pin **head = head_of(kind, owner);
    *pin = (struct pin){.next = *head, .owner = owner, .value = value, .made = review, .kind = (uint8_t)kind};
    *head = pin;
    counts[kind]++;
    return true;
}

bool pins_add(enum pin_kind kind, uint64_t owner, uintptr_t value)
{
    lock_acquire(&guard);
    bool done = add_locked(kind, owner, value);
    lock_release(&guard);
    return done;
}

static void drop_locked(struct pin **link)
{
    struct pin *pin = *link;
    *link = pin->next;
    counts[pin->kind]--;
    pin->next = spare;
    spare = pin;
}

static bool belongs(const struct pin *pin, enum pin_kind kind, uint64_t owner)
{
    return pin->kind == kind && pin->owner == owner;
}

void pins_undo(enum pin_kind kind, uint64_t owner, uintptr_t value)
{
    lock_acquire(&guard);
    for (struct pin **link = heads ? head_of(kind, owner) : NULL; link && *link; link = &(*link)->next)
        if (belongs(*link, kind, owner) && (*link)->value == value) {
            drop_locked(link);
            break;
        }
    lock_release(&guard);
}

uint64_t pins_now(void) { return atomic_load(&now); }

static void settle_pin_locked(enum pin_kind kind, uint64_t owner, uintptr_t value)
{
    uint64_t time = atomic_fetch_add(&now, 1) + 1;
    for (struct pin *pin = *head_of(kind, owner); pin; pin = pin->next)
        if (belongs(pin, kind, owner) && pin->value == value && !pin->settled) {
            pin->settled = time;
            break;
        }
}

static void drop_settled_locked(enum pin_kind kind, uint64_t owner, uint64_t by)
{
    for (struct pin **link = head_of(kind, owner); *link;)
        if (belongs(*link, kind, owner) && (*link)->settled <= by && ((*link)->settled || by == UINT64_MAX))
            drop_locked(link);
        else
            link = &(*link)->next;
}

static void settle_or_drop(enum pin_kind kind, uint64_t owner, uintptr_t value, uint64_t by)
{
    if (!__atomic_load_n(&counts[kind], __ATOMIC_RELAXED))
        return;
    lock_acquire(&guard);
    drop_settled_locked(kind, owner, by);
    if (value)
        settle_pin_locked(kind, owner, value);
    lock_release(&guard);
}

void pins_settle(enum pin_kind kind, uint64_t owner, uintptr_t value, uint64_t begun)
{
    settle_or_drop(kind, owner, value, begun);
}

void pins_drop(enum pin_kind kind, uint64_t owner) { settle_or_drop(kind, owner, 0, UINT64_MAX); }

// --- the collector's -----------------------------------------------------------------------------------------------

static void each_locked(void (*visit)(struct pin *pin))
{
    for (size_t i = 0; heads && i < BUCKETS; i++)
        for (struct pin *pin = heads[i]; pin; pin = pin->next)
            visit(pin);
}

static bool any(void)
{
    bool some = false;
    for (size_t kind = 0; kind < PIN_KINDS; kind++)
        some |= __atomic_load_n(&counts[kind], __ATOMIC_RELAXED) != 0;
    return some;
}

void pins_each(void (*visit)(uintptr_t value))
{
    if (!any())
        return;
    lock_acquire(&guard);
    for (size_t i = 0; i < BUCKETS; i++)
        for (struct pin *pin = heads[i]; pin; pin = pin->next)
            visit(pin->value);
    lock_release(&guard);
}

// --- the review ----------------------------------------------------------------------------------------------------

static char text[16384]; // of a file, piece by piece; collector only

static void found_epoll(uint32_t target, uintptr_t value)
{
    lock_acquire(&guard);
    for (struct pin *pin = *head_of(PIN_EPOLL, target); pin; pin = pin->next)
        if (pin->kind == PIN_EPOLL && (uint32_t)pin->owner == target && pin->value == value)
            pin->found = true;
    lock_release(&guard);
}

static void found_signals(uint64_t pending)
{
    lock_acquire(&guard);
    for (size_t i = 0; i < BUCKETS; i++)
        for (struct pin *pin = heads[i]; pin; pin = pin->next)
            if (pin->kind == PIN_SIGNAL && pending & sys_sigbit((int)pin->owner))
                pin->found = true;
    lock_release(&guard);
}

static uint64_t number_behind(const char *line, const char *name, unsigned base)
{
    const char *at = strstr(line, name);
    uint64_t value = 0;
    for (at = at ? at + strlen(name) : ""; *at == ' ' || *at == '\t'; at++)
        ;
    for (;; at++) {
        unsigned digit = *at >= '0' && *at <= '9'   ? (unsigned)(*at - '0')
                         : *at >= 'a' && *at <= 'f' ? (unsigned)(*at - 'a') + 10
                                                    : 16;
        if (digit >= base)
            return value;
        value = value * base + digit;
    }
}

// "tfd:        5 events:       19 data:     4f0000010310  pos:0 ino:3d sdev:8" (fs/eventpoll.c, ep_show_fdinfo)
static void take_epoll_line(const char *line)
{
    if (strncmp(line, "tfd:", 4) == 0)
        found_epoll((uint32_t)number_behind(line, "tfd:", 10), number_behind(line, "data:", 16));
}

static uint64_t pending;

static void take_status_line(const char *line)
{
    if (strncmp(line, "SigPnd:", 7) == 0 || strncmp(line, "ShdPnd:", 7) == 0)
        pending |= number_behind(line, "Pnd:", 16);
}

// Calls take with each line of a file, cut to the buffer's size; false when it could not be read.
static bool each_line(const char *path, void (*take)(const char *line))
{
    int fd = sys_open(path, O_RDONLY | O_CLOEXEC, 0);
    size_t held = 0;
    ssize_t got = fd;
    while (fd >= 0 && (got = sys_read(fd, text + held, sizeof text - 1 - held)) > 0) {
        char *at = text, *end;
        text[held + (size_t)got] = 0;
        for (; (end = strchr(at, '\n')); at = end + 1) {
            *end = 0;
            take(at);
        }
        held = strlen(at);
        memmove(text, at, held);
        if (held == sizeof text - 1)
            held = 0; // no such line is ours
    }
    if (fd >= 0)
        sys_close(fd);
    return got == 0;
}

// Calls look with each name in a directory; false when one of them, or the directory, could not be read.
static bool each_name(const char *path, bool (*look)(const char *name))
{
    static char names[8192] __attribute__((aligned(8)));
    struct {
        uint64_t inode, offset;
        uint16_t bytes;
    } const *entry; // getdents64(2); the type follows, then the name
    enum { NAME_AT = 19 };
    int fd = sys_open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
    long bytes = fd;
    bool done = true;
    while (fd >= 0 && (bytes = sys_call3(SYS_getdents64, fd, (long)names, sizeof names)) > 0)
        for (long at = 0; at < bytes; at += entry->bytes) {
            entry = (const void *)(names + at);
            const char *name = names + at + NAME_AT;
            done &= *name == '.' || look(name);
        }
    if (fd >= 0)
        sys_close(fd);
    return bytes == 0 && done;
}

static bool look_at_descriptor(const char *name)
{
    char path[80], target[32] = "";
    format_text(path, sizeof path, "/proc/%d/fd/%s", sys_getpid(), name);
    long bytes = sys_call3(SYS_readlink, (long)path, (long)target, sizeof target - 1);
    if (bytes < 0)
        return bytes == -2 /* ENOENT: closed */;
    if (strcmp(target, "anon_inode:[eventpoll]") != 0)
        return true;
    format_text(path, sizeof path, "/proc/%d/fdinfo/%s", sys_getpid(), name);
    each_line(path, take_epoll_line); // gone meanwhile: the next review decides
    return true;
}

static bool look_at_task(const char *name)
{
    char path[80];
    format_text(path, sizeof path, "/proc/%d/task/%s/status", sys_getpid(), name);
    each_line(path, take_status_line);
    return true;
}

static bool review_of(enum pin_kind kind)
{
    char path[40];
    if (!__atomic_load_n(&counts[kind], __ATOMIC_RELAXED))
        return false;
    format_text(path, sizeof path, kind == PIN_EPOLL ? "/proc/%d/fd" : "/proc/%d/task", sys_getpid());
    if (kind == PIN_EPOLL)
        return each_name(path, look_at_descriptor);
    pending = 0;
    bool done = each_name(path, look_at_task);
    found_signals(pending);
    return done;
}

static void forget_found(struct pin *pin) { pin->found = false; }

// Pins made since the review began may have been too late for it.
static void drop_absent_locked(enum pin_kind kind, uint32_t number)
{
    for (size_t i = 0; i < BUCKETS; i++)
        for (struct pin **link = &heads[i]; *link;) {
            struct pin *pin = *link;
            if (pin->kind == kind && pin->made < number)
                pin->absent = pin->found ? 0 : (uint8_t)(pin->absent + 1);
            if (pin->kind == kind && pin->absent >= ABSENT_ENOUGH)
                drop_locked(link);
            else
                link = &pin->next;
        }
}

void pins_review(void)
{
    static const enum pin_kind reviewed[] = {PIN_EPOLL, PIN_SIGNAL};
    if (!any())
        return;
    lock_acquire(&guard);
    uint32_t number = ++review;
    each_locked(forget_found);
    lock_release(&guard);
    for (size_t i = 0; i < sizeof reviewed / sizeof reviewed[0]; i++)
        if (review_of(reviewed[i])) {
            lock_acquire(&guard);
            drop_absent_locked(reviewed[i], number);
            lock_release(&guard);
        }
}

void pins_fork_prepare(void) { lock_acquire(&guard); }

void pins_fork_done(void) { lock_release(&guard); }
