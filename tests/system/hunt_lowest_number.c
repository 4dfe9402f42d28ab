// The unwinder has no descriptors of its own either.
// env: GCPRE_LEAKS=exit GCPRE_REPORT=/dev/null
#include "S45_lowest_number.c"
