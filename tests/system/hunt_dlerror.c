// What the library looks up for itself leaves no error for the program's dlerror.
// env: GCPRE_LEAKS=exit GCPRE_REPORT=/dev/null
#include "check.h"

#include <dlfcn.h>

int main(void)
{
    const char *error = dlerror();
    CHECK(!error, "an error before main: %s", error);
}
