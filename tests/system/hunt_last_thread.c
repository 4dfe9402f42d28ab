// The process ends with its last thread, and its end is looked at, when main has gone by pthread_exit.
// env: GCPRE_LEAKS=exit GCPRE_REPORT=/dev/null
// expect-stdout: handled
#include "S06_last_thread.c"
