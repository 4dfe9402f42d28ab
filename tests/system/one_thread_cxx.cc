// Nor has one in C++, whose library allocates before the constructor of ours has run.
// config: default
#include <cstdio>
#include <cstring>
#include <new>

int main()
{
    char line[200];
    for (int i = 0; i < 2000; i++) {
        char *volatile block = new char[i];
        delete[] block;
    }
    std::FILE *status = std::fopen("/proc/self/status", "r");
    while (status && std::fgets(line, sizeof line, status))
        if (std::strcmp(line, "Threads:\t1\n") == 0) return 0;
    return 1;
}
