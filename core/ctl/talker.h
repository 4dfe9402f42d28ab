// The thread that talks to clients: accepts, reads requests, hands them to the collector thread (ctl/mailbox.h), writes answers.
//
//   GREETED ──line──> WAITING ──slot free──> ASKED ──answer──> ANSWERING ──written──> GREETED
//
// T1. It does nothing else, so no client, slow or hostile, holds up a cycle; and the collector thread touches no client.
// T2. Everything is bounded: CLIENTS_MOST connections, a line of REQUEST_LINE_MOST bytes, an answer of ANSWER_BYTES_MOST, one request of
//     each client at a time, a time for every state but the collector's own.
// T3. It calls the kernel alone, never libc; writing to who has gone raises no signal (MSG_NOSIGNAL).
// T4. Only the same user and root are served, whatever the modes of files say.
#pragma once

#include "ctl/mailbox.h"

extern struct mailbox mailbox;

// Takes over a listening socket; false: no thread could be had. In the collector thread, at its start.
bool talker_start(int listening);
// The mailbox has an answer. Collector thread.
void talker_wake(void);
// Tells it to end; workers_reap waits for it. Collector thread.
void talker_leave(void);
