#include "ctl/command.h"

#include "base/meta.h"
#include "base/options.h"
#include "ctl/views.h"
#include "gc/collector.h"
#include "gc/cycle.h"
#include "gc/pace.h"
#include "gc/stuck.h"
#include "gc/trace.h"
#include "leak/finding.h"
#include "leak/hunt.h"
#include "leak/json.h"
#include "leak/report.h"
#include "leak/usage.h"

#include <string.h>

// --- what the connection knows already ------------------------------------------------------------------------------

static struct told *told;

static bool set_bit(uint64_t *bits, uint32_t at)
{
    uint64_t bit = 1UL << at % 64;
    bool was = bits[at / 64] & bit;
    bits[at / 64] |= bit;
    return !was;
}

// Without memory for the list it is told again each time.
static bool is_new_site(uint32_t id)
{
    if (!told->sites)
        told->sites = meta_map(SITES_MAX / 8);
    return !told->sites || set_bit(told->sites, id);
}

static bool is_new_module(uint16_t index) { return index >= TOLD_MODULES || set_bit(told->modules, index); }

static const struct report_sink sink = {answer_put, is_new_site, is_new_module, .names = false};

static void tell_process(void)
{
    if (!told->process)
        report_put_process();
    told->process = true;
}

// --- the commands ---------------------------------------------------------------------------------------------------

static void help(void)
{
    for (size_t i = 0; i < COMMANDS; i++) {
        json_begin("command");
        json_string("command", request_commands[i].word);
        json_string("arguments", request_commands[i].arguments);
        json_string("meaning", request_commands[i].meaning);
        json_end(answer_put);
    }
}

// The heap may be past its goal now, and nobody allocate.
static void collect_if_due(void)
{
    if (pace_due())
        collector_want_cycle();
}

static void set_gogc(void)
{
    pace_change(options.gogc);
    collect_if_due();
}

static void set_memlimit(void)
{
    pace_change_limit(options.memlimit_bytes);
    collect_if_due();
}

static void set_nothing_more(void) {}

// Only what the collector thread alone reads, or is told of here.
static const struct {
    const char *name;
    void (*apply)(void);
} settable[] = {{"gogc", set_gogc},
                {"memlimit", set_memlimit},
                {"period", set_nothing_more},
                {"trace", set_nothing_more}};

static void set(const struct request *r)
{
    const char *expected;
    for (size_t i = 0; i < sizeof settable / sizeof settable[0]; i++) {
        if (strcmp(r->name, settable[i].name) != 0)
            continue;
        if (options_change(r->name, r->value, &expected))
            settable[i].apply();
        else
            answer_error("%s: expected %s", r->name, expected);
        return;
    }
    answer_error("%s cannot be changed in a running process: gogc, memlimit, period and trace can", r->name);
}

static void advise(void)
{
    findings_walk();
    usage_report(cycle_count(), trace_elapsed_ns());
}

static void run_on_sites(const struct request *r)
{
    if (!ledger_is_kept())
        return;
    tell_process();
    switch (r->command) {
    case COMMAND_LEAKS: ledger_leaks(r->number); break;
    case COMMAND_SITES: ledger_sites(r->number); break;
    case COMMAND_ADVISE: advise(); break;
    case COMMAND_PROFILE: ledger_profile(r->number); break;
    case COMMAND_MARK: ledger_mark(r->name); break;
    default: ledger_diff(r->name);
    }
}

static bool who(const struct request *r)
{
    tell_process();
    if (!r->is_site) {
        uintptr_t base = whereabouts_who(r->number);
        return base && why_block(base);
    }
    if (!ledger_is_kept())
        return false;
    if (r->number && r->number < sites_end())
        return why_oldest((uint32_t)r->number);
    answer_error("there is no site of that number: `sites` lists them");
    return false;
}

static bool survey(bool (*begin)(uint64_t most), const struct request *r)
{
    if (!ledger_is_kept())
        return false;
    tell_process();
    return begin(r->number);
}

static bool run(const struct request *r)
{
    switch (r->command) {
    case COMMAND_HELP: help(); break;
    case COMMAND_STATS: figures_stats(); break;
    case COMMAND_MEMORY: figures_memory(); break;
    case COMMAND_WHO: return who(r);
    case COMMAND_RETAINED: return survey(why_retained, r);
    case COMMAND_WEAKLY: return survey(why_weakly, r);
    case COMMAND_STACKS:
        tell_process();
        stacks_all(r->number);
        break;
    case COMMAND_SET: set(r); break;
    default: run_on_sites(r);
    }
    return false;
}

bool command_run(const struct request *request, struct told *connection)
{
    told = connection;
    report_redirect(&sink);
    bool more = run(request);
    report_redirect(NULL);
    return more;
}

bool command_go_on(void)
{
    report_redirect(&sink);
    bool more = why_goes_on();
    report_redirect(NULL);
    return more;
}

// --- with a cycle ----------------------------------------------------------------------------------------------------

static enum command asked; // what the cycle is for

bool command_takes_cycle(enum command command) { return command == COMMAND_GC || command == COMMAND_STUCK; }

bool command_ask_cycle(const struct request *request, struct told *connection, uint32_t *ticket)
{
    told = connection;
    asked = request->command;
    bool is_coming = collector_ask(ticket);
    if (!is_coming)
        answer_error("there are no cycles in this process: %s", collector_passive_reason());
    else if (asked == COMMAND_STUCK)
        stuck_look_for();
    return is_coming;
}

static void stuck(void)
{
    tell_process();
    whereabouts_stuck();
}

void command_tell_cycle(void)
{
    json_sign(0); // the cycle's own records were signed
    report_redirect(&sink);
    if (collector_passive_reason())
        answer_error("there are no cycles in this process: %s", collector_passive_reason());
    else if (asked == COMMAND_STUCK)
        stuck();
    else
        figures_cycle();
    report_redirect(NULL);
}

// --- with the collector ---------------------------------------------------------------------------------------------

void command_begin(bool in_child)
{
    report_redirect(NULL);
    why_forget();
    if (in_child)
        ledger_forget();
}
