// A constructor forks and both sides go on allocating and collecting.
#include "check.h"

__attribute__((constructor)) static void early(void)
{
    slots[0] = (char *)malloc(100);
    pid_t child = fork();
    if (child == 0) {
        hazard(100, 100, put_slot, drop_slot);
        exit(7);
    }
    expect_child(child, 7 << 8);
}

int main(void)
{
    hazard(100, 100, put_slot, drop_slot);
}
