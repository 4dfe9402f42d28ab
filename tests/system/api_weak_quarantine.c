// The same where what is freed waits for a cycle: freeing alone clears the references.
// env: GCPRE_STRESS=0 GCPRE_FREE=quarantine
// needs-library: yes
#include "api_weak.c"
