// The same while leaks are hunted: stacks, sites, notes, findings and the report do without what they do not get.
// env: GCPRE_LEAKS=exit,cycle GCPRE_REPORT=/dev/null
// config: uffd
// timeout: 300
#define REPORTS
#include "S54_faults.c"
