// The same where what is freed waits for a cycle.
// env: GCPRE_STRESS=0 GCPRE_FREE=quarantine
// needs-library: yes
#include "api_finalizer.c"
