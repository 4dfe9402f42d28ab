// The storm with every free held back until proven unreachable, and condemned blocks in probation for two cycles.
// env: GCPRE_FREE=quarantine GCPRE_PROBATION=2
// timeout: 180
#include "storm.c"
