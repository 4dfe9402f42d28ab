// What a pool drops is no leak.
// env: GCPRE_STRESS=0 GCPRE_VERIFY=0 GCPRE_LEAKS=exit GCPRE_EXITCODE=23 GCPRE_REPORT=report
// config: default none
#include "api_pool.c"
