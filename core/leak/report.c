#include "leak/report.h"

#include "base/bits.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/options.h"
#include "gc/holder.h"
#include "gc/trace.h"
#include "leak/hunt.h"
#include "leak/json.h"
#include "leak/module.h"
#include "leak/retain.h"
#include "leak/suppress.h"
#include "leak/weak.h"
#include "sys/syscall.h"
#include "world/console.h"
#include "world/thread.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static int file = -1;
static bool begun; // the process line has been written

// --- where records go -------------------------------------------------------------------------------------------

static bool is_new_site(uint32_t id)
{
    struct site *s = site_get(id);
    bool is_new = !s->written;
    s->written = true;
    return is_new;
}

static bool is_new_module(uint16_t index)
{
    struct module *m = module_mark(index);
    bool is_new = !m->written;
    m->written = true;
    return is_new;
}

static const struct report_sink report_itself = {report_write, is_new_site, is_new_module, .names = true},
                                *sink = &report_itself;

void report_redirect(const struct report_sink *to) { sink = to ? to : &report_itself; }

void report_begin(void) { begun = false; }

void report_open(void)
{
    char path[PATH_MAX];
    file = hunt_forked() ? -1 : STDERR_FILENO;
    if (!options.report)
        return;
    if (!options_expand_path(options.report, path, sizeof path)) {
        log_line("%s: this name of a report is too long; using standard error", options.report);
        return;
    }
    int opened = sys_open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY, 0600);
    if (opened < 0)
        log_line("%s: the report cannot be opened (error %d); using standard error", path, -opened);
    else
        file = opened;
}

void report_write(const char *text, size_t bytes)
{
    if (file < 0) {
        console_write(text, bytes);
        return;
    }
    while (bytes) {
        ssize_t written = sys_write(file, text, bytes);
        if (written == -EINTR)
            continue;
        if (written <= 0)
            return;
        text += written;
        bytes -= (size_t)written;
    }
}

void report_text(const char *format, ...)
{
    static char line[2 * PATH_MAX];
    va_list args;
    va_start(args, format);
    size_t bytes = format_text_v(line, sizeof line - 1, format, args);
    va_end(args);
    bytes = bytes < sizeof line - 1 ? bytes : sizeof line - 2;
    line[bytes] = '\n';
    report_write(line, bytes + 1);
}

// --- what a process is ------------------------------------------------------------------------------------------

// Its beginning, where it is long: the line has an end.
static void put_command(void)
{
    static char text[32 * 1024];
    int fd = sys_open("/proc/thread-self/cmdline", O_RDONLY | O_CLOEXEC, 0);
    ssize_t bytes = fd < 0 ? 0 : sys_read(fd, text, sizeof text - 1);
    if (fd >= 0)
        sys_close(fd);
    text[bytes > 0 ? bytes : 0] = 0;
    json_open("command", '[');
    for (ssize_t at = 0; at < bytes; at += (ssize_t)strlen(text + at) + 1)
        json_element(text + at);
    json_close(']');
}

static void put_exe(void)
{
    char path[PATH_MAX];
    long bytes = sys_call(SYS_readlinkat, AT_FDCWD, (long)"/proc/thread-self/exe", (long)path,
                          sizeof path - 1, 0, 0);
    path[bytes > 0 ? bytes : 0] = 0;
    json_string("exe", path);
}

static uint64_t wall_clock_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

// Several processes may append to one report.
void report_process(void)
{
    json_sign((uint64_t)sys_getpid());
    if (begun)
        return;
    begun = true;
    report_put_process();
}

void report_put_process(void)
{
    json_begin("process");
    json_number("version", 1);
    if (sink != &report_itself) // else every line has it
        json_number("pid", (uint64_t)sys_getpid());
    json_number("ppid", (uint64_t)sys_call3(SYS_getppid, 0, 0, 0));
    put_exe();
    put_command();
    json_number("unix_ns", wall_clock_ns() - trace_elapsed_ns());
    json_string("tier", hunt_tier());
    json_number("sample_bytes", 0);
    json_bool("reclaim", options.reclaim);
    json_bool("forked", hunt_forked());
    json_end(sink->write);
}

// --- sites and modules, before their first use ------------------------------------------------------------------

void report_put_module(uint16_t index)
{
    const struct module *m = module_get(index);
    if (!index || !sink->is_new_module(index))
        return;
    json_begin("module");
    json_number("module", index);
    json_string("path", m->path);
    json_bytes("build_id", m->build_id, m->build_id_bytes);
    json_hex("base", m->base);
    json_hex("lo", m->lo);
    json_hex("hi", m->hi);
    json_end(sink->write);
}

static void put_frame(const struct site *s, size_t i, bool names)
{
    uintptr_t pc = s->frames[i] - 1;
    uint16_t module = s->modules[i];
    const char *function = names ? module_function(module, pc, NULL) : NULL;
    json_open(NULL, '{');
    json_hex("pc", pc);
    json_number("module", module);
    json_hex("offset", module ? pc - module_get(module)->base : 0);
    if (function)
        json_string("function", function);
    json_close('}');
}

// False: the functions' names are too long for a line.
static bool put_stack(const struct site *s, bool names)
{
    json_begin("site");
    json_number("site", s->id);
    json_open("frames", '[');
    for (size_t i = 0; i < s->depth; i++)
        put_frame(s, i, names);
    json_close(']');
    return json_end(sink->write);
}

void report_put_end(void) { json_end(sink->write); }

void report_put_site(const struct site *s)
{
    if (s->id == SITE_UNKNOWN || !sink->is_new_site(s->id))
        return;
    for (size_t i = 0; i < s->depth; i++)
        report_put_module(s->modules[i]);
    if (!put_stack(s, sink->names))
        put_stack(s, false);
}

const char *report_pattern_of(const struct site *s)
{
    return s->suppressed_by ? s->suppressed_by->pattern : "(reached from a suppressed block)";
}

uint32_t report_number_of(const struct site *s) { return s->id == SITE_UNKNOWN ? 0 : s->id; }

// --- records --------------------------------------------------------------------------------------------------

static void put_examples(const struct site *s, enum lost_class class)
{
    json_open("examples", '[');
    for (size_t i = 0; i < SITE_EXAMPLES && s->example[class][i].address; i++) {
        json_open(NULL, '{');
        json_hex("address", s->example[class][i].address);
        json_number("bytes", s->example[class][i].bytes);
        json_number("born_cycle", s->example[class][i].born);
        json_close('}');
    }
    json_close(']');
}

static void put_holder_block(uint64_t holder)
{
    json_string("kind", "heap");
    json_number("site", holder_site(holder) == SITE_UNKNOWN ? 0 : holder_site(holder));
    json_number("offset", holder_offset(holder));
}

static void put_holder_address(uint64_t holder)
{
    uintptr_t address = holder & HOLDER_PLACE;
    pid_t tid = holder_kind(holder) == HOLDER_STACK ? thread_with_stack_at(address) : 0;
    uint16_t module = holder_kind(holder) == HOLDER_ROOT ? module_at(address) : 0;
    json_string("kind", tid ? "stack" : module ? "global" : "other");
    if (tid)
        json_number("tid", (uint64_t)tid);
    if (module) {
        json_number("module", module);
        json_hex("offset", address - module_get(module)->base);
    }
    json_hex("address", address);
}

void report_put_holder(uint64_t holder, uint64_t cycle)
{
    if (!holder)
        return;
    json_open("holder", '{');
    if (cycle)
        json_number("cycle", cycle);
    (holder_kind(holder) == HOLDER_HEAP ? put_holder_block : put_holder_address)(holder);
    json_close('}');
}

void report_put_holders_parts(uint64_t holder)
{
    if (holder_kind(holder) == HOLDER_HEAP && holder_site(holder) < sites_end() && holder_site(holder))
        report_put_site(site_get(holder_site(holder)));
    if (holder_kind(holder) == HOLDER_ROOT)
        report_put_module(module_at(holder & HOLDER_PLACE));
}

struct moment {
    const struct trace *cycle;
    const char *phase;
    uint64_t now_ns, since_ns;
};

static void put_lost(const struct site *s, const struct moment *at, enum lost_class class,
                     const struct lost_count *count, const char *pattern)
{
    if (!count->blocks)
        return;
    json_begin("lost");
    json_number("cycle", at->cycle->number);
    json_number("at_ns", at->now_ns);
    json_number("since_ns", at->since_ns);
    json_number("site", report_number_of(s));
    json_string("class", lost_class_names[class]);
    json_string("phase", at->phase);
    json_number("blocks", count->blocks);
    json_number("bytes", count->bytes);
    if (pattern)
        json_string("suppressed", pattern);
    else
        put_examples(s, class);
    report_put_holder(s->fresh_holder, at->cycle->number ? at->cycle->number - 1 : 0);
    json_end(sink->write);
}

void report_lost(const struct site *fresh, const struct trace *t, enum lost_phase phase, uint64_t now_ns,
                 uint64_t since_ns)
{
    const struct moment at = {t, lost_phase_names[phase], now_ns, since_ns};
    for (; fresh; fresh = fresh->fresh_next) {
        report_put_site(fresh);
        report_put_holders_parts(fresh->fresh_holder);
        const char *pattern = report_pattern_of(fresh);
        for (enum lost_class class = 0; class < LOST_CLASSES; class ++)
            put_lost(fresh, &at, class, &fresh->fresh[class], NULL);
        for (enum lost_class class = 0; class < LOST_CLASSES; class ++)
            put_lost(fresh, &at, class, &fresh->fresh_suppressed[class], pattern);
    }
}

size_t report_resident_bytes(void)
{
    char text[128] = {0};
    size_t pages = 0;
    int fd = sys_open("/proc/thread-self/statm", O_RDONLY | O_CLOEXEC, 0);
    if (fd < 0)
        return 0;
    sys_read(fd, text, sizeof text - 1);
    sys_close(fd);
    const char *at = strchr(text, ' ');
    while (at && *++at >= '0' && *at <= '9')
        pages = pages * 10 + (size_t)(*at - '0');
    return pages * PAGE_BYTES;
}

void report_cycle(const struct trace *t, uint64_t now_ns)
{
    json_begin("cycle");
    json_number("cycle", t->number);
    json_number("at_ns", now_ns);
    json_bool("forced", t->forced);
    json_number("begin_bytes", t->heap_begin_bytes);
    json_number("end_bytes", t->heap_end_bytes);
    json_number("live_bytes", t->live_bytes);
    json_number("dead_bytes", t->dead_bytes);
    json_number("dead_blocks", t->dead_blocks);
    json_number("goal_bytes", t->goal_bytes);
    json_number("mark_ns", t->concurrent_ns);
    json_number("stop_ns", t->stop.longest_ns);
    json_number("roots_bytes", t->root_bytes);
    json_number("stacks_bytes", t->stack_bytes);
    json_number("rss_bytes", report_resident_bytes());
    if (t->doubt)
        json_string("doubt", t->doubt);
    json_end(sink->write);
}

// What was allocated there and not freed by the program: it lives, or was lost.
static struct lost_count gone_from(const struct site *s)
{
    struct lost_count gone = site_lost(s), living = {s->walk_blocks, s->walk_bytes};
    lost_add(&gone, &s->suppressed);
    lost_add(&gone, &living);
    return gone;
}

static void put_growth(const struct growth *g, uint64_t now_ns)
{
    json_open("growth", '{');
    json_number("since_ns", g->since_ns);
    json_number("since_cycle", g->since_cycle);
    json_number("bytes", growth_bytes(g));
    json_number("generations", g->best_generations);
    json_number("steps", g->steps);
    json_number("bytes_per_hour", growth_bytes_per_hour(g, now_ns));
    json_number("confidence", growth_confidence(g));
    json_close('}');
}

static void put_stale(const struct stale *stale)
{
    json_open("stale", '{');
    json_number("blocks", stale->blocks);
    json_number("bytes", stale->bytes);
    json_number("after_ns", options.stale_ns);
    json_number("unwritten_ns", stale_unwritten_ns(stale));
    json_close('}');
}

static void put_weak(const struct weak *w)
{
    json_open("weakly", '{');
    json_number("blocks", w->blocks);
    json_number("bytes", w->bytes);
    json_number("inside", w->inside);
    json_number("unaligned", w->unaligned);
    json_number("stack", w->stack);
    json_hex("example", w->example);
    json_close('}');
}

void report_put_living(const struct site *s, uint64_t cycle, uint64_t now_ns)
{
    struct lost_count gone = gone_from(s);
    report_put_site(s);
    json_begin("live");
    json_number("cycle", cycle);
    json_number("at_ns", now_ns);
    json_number("site", report_number_of(s));
    json_number("blocks", s->walk_blocks);
    json_number("bytes", s->walk_bytes);
    json_number("allocated_blocks", s->allocated_blocks);
    json_number("allocated_bytes", s->allocated_bytes);
    json_number("freed_blocks", s->allocated_blocks - min_size(s->allocated_blocks, gone.blocks));
    json_number("freed_bytes", s->allocated_bytes - min_size(s->allocated_bytes, gone.bytes));
    json_number("generations", (unsigned)__builtin_popcountl(s->walk_born));
    json_number("oldest_cycle", s->walk_oldest);
    if (s->growth.suspect)
        put_growth(&s->growth, now_ns);
    if (s->stale.blocks)
        put_stale(&s->stale);
    if (retain_is_known())
        json_number("retained_bytes", retain_bytes(s->id));
    if (weak_of(s->id))
        put_weak(weak_of(s->id));
    json_end(sink->write);
}

void report_growing(const struct site *s, uint64_t cycle, uint64_t now_ns, bool ended)
{
    report_put_site(s);
    json_begin("growing");
    json_number("cycle", cycle);
    json_number("at_ns", now_ns);
    json_number("site", report_number_of(s));
    json_number("blocks", s->walk_blocks);
    json_number("bytes", s->walk_bytes);
    if (ended)
        json_bool("ended", true);
    else
        put_growth(&s->growth, now_ns);
    json_end(sink->write);
}

void report_all_growing(uint64_t cycle, uint64_t now_ns)
{
    for (uint32_t id = 1; id < sites_end(); id++)
        if (site_get(id)->growth.suspect)
            report_growing(site_get(id), cycle, now_ns, false);
}

void report_living(const struct trace *t, uint64_t now_ns)
{
    for (uint32_t id = 1; id < sites_end(); id++) {
        const struct site *s = site_get(id);
        if (s->walk_blocks)
            report_put_living(s, t->number, now_ns);
    }
}

struct lost_totals report_totals(void)
{
    struct lost_totals totals = {0};
    for (uint32_t id = 1; id < sites_end(); id++) {
        const struct site *s = site_get(id);
        for (int class = 0; class < LOST_CLASSES; class ++)
            for (int phase = 0; phase < PHASES; phase++)
                lost_add(phase == PHASE_LATE ? &totals.late : &totals.lost, &s->lost[class][phase]);
        lost_add(&totals.suppressed, &s->suppressed);
    }
    return totals;
}

void report_end(uint64_t now_ns, const char *reason, const struct report_gap *gap)
{
    struct lost_totals totals = report_totals();
    json_begin("end");
    json_number("at_ns", now_ns);
    json_string("reason", reason);
    json_number("lost_blocks", totals.lost.blocks);
    json_number("lost_bytes", totals.lost.bytes);
    json_number("suppressed_blocks", totals.suppressed.blocks);
    json_number("suppressed_bytes", totals.suppressed.bytes);
    json_number("late_blocks", totals.late.blocks);
    json_number("late_bytes", totals.late.bytes);
    if (gap->why) {
        json_string("incomplete", gap->why);
        json_number("proven_ns", gap->proven_ns);
    }
    json_end(sink->write);
}
