// sigwait, sigwaitinfo, sigtimedwait and a signalfd with full sets also report a real SIGURG.
#define SIGNALS SIGUSR1, SIGURG, SIGCHLD, SIGURG, SIGTERM
#include "S33_sigwait.c"
