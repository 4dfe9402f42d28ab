// Nor does it write into files that the program opens by numbers which it closed.
// args: closefrom
// args: close_range
// args: loop
// allow-stderr: ^gcpre
// env: GCPRE_LEAKS=exit GCPRE_REPORT=/dev/null
#include "S45_closefrom.c"
