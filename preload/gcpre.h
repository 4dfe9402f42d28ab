// gcpre.h: what a program may ask of libgcpre, if it is there.
//
// Nothing needs to be linked: every function is a weak symbol, absent (a null pointer) when the program runs without
// LD_PRELOAD=libgcpre.so. Ask gcpre_available() before a call. All functions are thread-safe; none may be called from a signal
// handler.
//
//     #include <gcpre.h>
//     if (gcpre_available())
//         gcpre_collect();
#ifndef GCPRE_H
#define GCPRE_H

#ifdef __cplusplus
extern "C" {
#endif

#define GCPRE_WEAK __attribute__((weak, visibility("default")))

// Runs a full collection cycle that begins after the call, and returns when everything it proved unreachable has been
// given back. It counts as forced in the trace. When the library is passive (it said why in one line) it does nothing.
GCPRE_WEAK void gcpre_collect(void);

// 1 if p points at or into a block of the heap that is allocated now, else 0. Any value is allowed. For tests and
// debugging: exact while other threads neither allocate nor free.
GCPRE_WEAK int gcpre_is_heap(const void *p);

// 1 if the library is in this process.
static inline int gcpre_available(void) { return gcpre_collect != 0; }

#ifdef __cplusplus
}
#endif

#endif
