// A seccomp filter, as OpenSSH's, that kills on any system call but a few: malloc and free go on, the program lives.
// args: prctl
// args: seccomp
// allow-stderr: ^gcpre
#include "check.h"
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>

#define ALLOW(nr) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, nr, 0, 1), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)

static struct sock_filter filter[] = {
    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
    ALLOW(SYS_brk), ALLOW(SYS_clock_gettime), ALLOW(SYS_close), ALLOW(SYS_exit), ALLOW(SYS_exit_group), ALLOW(SYS_futex),
    ALLOW(SYS_getpid), ALLOW(SYS_getrandom), ALLOW(SYS_gettimeofday), ALLOW(SYS_madvise), ALLOW(SYS_mmap), ALLOW(SYS_mremap),
    ALLOW(SYS_munmap), ALLOW(SYS_nanosleep), ALLOW(SYS_poll), ALLOW(SYS_read), ALLOW(SYS_rt_sigprocmask), ALLOW(SYS_rt_sigreturn),
    ALLOW(SYS_write),
    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
};

int main(int argc, char **argv)
{
    static char *blocks[2000];
    struct sock_fprog program = {COUNT(filter), filter};
    CHECK(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, NULL) == -1 && errno == EFAULT); // is there seccomp? Nothing is restricted yet.
    CHECK(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, NULL) == -1 && errno == EFAULT);
    herd_lose(&lost, 1000, RARE_SIZE);
    drop_and_collect();
    herd_check_gone(&lost);
    CHECK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
    bool by_prctl = strcmp(argv[argc - 1], "prctl") == 0;
    CHECK((by_prctl ? prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) : (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program)) == 0);
    for (unsigned i = 0; i < 400000; i++) {
        char **slot = &blocks[i * 7 % COUNT(blocks)];
        if (i % 3) free(*slot);
        *slot = branded((char *)malloc(16 + i % 700), 16);
    }
    char *large = branded((char *)malloc(30 << 20), 30 << 20);
    free(large);
    collect();
    for (size_t i = 0; i < COUNT(blocks); i++) CHECK(is_allocated(hide(blocks[i])) && is_whole(hide(blocks[i]), 16), "block %zu", i);
    syscall(SYS_exit_group, 0);
}
