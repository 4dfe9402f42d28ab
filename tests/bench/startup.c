/* startup: what preloading a library adds to a process that does nothing. Starts /bin/true plain
 * and preloaded by turns and prints medians; the difference is taken pair by pair. */
#include "bench.h"
#include <spawn.h>
#include <sys/wait.h>

static int64_t run_ns(const char *preload)
{
    char *plain_env[] = { NULL };
    char setting[4096];
    snprintf(setting, sizeof setting, "LD_PRELOAD=%s", preload);
    char *preload_env[] = { setting, NULL };
    char *argv[] = { "/bin/true", NULL };
    pid_t pid;
    int status;

    int64_t began = now_ns();
    int error = posix_spawn(&pid, argv[0], NULL, NULL, argv, *preload ? preload_env : plain_env);
    if (error)
        fail("posix_spawn: %s", strerror(error));
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            fail("waitpid: %s", strerror(errno));
    int64_t took = now_ns() - began;
    if (status != 0)
        fail("/bin/true with LD_PRELOAD=%s ended with status 0x%x", preload, status);
    return took;
}

static int compare(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static double quantile_us(int64_t *sorted, long count, double share)
{
    return sorted[(long)(share * (count - 1) + 0.5)] / 1e3;
}

int main(int argc, char **argv)
{
    options_begin(argc, argv);
    const char *preload = option_text("preload", "", "library, as in LD_PRELOAD");
    long runs = scaled(option("runs", 200, "pairs of runs"));
    options_end();

    int64_t plain[runs], preloaded[runs], difference[runs];
    run_ns("");
    run_ns(preload);
    for (long i = 0; i < runs; i++) {
        plain[i] = run_ns("");
        preloaded[i] = run_ns(preload);
        difference[i] = preloaded[i] - plain[i];
    }
    qsort(plain, runs, sizeof *plain, compare);
    qsort(preloaded, runs, sizeof *preloaded, compare);
    qsort(difference, runs, sizeof *difference, compare);
    result("plain_us", quantile_us(plain, runs, 0.5));
    result("preloaded_us", quantile_us(preloaded, runs, 0.5));
    result("difference_us", quantile_us(difference, runs, 0.5));
    result("spread_us", quantile_us(difference, runs, 0.75) - quantile_us(difference, runs, 0.25));
    result_checksum(runs);
}
