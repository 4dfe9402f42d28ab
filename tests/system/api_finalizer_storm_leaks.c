// The same while leaks are hunted: the blocks have notes, and wait in probation.
// env: GCPRE_LEAKS=exit,cycle GCPRE_FORMAT=json GCPRE_REPORT=/dev/null
// timeout: 180
// needs-library: yes
#include "api_finalizer_storm.c"
