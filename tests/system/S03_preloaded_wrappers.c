// Another preloaded library allocates inside its wrappers of mmap, munmap, open and pthread_create, before us or behind us.
// plugin: preload
#include "check.h"
#include <dlfcn.h>

#ifdef PLUGIN
static void *next(const char *name)
{
    free(malloc(3000));
    return dlsym(RTLD_NEXT, name);
}
void *mmap(void *at, size_t size, int prot, int flags, int fd, off_t offset)
{
    return ((void *(*)(void *, size_t, int, int, int, off_t))next("mmap"))(at, size, prot, flags, fd, offset);
}
int munmap(void *at, size_t size) { return ((int (*)(void *, size_t))next("munmap"))(at, size); }
int open(const char *path, int flags, ...)
{
    va_list args;
    va_start(args, flags);
    int mode = va_arg(args, int);
    va_end(args);
    return ((int (*)(const char *, int, int))next("open"))(path, flags, mode);
}
int pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*body)(void *), void *arg)
{
    free(calloc(100, 70));
    return ((int (*)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *))next("pthread_create"))(thread, attr, body, arg);
}
#else

static void *churn(void *unused)
{
    for (int i = 0; i < 200; i++) {
        char *page = (char *)mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        CHECK(page != MAP_FAILED);
        *(void **)page = malloc(500);
        close(open("/dev/null", O_RDONLY));
        free(*(void **)page);
        munmap(page, 4096);
    }
    return unused;
}

int main(void)
{
    pthread_t threads[3];
    for (size_t i = 0; i < 3; i++) threads[i] = start(churn, NULL);
    for (size_t i = 0; i < 3; i++) join(threads[i]);
    hazard(200, 300, put_slot, drop_slot);
}
#endif
