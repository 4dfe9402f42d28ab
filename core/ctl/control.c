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
static enum { WAITING, CYCLE_WANTED, MORE_TO_DO } state; // of the request
static uint32_t ticket;

static void begin(void)
{
    bool in_child = process != sys_getpid();
    if (below.begin)
        below.begin();
    process = sys_getpid();
    state = WAITING;
    command_begin(in_child);
    int socket = endpoint_open();
    talking = socket >= 0 && talker_start(socket);
    if (socket >= 0 && (!talking || atomic_load(&over)))
        endpoint_remove();
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
    else if (command_takes_cycle(request.command))
        state = command_ask_cycle(&request, mailbox.told, &ticket) ? CYCLE_WANTED : WAITING;
    else
        state = command_run(&request, mailbox.told) ? MORE_TO_DO : WAITING;
}

// What is left of the request.
static void go_on(void)
{
    if (state == MORE_TO_DO) {
        state = command_go_on() ? MORE_TO_DO : WAITING;
    } else if (collector_has_run(ticket)) {
        command_tell_cycle();
        state = WAITING;
    }
}

// One request, or a step of it, or what is left when its cycle has run.
static void errand(void)
{
    if (below.errand)
        below.errand();
    if (!talking || atomic_load(&mailbox.state) != MAILBOX_ASKED)
        return;
    json_sign(0); // a connection is one process's
    (state == WAITING ? begin_answer : go_on)();
    if (state == WAITING)
        give_answer();
    if (state == MORE_TO_DO)
        collector_call();
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
                                                   .cycle_ended = below.cycle_ended,
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
