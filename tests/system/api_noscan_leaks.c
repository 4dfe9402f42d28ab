// The same while leaks are hunted: such blocks have notes like all.
// env: GCPRE_STRESS=0 GCPRE_VERIFY=0 GCPRE_LEAKS=exit GCPRE_REPORT=report
// config: default none
#include "api_noscan.c"
