// Ten thousand short threads while leaks are hunted: caches of stacks and noted magazines come and go with them.
// env: GCPRE_TRACE=1 GCPRE_LOG=trace GCPRE_LEAKS=exit GCPRE_FORMAT=json GCPRE_REPORT=/dev/null
// timeout: 240
#include "S38_thread_storm.c"
