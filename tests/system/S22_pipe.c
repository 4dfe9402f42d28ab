// The only pointers sit in a pipe for three cycles, then are used and freed: detected, not corrupted.
// env: GCPRE_PROBATION=8
// expect-stderr: probation|hidden|condemned
#include "check.h"

int main(void)
{
    int ends[2];
    CHECK(pipe(ends) == 0);
    for (int i = 0; i < 20; i++) {
        char *p = herd_add(&held, (char *)malloc(700), 700);
        CHECK(write(ends[1], &p, sizeof p) == sizeof p);
    }
    drop_and_collect();
    for (int i = 0; i < 20; i++) {
        char *p;
        CHECK(read(ends[0], &p, sizeof p) == sizeof p);
        CHECK(is_whole(hide(p), 700), "corrupted");
        free(p);
    }
    drop_and_collect();
    char *fresh = branded((char *)malloc(700), 700);
    drop_and_collect();
    CHECK(is_whole(hide(fresh), 700));
}
