// Faults on demand, in the build for them (`make fault`, -DGCPRE_FAULTS): the nth of our own system calls that can fail does.
//
// FAULT_AT=n in the environment names it, counted from the process's first, in its
// forked children too; at the end a line on standard error says that it came. The
// program's calls are not concerned, nor those of the C library on its behalf.
#pragma once

// 0, or the negative errno value with which the call that is about to be made shall end instead.
#ifdef GCPRE_FAULTS
long sys_fault(long number);
#else
static inline long sys_fault(long number)
{
    (void)number;
    return 0;
}
#endif
