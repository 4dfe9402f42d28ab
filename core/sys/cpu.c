#include "sys/cpu.h"

#include "sys/syscall.h"

int cpu_count(void)
{
    uint64_t mask[128]; // 8192 processors
    long bytes = sys_call3(SYS_sched_getaffinity, 0, sizeof mask, (long)mask);
    int count = 0;
    for (long i = 0; i < bytes / 8; i++)
        count += __builtin_popcountll(mask[i]);
    return count > 0 ? count : 1;
}
