// No thread is cancelled inside malloc, where its stack is taken.
// env: GCPRE_LEAKS=exit GCPRE_REPORT=/dev/null
#include "S38_cancel.c"
