// The end of the program as the hunt for leaks sees it, modules that go, and LeakSanitizer's interface (<sanitizer/lsan_interface.h>),
// so that programs annotated for it work unchanged.
//
// main is called through a frame of ours, so that its return is seen before exit's handlers run.
#include "boot.h"
#include "real.h"

#include "ctl/control.h"
#include "leak/hunt.h"
#include "leak/site.h"
#include "leak/suppress.h"
#include "world/regions.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef int main_function(int, char **, char **);

// The program's, if it has them. Not by dlsym(3): what it does not find is an error that the program's dlerror(3) would tell, and whose text
// the C library keeps a pointer to when it is freed.
__attribute__((weak, visibility("default"))) const char *__lsan_default_suppressions(void);
__attribute__((weak, visibility("default"))) int __lsan_is_turned_off(void);

static main_function *program_main;

static int call_main(int argc, char **argv, char **envp)
{
    int status;
    if (__lsan_default_suppressions)
        hunt_suppress(__lsan_default_suppressions());
    hunt_set_turned_off(__lsan_is_turned_off);
    hunt_main_begins((uintptr_t)program_main, (uintptr_t)__builtin_frame_address(0));
    status = program_main(argc, argv, envp);
    hunt_main_returned(hunt_entry());
    return status;
}

int __libc_start_main(main_function *main, int argc, char **argv, void (*init)(void), void (*fini)(void),
                      void (*loader_fini)(void), void *stack_end);

EXPORT int __libc_start_main(main_function *main, int argc, char **argv, void (*init)(void),
                             void (*fini)(void), void (*loader_fini)(void), void *stack_end)
{
    static void *_Atomic cache;
    typeof(__libc_start_main) *real = real_symbol(&cache, "__libc_start_main");
    program_main = main;
    return real(hunting ? call_main : main, argc, argv, init, fini, loader_fini, stack_end);
}

static _Noreturn void really_exit(int status)
{
    static void *_Atomic cache;
    void (*real)(int) = real_symbol(&cache, "exit");
    real(status);
    __builtin_unreachable();
}

EXPORT void exit(int status)
{
    hunt_exit_begins(hunt_entry());
    really_exit(status);
}

// Among the last things of a process. Another exit code is had by exit once more, which goes on with what is left to do: it writes the C
// library's buffers out without waiting for those that other threads hold, which fflush would.
__attribute__((destructor(101))) static void end(void)
{
    int code = hunt_exit_ends(hunt_entry());
    control_ends();
    if (code)
        really_exit(code);
}

EXPORT int dlclose(void *handle)
{
    static void *_Atomic cache;
    typeof(dlclose) *real = real_symbol(&cache, "dlclose");
    int result = real(handle);
    if (hunting || sampling)
        sites_check_modules();
    return result;
}

// --- LeakSanitizer's interface ----------------------------------------------------------------------------------

void __lsan_do_leak_check(void);
int __lsan_do_recoverable_leak_check(void);
void __lsan_ignore_object(const void *p);
void __lsan_register_root_region(const void *p, size_t bytes);
void __lsan_unregister_root_region(const void *p, size_t bytes);
void __lsan_disable(void);
void __lsan_enable(void);

// A program that was linked with LeakSanitizer brings these functions itself, and its own malloc: they are for it then.
static void *theirs(void *_Atomic *cache, const char *name)
{
    void *known = atomic_load(cache);
    if (hunting)
        return NULL;
    if (!known)
        atomic_store(cache, known = dlsym(RTLD_NEXT, name));
    return known;
}

#define FORWARD(name, ...)                          \
    do {                                            \
        static void *_Atomic cache;                 \
        typeof(name) *next = theirs(&cache, #name); \
        if (next)                                   \
            return next(__VA_ARGS__);               \
    } while (0)

// LeakSanitizer ends the process with its exit code when it finds something, and does not check again.
EXPORT void __lsan_do_leak_check(void)
{
    int code;
    FORWARD(__lsan_do_leak_check);
    code = hunt_exit_ends(hunt_entry());
    if (code) {
        control_ends();
        fflush(NULL);
        _exit(code);
    }
}

EXPORT int __lsan_do_recoverable_leak_check(void)
{
    FORWARD(__lsan_do_recoverable_leak_check);
    return hunt_check(hunt_entry());
}

EXPORT void __lsan_ignore_object(const void *p)
{
    FORWARD(__lsan_ignore_object, p);
    hunt_ignore(p);
}

// Every mapping that the program can write is a root already; others become one.
EXPORT void __lsan_register_root_region(const void *p, size_t bytes)
{
    FORWARD(__lsan_register_root_region, p, bytes);
    regions_add((uintptr_t)p, (uintptr_t)p + bytes);
}

EXPORT void __lsan_unregister_root_region(const void *p, size_t bytes)
{
    FORWARD(__lsan_unregister_root_region, p, bytes);
    regions_remove((uintptr_t)p, (uintptr_t)p + bytes);
}

EXPORT void __lsan_disable(void)
{
    FORWARD(__lsan_disable);
    hunt_disable(1);
}

EXPORT void __lsan_enable(void)
{
    FORWARD(__lsan_enable);
    hunt_disable(-1);
}
