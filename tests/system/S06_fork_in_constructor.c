// A constructor forks and both sides go on allocating and collecting.
#include "check.h"

static char *slots[100];
static void put(size_t i, char *p) { slots[i] = p; }
static void drop(size_t i) { slots[i] = NULL; }

__attribute__((constructor)) static void early(void)
{
    slots[0] = (char *)malloc(100);
    pid_t child = fork();
    if (child == 0) {
        hazard(100, 100, put, drop);
        exit(7);
    }
    expect_child(child, 7 << 8);
}

int main(void)
{
    hazard(100, 100, put, drop);
}
