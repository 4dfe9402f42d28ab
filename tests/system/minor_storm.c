// Blocks are built, dropped, and what only they lead to is moved from one to the other, while some cycles keep their marks and others do not: no
// block is born with a mark that a full cycle would take for its own.
// needs-library: yes
#define FINALIZERS false
#include "api_finalizer_storm.c"
