// The control socket of a running process, for scripts/gcpre: who may connect asks, the collector thread answers.
//
// Protocol, version 1. The server greets with a line "gcpre 1 PID". A request is a line "COMMAND [arguments]" (ctl/commands.def). An
// answer is lines of JSON, an object each with a `type`, and ends with {"type":"ok"} or {"type":"error","message":...}. The records of
// core/leak/FORMAT.md mean the same here; a connection is told of the process, a site or module before its first use, once.
//
// N1. Commands run in the collector thread between two cycles, one at a time: never while the world is stopped, and a cycle waits
//     for one command at most, or for one step of a command that looks through the whole heap (ctl/why.c).
// N2. Without GCPRE_CONTROL=1 nothing of this exists. With it the malloc path has no more to do than without.
// N3. Its descriptors are in the collector's own table: the program neither sees nor inherits them.
// N4. A forked child has a socket of its own from its next slow allocation on; nobody in it is connected to its parent's clients.
// N5. Before calls that allow one thread only, and before a seccomp filter, the socket goes. After the former it comes back.
#pragma once

// When the options ask for it. Constructor, after hunt_boot.
void control_boot(char **envp);
// The process ends: its socket goes.
void control_ends(void);
// The program restricts its system calls: nothing of this may make one any more. Outside critical sections.
void control_retires(void);
