// What the commands of the control socket do. Collector thread only, between cycles; answers go through ctl/answer.h.
#pragma once

#include "ctl/mailbox.h"

// The collector thread begins; in a forked child everything that was kept is the parent's, and is forgotten.
void command_begin(bool in_child);

// Whether it is one that takes a cycle.
bool command_takes_cycle(enum command command);
// Any other. `told` is the connection's. True: there is more to do, by command_go_on, until that says false; cycles may run between.
bool command_run(const struct request *request, struct told *told);
bool command_go_on(void);

// One that does: false, with an error in the answer, when there can be none; else command_tell_cycle answers once it has run.
bool command_ask_cycle(const struct request *request, struct told *told, uint32_t *ticket);
void command_tell_cycle(void);
