// Questions to the kernel: limits, times, names, identities and schedules arrive in cold heap memory.
#include "cold.h"
#include <grp.h>
#include <linux/capability.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/sysinfo.h>
#include <sys/time.h>
#include <sys/times.h>
#include <sys/uio.h>
#include <sys/utsname.h>

static void c_uname(void) { struct utsname *b = cold(); CHECK(uname(b) == 0 && strcmp(b->sysname, "Linux") == 0); }
static void c_sysinfo(void) { struct sysinfo *b = cold(); CHECK(sysinfo(b) == 0 && b->totalram > 0); }
static void c_getrusage(void) { struct rusage *b = cold(); CHECK(getrusage(RUSAGE_SELF, b) == 0 && b->ru_maxrss > 0); }
static void c_times(void) { struct tms *b = cold(); memset(b, 0x7f, sizeof *b); CHECK(times(b) != -1 && b->tms_utime < 1000000); }
static void c_limits(void)
{
    struct rlimit *a = cold(), *b = cold();
    CHECK(getrlimit(RLIMIT_NOFILE, a) == 0 && a->rlim_cur > 2 && prlimit(0, RLIMIT_NOFILE, NULL, b) == 0 && b->rlim_cur == a->rlim_cur);
}
static void c_affinity(void) { cpu_set_t *b = cold(); CHECK(sched_getaffinity(0, sizeof *b, b) == 0 && CPU_COUNT(b) > 0); }
static void c_schedule(void)
{
    struct sched_param *a = cold();
    struct timespec *b = cold();
    a->sched_priority = 77;
    CHECK(sched_getparam(0, a) == 0 && a->sched_priority == 0 && sched_rr_get_interval(0, b) == 0 && b->tv_sec == 0);
}
static void c_identity(void)
{
    uid_t *a = cold(), *b = cold(), *c = cold();
    *a = *b = *c = 12345;
    CHECK(getresuid(a, b, c) == 0 && *a == getuid() && *b == geteuid());
    gid_t *groups = cold();
    CHECK(getgroups(64, groups) >= 0);
}
static void c_capabilities(void)
{
    struct __user_cap_header_struct *header = cold();
    struct __user_cap_data_struct *data = cold();
    *header = (struct __user_cap_header_struct){_LINUX_CAPABILITY_VERSION_3, 0};
    memset(data, 0x5a, 2 * sizeof *data);
    CHECK(syscall(SYS_capget, header, data) == 0 && data[1].effective != 0x5a5a5a5a);
}
static void c_clocks(void)
{
    struct timespec *a = cold(), *b = cold();
    struct timeval *c = cold();
    CHECK(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, a) == 0 && a->tv_sec < 1000 && clock_getres(CLOCK_MONOTONIC, b) == 0 && b->tv_nsec > 0);
    CHECK(gettimeofday(c, NULL) == 0 && c->tv_sec > 1000000000);
}
static void c_itimer(void)
{
    struct itimerval *b = cold(), hour = {.it_value.tv_sec = 3600}, none = {0};
    CHECK(setitimer(ITIMER_REAL, &hour, NULL) == 0 && getitimer(ITIMER_REAL, b) == 0 && b->it_value.tv_sec > 3000);
    b = cold();
    CHECK(setitimer(ITIMER_REAL, &none, b) == 0 && b->it_value.tv_sec > 3000);
}
static void c_getrandom(void)
{
    uint64_t *b = cold();
    b[0] = b[1] = 0;
    CHECK(getrandom(b, 16, 0) == 16 && (b[0] | b[1]) != 0);
}
static void c_mincore(void)
{
    unsigned char *b = cold();
    static char page[8192] __attribute__((aligned(4096)));
    page[0] = 1;
    *b = 0;
    CHECK(mincore(page, 4096, b) == 0 && (*b & 1));
}
static void c_process_vm_readv(void)
{
    char *b = cold();
    struct iovec to = {b, 6}, from = {(void *)"vector", 6};
    CHECK(process_vm_readv(getpid(), &to, 1, &from, 1, 0) == 6 && memcmp(b, "vector", 6) == 0);
}
static void c_gethostname(void) { char *b = cold(); b[0] = 1; CHECK(gethostname(b, 256) == 0 && b[0] != 1); }
static void c_cpu(void)
{
    unsigned *a = cold(), *b = cold();
    *a = *b = 99999;
    CHECK(syscall(SYS_getcpu, a, b, NULL) == 0 && *a < 99999 && *b < 99999);
}

static const struct cold_call calls[] = {
    COLD(uname), COLD(sysinfo), COLD(getrusage), COLD(times), COLD(limits), COLD(affinity), COLD(schedule), COLD(identity),
    COLD(capabilities), COLD(clocks), COLD(itimer), COLD(getrandom), COLD(mincore), COLD(process_vm_readv), COLD(gethostname), COLD(cpu),
};

int main(void)
{
    cold_run(calls, COUNT(calls));
}
