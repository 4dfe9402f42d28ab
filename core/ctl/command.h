// What the commands of the control socket do. Collector thread only, between cycles; answers go through ctl/answer.h.
#pragma once

#include "ctl/mailbox.h"

// The collector thread begins; in a forked child everything that was kept is the parent's, and is forgotten.
void command_begin(bool in_child);
// A cycle has ended.
void command_note_cycle(void);

// Any but `gc`. `told` is the connection's.
void command_run(const struct request *request, struct told *told);

// `gc`: false, with an error in the answer, when there can be none; else command_tell_cycle answers once it has run.
bool command_ask_cycle(uint32_t *ticket);
void command_tell_cycle(void);
