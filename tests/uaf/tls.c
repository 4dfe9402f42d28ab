// The pointer is a thread's own variable.
#include "uaf.h"

static __thread char *current_user;

static bool scene(struct scene *s)
{
    begin(s, 64, take_plainly);
    current_user = (char *)watch(s, take_plainly(64));
    strcpy(current_user, "alice");
    free(current_user);
    groom(s, "root", 5);
    return strcmp(current_user, "root") == 0;
}
