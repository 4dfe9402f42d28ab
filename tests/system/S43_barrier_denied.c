// Tracking is denied by the system, or lies (as a container's seccomp profile, or an old kernel): userfaultfd refused,
// PAGEMAP_SCAN refused, PAGEMAP_SCAN that "succeeds" and reports nothing. The behaviour is probed, another way is taken.
// args: userfaultfd EPERM
// args: userfaultfd ENOSYS
// args: scan ENOTTY
// args: scan lies
// args: register lies
// allow-stderr: ^gcpre
#include "check.h"
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>

enum { PAGEMAP_SCAN_LOW = 0x10, UFFDIO_REGISTER_LOW = 0x00, UFFDIO_TYPE = 0xaa };
#define LOAD(field) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define UNLESS(value, skip) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, skip)

static void answer(int nr, unsigned mask, unsigned request, int error)
{
    struct sock_filter filter[] = {
        LOAD(nr), UNLESS((unsigned)nr, 4), LOAD(args[1]), BPF_STMT(BPF_ALU | BPF_AND | BPF_K, mask), UNLESS(request, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (unsigned)error), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {COUNT(filter), filter};
    CHECK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
    if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0) skip("no seccomp here");
}

static void restrict_and_run_again(char **argv)
{
    bool lies = strcmp(argv[2], "lies") == 0;
    int error = strcmp(argv[2], "EPERM") == 0 ? EPERM : strcmp(argv[2], "ENOSYS") == 0 ? ENOSYS : ENOTTY;
    if (strcmp(argv[1], "userfaultfd") == 0) answer(SYS_userfaultfd, 0, 0, error);
    if (strcmp(argv[1], "scan") == 0) answer(SYS_ioctl, 0xffff, 'f' << 8 | PAGEMAP_SCAN_LOW, lies ? 0 : error);
    if (strcmp(argv[1], "register") == 0) answer(SYS_ioctl, 0xffff, UFFDIO_TYPE << 8 | UFFDIO_REGISTER_LOW, 0);
    char *again[] = {argv[0], argv[1], argv[2], (char *)"restricted", NULL};
    execv("/proc/self/exe", again);
    check_failed(__FILE__, __LINE__, "execv", "returned");
}

static void *mutate(void *unused)
{
    char **table = (char **)calloc(5000, sizeof *table);  // pointers move between its pages behind the marker
    for (size_t i = 0; i < 5000; i += 50) table[i] = branded((char *)malloc(60), 60);
    for (size_t i = 0; i < 200000; i++) {
        size_t from = i * 50 % 5000, to = i * 1950 % 5000;
        char *p = table[from];
        table[from] = table[to];
        table[to] = p;
        if (i % 100 == 0) CHECK(is_allocated(hide(p)) && is_whole(hide(p), 60), "step %zu", i);
    }
    return unused;
}

int main(int argc, char **argv)
{
    if (argc == 3) restrict_and_run_again(argv);
    hazard(300, 60, put_slot, drop_slot);
    collector_start();
    join(start(mutate, NULL));
    collector_stop();
    hazard(300, 60, put_slot, drop_slot);
}
