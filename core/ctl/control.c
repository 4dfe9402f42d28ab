#include "ctl/control.h"

#include "base/options.h"
#include "ctl/command.h"
#include "ctl/endpoint.h"
#include "ctl/talker.h"
#include "gc/collector.h"
#include "leak/json.h"
#include "sys/syscall.h"

static struct collector_upcalls below; // what the leak layer does there
static bool talking;
static _Atomic bool over; // the process ends
static pid_t process;
static bool cycle_wanted; // `gc` is under way
static uint32_t ticket;

static void begin(void)
{
    bool in_child = process != sys_getpid();
    if (below.begin)
        below.begin();
    process = sys_getpid();
    cycle_wanted = false;
    command_begin(in_child);
    int socket = endpoint_open();
    talking = socket >= 0 && talker_start(socket);
    if (socket >= 0 && (!talking || atomic_load(&over)))
        endpoint_remove();
}

static void cycle_ended(void)
{
    command_note_cycle();
    if (below.cycle_ended)
        below.cycle_ended();
}

static void end(void)
{
    if (talking)
        talker_leave();
    talking = false;
}

static void give_answer(void)
{
    mailbox.answer = answer_take();
    atomic_store(&mailbox.state, MAILBOX_ANSWERED);
    talker_wake();
}

static void begin_answer(void)
{
    struct request request;
    char complaint[REQUEST_COMPLAINT_BYTES];
    answer_begin();
    if (!request_parse(mailbox.line, mailbox.bytes, &request, complaint))
        answer_error("%s", complaint);
    else if (request.command == COMMAND_GC)
        cycle_wanted = command_ask_cycle(&ticket);
    else
        command_run(&request, mailbox.told);
}

// One request, or what is left of it when its cycle has run.
static void errand(void)
{
    if (below.errand)
        below.errand();
    if (!talking || atomic_load(&mailbox.state) != MAILBOX_ASKED)
        return;
    json_sign(0); // a connection is one process's
    if (!cycle_wanted)
        begin_answer();
    else if (!collector_has_run(ticket))
        return;
    else
        command_tell_cycle();
    cycle_wanted = cycle_wanted && !collector_has_run(ticket);
    if (!cycle_wanted)
        give_answer();
}

void control_boot(char **envp)
{
    if (!options.control)
        return;
    endpoint_boot(envp);
    below = collector_upcalls;
    process = sys_getpid();
    collector_upcalls = (struct collector_upcalls){.keep_stderr = below.keep_stderr,
                                                   .begin = begin,
                                                   .cycle_ended = cycle_ended,
                                                   .errand = errand,
                                                   .end = end,
                                                   .at_once = true};
}

void control_retires(void)
{
    if (options.control)
        collector_pause();
}

void control_ends(void)
{
    atomic_store(&over, true);
    if (options.control)
        endpoint_remove();
}
