// The one slot through which a request goes from the thread that talks to clients to the collector thread, and its answer back.
//
//   EMPTY ──(talker) ask──> ASKED ──(collector) answer──> ANSWERED ──(talker) take──> EMPTY
//
// M1. The talker writes the request while EMPTY, the collector the answer while ASKED; each gives the slot on by a store to `state`.
// M2. The memory that `told` points to stays until the answer was taken.
#pragma once

#include "ctl/answer.h"
#include "ctl/request.h"

#include <stdatomic.h>

enum { TOLD_MODULES = 4096 };

// Which sites and modules one connection has been told of: an answer describes only those that are new.
struct told {
    uint64_t *sites; // SITES_MAX bits; NULL: none yet
    uint64_t modules[TOLD_MODULES / 64];
    bool process;
};

enum mailbox_state { MAILBOX_EMPTY, MAILBOX_ASKED, MAILBOX_ANSWERED };

struct mailbox {
    _Atomic uint32_t state;
    struct told *told;
    size_t bytes;
    char line[REQUEST_LINE_MOST];
    struct answer answer;
};
