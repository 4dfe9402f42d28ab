// The storm with four mark workers, eight-byte steps and immediate reuse of what is condemned.
// env: GCPRE_WORKERS=4 GCPRE_SCAN_ALIGN=8
// timeout: 180
#include "storm.c"
