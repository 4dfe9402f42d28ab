#include "leak/thread_leaks.h"

#include "leak/finding.h"
#include "leak/json.h"
#include "leak/report.h"
#include "leak/suppress.h"
#include "leak/text.h"
#include "leak/unjoined.h"
#include "sys/syscall.h"

#define RULE "=================="

static void put_one(const struct unjoined *u, uint64_t now_ns, bool so_far)
{
    struct site *site = site_get(u->site);
    const struct suppression *by = finding_suppression(site);
    report_put_site(site);
    json_begin("thread_leak");
    json_number("at_ns", now_ns);
    json_number("site", report_number_of(site));
    json_number("tid", (uint64_t)u->tid);
    json_string("name", u->name);
    json_number("started_ns", u->started_ns);
    json_number("finished_ns", u->ended_ns);
    json_number("stack_bytes", u->stack_bytes);
    if (by)
        json_string("suppressed", by->pattern);
    if (so_far)
        json_bool("so_far", true);
    report_put_end();
}

void thread_leaks_put(uint64_t now_ns)
{
    struct unjoined_list list = unjoined_ended();
    for (size_t i = 0; i < list.count; i++)
        put_one(&list.at[i], now_ns, false);
    unjoined_free(&list);
}

// --- so far (L1) ----------------------------------------------------------------------------------------------------

static struct told {
    struct unjoined_ticket ticket; // no record: it was joined
    uint64_t started_ns;
    pid_t tid;
    uint32_t site;
} told[THREADS_TOLD_MOST];
static size_t told_count;

void thread_leaks_begin(void) { told_count = 0; }

static void take_back(struct told *t, uint64_t now_ns)
{
    json_begin("thread_leak");
    json_number("at_ns", now_ns);
    json_number("site", report_number_of(site_get(t->site)));
    json_number("tid", (uint64_t)t->tid);
    json_number("started_ns", t->started_ns);
    json_bool("joined", true);
    report_put_end();
    t->ticket.record = NULL;
}

void thread_leaks_cycle(uint64_t now_ns)
{
    struct unjoined copy;
    struct unjoined_ticket ticket;
    unsigned at = 0;
    for (size_t i = 0; i < told_count; i++)
        if (told[i].ticket.record && !unjoined_stands(told[i].ticket))
            take_back(&told[i], now_ns);
    while (told_count < THREADS_TOLD_MOST && (ticket = unjoined_fresh(&at, &copy)).record) {
        told[told_count++] = (struct told){ticket, copy.started_ns, copy.tid, copy.site};
        put_one(&copy, now_ns, true);
    }
}

// --- text ---------------------------------------------------------------------------------------------------------

struct sum {
    size_t threads, bytes;
};

static struct sum sum_of(const struct unjoined *list, size_t count)
{
    struct sum sum = {count, 0};
    for (size_t i = 0; i < count; i++)
        sum.bytes += list[i].stack_bytes;
    return sum;
}

// The program's own choice, in one line of text.
static void make_plain(char plain[UNJOINED_NAME], const char *name)
{
    enum { DELETE = 0x7f };
    size_t at = 0;
    for (; at < UNJOINED_NAME - 1 && name[at]; at++)
        plain[at] = (unsigned char)name[at] < ' ' || name[at] == DELETE ? '?' : name[at];
    plain[at] = 0;
}

// Those of one site; returns what counts.
static struct sum print_group(const struct unjoined *list, size_t count)
{
    char name[UNJOINED_NAME];
    struct site *site = site_get(list->site);
    if (finding_suppression(site))
        return (struct sum){0, 0};
    report_text(RULE "\nWARNING: libgcpre: thread leak (pid=%d)", sys_getpid());
    make_plain(name, list->name);
    report_text("  Thread '%s' (tid=%d, finished) created at:", name, list->tid);
    text_stack(site);
    if (count > 1)
        report_text("  And %lu more similar thread leaks.\n", count - 1);
    return sum_of(list, count);
}

static size_t group_size(const struct unjoined_list *list, size_t at)
{
    size_t end = at;
    while (end < list->count && list->at[end].site == list->at[at].site)
        end++;
    return end - at;
}

void thread_leaks_text(void)
{
    struct unjoined_list list = unjoined_ended();
    struct sum all = {0, 0};
    for (size_t at = 0, size; at < list.count; at += size) {
        size = group_size(&list, at);
        struct sum sum = print_group(&list.at[at], size);
        all.threads += sum.threads;
        all.bytes += sum.bytes;
    }
    if (all.threads)
        report_text(
            "SUMMARY: libgcpre: %lu thread(s) ended and were never joined; their stacks keep %lu byte(s) of "
            "address space.\n" RULE,
            all.threads, all.bytes);
    unjoined_free(&list);
}
