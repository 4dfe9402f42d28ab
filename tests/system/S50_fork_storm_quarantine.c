// Forks while other threads free into the quarantine: its table's lock is nobody else's in the child.
// env: GCPRE_FREE=quarantine
// args: fork
// args: _Fork
// args: syscall
// timeout: 120
#include "S50_fork_storm.c"
