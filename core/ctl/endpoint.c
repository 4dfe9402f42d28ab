#include "ctl/endpoint.h"

#include "base/bits.h"
#include "base/log.h"
#include "sys/syscall.h"

#include <errno.h>
#include <limits.h>
#include <linux/fs.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

enum { BACKLOG = 8, SWEPT_MOST = 512, NAME_BYTES = 32 };

static char runtime_folder[PATH_MAX - 64]; // $XDG_RUNTIME_DIR; empty: none
static char path[PATH_MAX];                // of the socket
static _Atomic pid_t owner;                // whose it is; 0: there is none

void endpoint_boot(char **envp)
{
    static const char variable[] = "XDG_RUNTIME_DIR=/";
    for (; *envp; envp++)
        if (strncmp(*envp, variable, sizeof variable - 1) == 0 && !runtime_folder[0] &&
            strlen(*envp) < sizeof runtime_folder)
            strcpy(runtime_folder, *envp + sizeof variable - 2);
}

static uid_t user(void) { return (uid_t)sys_call3(SYS_geteuid, 0, 0, 0); }

// --- the folder (P1, P2) ----------------------------------------------------------------------------------------

static void print_own_path(char out[NAME_BYTES * 2], int folder, const char *name)
{
    format_text(out, NAME_BYTES * 2, "/proc/thread-self/fd/%d%s%s", folder, *name ? "/" : "", name);
}

static bool make_private(int folder, const struct stat *is)
{
    char own[NAME_BYTES * 2];
    print_own_path(own, folder, "");
    return (is->st_mode & 07777) == 0700 || sys_call(SYS_fchmodat, AT_FDCWD, (long)own, 0700, 0, 0, 0) == 0;
}

// The folder, or the negative errno value.
static int open_folder(const char *name)
{
    struct stat is;
    sys_call3(SYS_mkdirat, AT_FDCWD, (long)name, 0700);
    int folder = sys_open(name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, 0);
    if (folder < 0)
        return folder;
    long error = sys_call(SYS_newfstatat, folder, (long)"", (long)&is, AT_EMPTY_PATH, 0, 0);
    if (!error && (is.st_uid != user() || !make_private(folder, &is)))
        error = -EPERM;
    if (!error)
        return folder;
    sys_close(folder);
    return (int)error;
}

static int find_folder(char name[PATH_MAX])
{
    int folder = -ENOENT;
    if (runtime_folder[0]) {
        format_text(name, PATH_MAX, "%s/gcpre", runtime_folder);
        folder = open_folder(name);
    }
    if (folder < 0) {
        format_text(name, PATH_MAX, "/tmp/gcpre-%u", user());
        folder = open_folder(name);
    }
    return folder;
}

// --- sockets that were left behind (P3, P4) ---------------------------------------------------------------------

static int name_in(int folder, const char *name, struct sockaddr_un *out)
{
    *out = (struct sockaddr_un){.sun_family = AF_UNIX};
    print_own_path(out->sun_path, folder, name);
    return (int)(offsetof(struct sockaddr_un, sun_path) + strlen(out->sun_path) + 1);
}

static int new_socket(void)
{
    return (int)sys_call3(SYS_socket, AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

static bool is_dead(int folder, const char *name)
{
    struct sockaddr_un address;
    int bytes = name_in(folder, name, &address), fd = new_socket();
    long error = fd < 0 ? fd : sys_call3(SYS_connect, fd, (long)&address, bytes);
    if (fd >= 0)
        sys_close(fd);
    return error == -ECONNREFUSED;
}

static bool is_socket_name(const char *name)
{
    size_t digits = strspn(name, "0123456789");
    return digits && digits < 12 && strcmp(name + digits, ".sock") == 0;
}

// getdents64(2)'s record.
struct entry {
    uint64_t inode;
    int64_t offset;
    uint16_t bytes;
    uint8_t type;
    char name[];
};

static void sweep(int folder)
{
    static char buffer[8192] __attribute__((aligned(8)));
    int list = (int)sys_call(SYS_openat, folder, (long)".", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0, 0, 0);
    long bytes;
    int looked_at = 0;
    while (list >= 0 && (bytes = sys_call3(SYS_getdents64, list, (long)buffer, sizeof buffer)) > 0)
        for (long at = 0; at < bytes; at += ((const struct entry *)(buffer + at))->bytes) {
            const char *name = ((const struct entry *)(buffer + at))->name;
            if (is_socket_name(name) && looked_at++ < SWEPT_MOST && is_dead(folder, name))
                sys_call3(SYS_unlinkat, folder, (long)name, 0);
        }
    if (list >= 0)
        sys_close(list);
}

// --- the socket -------------------------------------------------------------------------------------------------

// Its mode is what the descriptor's is now, less the umask: no moment in which it is anything else.
static long bind_and_listen(int fd, int folder, const char *name)
{
    struct sockaddr_un address;
    int bytes = name_in(folder, name, &address);
    sys_call3(SYS_fchmod, fd, 0600, 0);
    long error = sys_call3(SYS_bind, fd, (long)&address, bytes);
    if (!error)
        error = sys_call(SYS_fchmodat, AT_FDCWD, (long)address.sun_path, 0600, 0, 0, 0);
    return error ? error : sys_call3(SYS_listen, fd, BACKLOG, 0);
}

// It gets its name when somebody listens: before that others would take it for one that was left behind.
static long publish(int fd, int folder, const char *name)
{
    char unborn[NAME_BYTES];
    format_text(unborn, sizeof unborn, "%s.new", name);
    sys_call3(SYS_unlinkat, folder, (long)unborn, 0);
    long error = bind_and_listen(fd, folder, unborn);
    if (!error)
        error = sys_call(SYS_renameat2, folder, (long)unborn, folder, (long)name, RENAME_NOREPLACE, 0);
    if (error)
        sys_call3(SYS_unlinkat, folder, (long)unborn, 0);
    return error;
}

static int open_in(int folder, const char *name)
{
    int fd = new_socket();
    long error = fd < 0 ? fd : publish(fd, folder, name);
    if (!error)
        return fd;
    if (fd >= 0)
        sys_close(fd);
    return (int)error;
}

int endpoint_open(void)
{
    char folder_name[PATH_MAX], name[NAME_BYTES];
    pid_t process = sys_getpid();
    int folder = find_folder(folder_name), fd = folder;
    format_text(name, sizeof name, "%d.sock", process);
    if (folder >= 0) {
        sweep(folder);
        fd = open_in(folder, name);
        sys_close(folder);
    }
    if (fd < 0) {
        log_line("no control socket: %s/%s (error %d)", folder_name, name, -fd);
        return -1;
    }
    format_text(path, sizeof path, "%s/%s", folder_name, name);
    atomic_store(&owner, process);
    return fd;
}

void endpoint_remove(void)
{
    pid_t process = sys_getpid();
    if (atomic_compare_exchange_strong(&owner, &process, 0))
        sys_call3(SYS_unlinkat, AT_FDCWD, (long)path, 0);
}
