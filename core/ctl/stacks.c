// What the program's threads are doing: for each its registers and the upper part of its stack, as they were at one moment.
//
// The stacks are unwound by scripts/gcpre, from the unwind tables of the files on disk. Here that would take locks: the unwinder's and the
// loader's, one of which a thread may hold for ever that hangs in a constructor or in dlopen, which is what somebody wants to see.
//
// V1. Threads are stopped in turn, each for as long as its stack is copied; between two the program runs. So the stacks are not of one
//     moment, and a thread that does not stop (in the kernel, uninterruptible) is told of without one.
// V2. Memory is copied by system calls that fail where there is none: a thread may run on any stack.
// V3. An answer is bounded: STACK_MOST bytes of a stack, less where there are many threads. After two that did not stop none is asked.
#include "base/log.h"
#include "base/meta.h"
#include "ctl/answer.h"
#include "ctl/views.h"
#include "gc/trace.h"
#include "leak/json.h"
#include "leak/module.h"
#include "leak/report.h"
#include "leak/site.h"
#include "leak/thread_leaks.h"
#include "sys/context.h"
#include "world/maps.h"
#include "world/procfd.h"
#include "world/stop.h"
#include "world/tasks.h"

#include <limits.h>
#include <string.h>

#define STACK_MOST  ((size_t)256 << 10)
#define STACK_LEAST ((size_t)16 << 10)
#define ALL_MOST    ((size_t)8 << 20)
enum { CHUNK_BYTES = 48 << 10, SLOW_MOST = 2, PIECES = 2 };

struct piece {
    uintptr_t address;
    size_t bytes;
};

// What was copied of the thread that was stopped last.
static struct {
    unsigned char *memory;
    size_t limit; // of a piece
    struct piece pieces[PIECES];
    uint64_t registers[CONTEXT_REGISTERS];
    uintptr_t stack_lo, stack_hi;
    bool registered;
} copy;

static unsigned slow;     // threads that did not stop
static pid_t wanted_tid;  // 0: all
static size_t told_tasks; // threads of the answer

static void copy_piece(unsigned number, uintptr_t from, uintptr_t to)
{
    size_t bytes = to > from ? min_size(to - from, copy.limit) : 0;
    copy.pieces[number] = (struct piece){from,
                                         procfd_read_memory(from, copy.memory + number * STACK_MOST, bytes)};
}

// In a stopped thread's stead. On another stack than its own (a signal's, a coroutine's) it has come from its own somewhere: that one's
// upper part goes along.
static void copy_thread(struct thread *t)
{
    uintptr_t sp = t->sp & ~(uintptr_t)7, lo = t->stack_lo, hi = t->stack_hi;
    bool on_its_own = sp >= lo && sp < hi;
    if (t->context)
        context_registers(t->context, copy.registers);
    else
        context_spilled_registers(t->sp, copy.registers);
    copy.stack_lo = lo;
    copy.stack_hi = hi;
    copy.registered = t->cache;
    copy_piece(0, sp, on_its_own ? hi : sp + copy.limit);
    copy_piece(1, hi - min_size(hi - lo, copy.limit), on_its_own ? 0 : hi);
}

static void cut_line(char *text) { text[strcspn(text, "\n")] = 0; }

// Field 3 of proc_pid_stat(5), behind the name, which may hold anything.
static void put_state(pid_t tid)
{
    char text[512], state[2] = "?";
    const char *end = tasks_read(tid, "stat", text, sizeof text) > 0 ? strrchr(text, ')') : NULL;
    if (end && end[1] == ' ' && end[2])
        state[0] = end[2];
    json_string("state", state);
    if (tasks_read(tid, "wchan", text, sizeof text) > 0 && strcmp(text, "0") != 0)
        json_string("waits_in", text);
}

static void put_registers(void)
{
    json_open("registers", '[');
    for (int i = 0; i < CONTEXT_REGISTERS; i++)
        json_hex(NULL, copy.registers[i]);
    json_close(']');
}

static void put_piece(pid_t tid, unsigned number)
{
    const struct piece *piece = &copy.pieces[number];
    for (size_t at = 0; at < piece->bytes; at += CHUNK_BYTES) {
        json_begin("stack");
        json_number("tid", (uint64_t)tid);
        json_hex("address", piece->address + at);
        json_base64("data", copy.memory + number * STACK_MOST + at, min_size(CHUNK_BYTES, piece->bytes - at));
        json_end(answer_put);
    }
}

// The copy is of another thread while the line is begun, and nobody's when the thread did not stop.
static const char *stop_and_copy(pid_t tid)
{
    if (slow >= SLOW_MOST)
        return "others did not stop in time";
    const char *problem = world_visit(tid, copy_thread);
    slow += problem == world_too_slow;
    return problem;
}

static void put_thread(pid_t tid, void *unused)
{
    char name[64];
    (void)unused;
    if (thread_is_own(tid) || (wanted_tid && tid != wanted_tid) ||
        tasks_read(tid, "comm", name, sizeof name) <= 0)
        return;
    cut_line(name);
    told_tasks++;
    json_begin("thread"); // its state is told first: stopped it would be another
    json_number("tid", (uint64_t)tid);
    json_string("name", name);
    put_state(tid);
    const char *problem = stop_and_copy(tid);
    if (problem) {
        json_string("not_stopped", problem);
    } else {
        json_bool("registered", copy.registered);
        if (copy.stack_hi) {
            json_hex("stack_lo", copy.stack_lo);
            json_hex("stack_hi", copy.stack_hi);
        }
        put_registers();
    }
    json_end(answer_put);
    for (unsigned i = 0; !problem && i < PIECES; i++)
        put_piece(tid, i);
}

// Every file that code was mapped from: whose frames are on the stacks is found out elsewhere.
static void put_modules(void)
{
    struct mapping m;
    sites_check_modules();
    if (!maps_refresh())
        return;
    for (uintptr_t at = 0; maps_next(at, MAPPING_EXEC, &m) && m.hi > at; at = m.hi)
        report_put_module(module_at(m.lo));
}

static void count_task(pid_t tid, void *count)
{
    (void)tid;
    ++*(size_t *)count;
}

void stacks_all(uint64_t tid)
{
    size_t tasks = 0;
    slow = 0;
    told_tasks = 0;
    if (tid > INT_MAX) {
        answer_error("there is no thread %lu: `stacks` lists them", tid);
        return;
    }
    wanted_tid = (pid_t)tid;
    copy.memory = meta_map(PIECES * STACK_MOST);
    if (!copy.memory || !tasks_each(count_task, &tasks)) {
        answer_error("%s", copy.memory ? "the kernel's list of threads (/proc/self/task) cannot be read"
                                       : "no memory to copy stacks");
    } else {
        copy.limit = max_size(STACK_LEAST, min_size(STACK_MOST, ALL_MOST / (tid ? 1 : max_size(tasks, 1))));
        put_modules();
        tasks_each(put_thread, NULL);
        if (tid && !told_tasks)
            answer_error("there is no thread %lu: `stacks` lists them", tid);
        else if (!tid)
            thread_leaks_put(trace_elapsed_ns());
    }
    if (copy.memory)
        meta_unmap(copy.memory, PIECES * STACK_MOST);
}
