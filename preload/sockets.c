// Sockets with timeouts of their own (SO_RCVTIMEO, SO_SNDTIMEO): calls that a stop interrupted keep their length (S32,
// world/interrupt.h). Here are those that send; preload/kwrite.c has those that receive.
#include "real.h"

#include "world/interrupt.h"

#include <sys/socket.h>

typedef long any_function(long a, long b, long c, long d, long e, long f);

// From now on every call that may be a socket's notes when it began. A socket from elsewhere may have a timeout already: nobody knows.
EXPORT int setsockopt(int socket, int level, int option, const void *value, socklen_t bytes)
{
    static void *_Atomic cache;
    typeof(setsockopt) *real = real_symbol(&cache, "setsockopt");
    if (level == SOL_SOCKET && (option == SO_RCVTIMEO || option == SO_SNDTIMEO))
        interrupt_sockets = true;
    return real(socket, level, option, value, bytes);
}

// All of them take integers and pointers only: arguments pass through registers untouched.
#define ANNOUNCE(name)                                                            \
    any_function interposed_##name __asm__(#name);                                \
    EXPORT long interposed_##name(long a, long b, long c, long d, long e, long f) \
    {                                                                             \
        static void *_Atomic cache;                                               \
        any_function *real = (any_function *)real_symbol(&cache, #name);          \
        interrupt_announce_socket();                                              \
        long result = real(a, b, c, d, e, f);                                     \
        interrupt_forget();                                                       \
        return result;                                                            \
    }

ANNOUNCE(write)
ANNOUNCE(writev)
ANNOUNCE(send)
ANNOUNCE(sendto)
ANNOUNCE(sendmsg)
ANNOUNCE(connect)
