// Forks from several threads that allocate, with the unwinder in use: the child can take stacks, and has a report of its own.
// env: GCPRE_LEAKS=exit GCPRE_FORMAT=json GCPRE_REPORT=/dev/null
// args: fork
// args: _Fork
// args: syscall
// timeout: 180
#include "S50_fork_storm.c"
