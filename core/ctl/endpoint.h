// The socket in the file system: $XDG_RUNTIME_DIR/gcpre/PID.sock, or without that variable /tmp/gcpre-UID/PID.sock.
//
// P1. The folder is a real directory of the effective user's with mode 0700 (it is made, or put right), reached without following a
//     link at its name; otherwise there is no socket. The socket has mode 0600.
// P2. It is reached by a descriptor of the folder, so nobody can exchange the folder meanwhile.
// P3. A socket of that name at which nobody listens is replaced; one at which somebody does (another process of that number, in
//     another PID namespace) stays, and there is no socket. A name stands for somebody who listens from its first moment on.
// P4. It goes at exit and when our threads end. A process that is killed, leaves by _exit, or has become another user leaves it
//     behind; who comes next into that folder removes those at which nobody listens.
#pragma once

#include <stdbool.h>

// The environment at the start. Constructor.
void endpoint_boot(char **envp);
// A listening socket, or -1 after a line that says why. In the collector thread: the descriptors are its own.
int endpoint_open(void);
// Removes the socket of this process, if there is one. Any thread, outside vfork children or not.
void endpoint_remove(void);
