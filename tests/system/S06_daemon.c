// daemon() forks twice over and closes the standard descriptors: the daemon collects, and its parent ended with 0.
#include "check.h"

int main(void)
{
    int report[2];
    CHECK(pipe(report) == 0);
    hazard(100, 100, put_slot, drop_slot);
    pid_t child = fork();
    if (child == 0) {
        close(report[0]);
        CHECK(daemon(0, 0) == 0);
        hazard(100, 100, put_slot, drop_slot);
        CHECK(write(report[1], "fine", 4) == 4);
        _exit(0);
    }
    close(report[1]);
    char text[8] = "";
    expect_child(child, 0);
    CHECK(read(report[0], text, 7) == 4 && strcmp(text, "fine") == 0);
}
