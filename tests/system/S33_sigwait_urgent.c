// sigwait, sigwaitinfo, sigtimedwait and a signalfd with full sets also report a real SIGURG.
// known-gap: S33 sigwait for the stop signal itself is not served yet
#define SIGNALS SIGUSR1, SIGURG, SIGCHLD, SIGURG, SIGTERM
#include "S33_sigwait.c"
