// Files: read, stat, directories, links, locks, offsets and attributes arrive in cold heap memory.
// cflags: -Wno-unused-result
#include "cold.h"
#include <dirent.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/uio.h>
#include <sys/xattr.h>

static int file, copy, ends[2];
static ino_t inode;
static const char text[] = "0123456789abcdef";

static void c_read(void) { char *b = cold(); CHECK(lseek(file, 0, SEEK_SET) == 0 && read(file, b, 16) == 16 && memcmp(b, text, 16) == 0); }
static void c_read_large(void) { char *b = cold(); CHECK(pread(file, b, 32768, 0) == 32768 && memcmp(b, text, 16) == 0 && memcmp(b + 32752, text, 16) == 0); }
static void c_pread(void) { char *b = cold(); CHECK(pread(file, b, 6, 10) == 6 && memcmp(b, "abcdef", 6) == 0); }
static void c_preadv(void)
{
    struct iovec *parts = cold();
    char *a = cold(), *b = cold();
    parts[0] = (struct iovec){a, 3}, parts[1] = (struct iovec){b, 3};
    CHECK(preadv(file, parts, 2, 10) == 6 && memcmp(a, "abc", 3) == 0 && memcmp(b, "def", 3) == 0);
}
static void c_read_pipe(void) { char *b = cold(); CHECK(write(ends[1], text, 16) == 16 && read(ends[0], b, 100) == 16 && memcmp(b, text, 16) == 0); }
static void c_write(void) { char *b = cold(); CHECK(pread(file, b, 16, 0) == 16 && pwrite(copy, b, 16, 0) == 16); }
static void c_stat(void)
{
    struct stat *a = cold(), *b = cold(), *c = cold(), *d = cold();
    CHECK(stat("file", a) == 0 && a->st_ino == inode && fstat(file, b) == 0 && b->st_ino == inode);
    CHECK(lstat("file", c) == 0 && c->st_ino == inode && fstatat(AT_FDCWD, "file", d, 0) == 0 && d->st_size == 65536);
}
static void c_statx(void) { struct statx *b = cold(); CHECK(statx(AT_FDCWD, "file", 0, STATX_ALL, b) == 0 && b->stx_ino == inode); }
static void c_statfs(void)
{
    struct statfs *a = cold(), *b = cold();
    struct statvfs *c = cold();
    CHECK(statfs(".", a) == 0 && a->f_bsize > 0 && fstatfs(file, b) == 0 && b->f_type == a->f_type && statvfs(".", c) == 0 && c->f_bsize > 0);
}
static void c_getcwd(void) { char *b = cold(); CHECK(getcwd(b, 4096) == b && b[0] == '/' && chdir(b) == 0); }
static void c_readlink(void) { char *b = cold(); CHECK(readlink("link", b, 100) == 4 && memcmp(b, "file", 4) == 0 && readlinkat(AT_FDCWD, "link", cold(), 100) == 4); }
static void c_realpath(void) { char *b = cold(); CHECK(realpath("link", b) == b && strcmp(strrchr(b, '/'), "/file") == 0); }
static void c_getdents(void)
{
    int fd = open(".", O_RDONLY | O_DIRECTORY);
    struct dirent64 *b = cold();
    CHECK(getdents64(fd, b, 4096) > 0 && b->d_reclen > 0 && b->d_name[0] != 0);
    close(fd);
}
static void c_fionread(void) { int *n = cold(); CHECK(write(ends[1], "12345", 5) == 5 && ioctl(ends[0], FIONREAD, n) == 0 && *n == 5); read(ends[0], cold(), 5); }
static void c_getlk(void)
{
    struct flock *lock = cold();
    *lock = (struct flock){.l_type = F_WRLCK, .l_whence = SEEK_SET};
    CHECK(fcntl(file, F_GETLK, lock) == 0 && lock->l_type == F_UNLCK);
}
static void c_offsets(void)
{
    off_t *in = cold(), *out = cold();
    *in = 16, *out = 0;
    CHECK(sendfile(copy, file, in, 16) == 16 && *in == 32);
    *in = 4;
    CHECK(copy_file_range(file, in, copy, out, 16, 0) == 16 && *in == 20 && *out == 16);
    *in = 8;
    CHECK(splice(file, in, ends[1], NULL, 8, 0) == 8 && *in == 16 && read(ends[0], cold(), 8) == 8);
}
static void c_xattr(void)
{
    char *b = cold();
    if (fsetxattr(file, "user.test", "value", 5, 0) != 0) return;  // not on every file system
    CHECK(fgetxattr(file, "user.test", b, 100) == 5 && memcmp(b, "value", 5) == 0);
    b = cold();
    CHECK(flistxattr(file, b, 1000) >= 10);
}

static const struct cold_call calls[] = {
    COLD(read), COLD(read_large), COLD(pread), COLD(preadv), COLD(read_pipe), COLD(write), COLD(stat), COLD(statx), COLD(statfs),
    COLD(getcwd), COLD(readlink), COLD(realpath), COLD(getdents), COLD(fionread), COLD(getlk), COLD(offsets), COLD(xattr),
};

int main(void)
{
    struct stat state;
    file = open("file", O_RDWR | O_CREAT, 0600), copy = open("copy", O_RDWR | O_CREAT, 0600);
    for (int i = 0; i < 4096; i++) CHECK(write(file, text, 16) == 16);
    CHECK(symlink("file", "link") == 0 && fstat(file, &state) == 0 && pipe(ends) == 0);
    inode = state.st_ino;
    cold_run(calls, COUNT(calls));
}
