// Kernel AIO's requests (io_submit(2)), pinned from before they are submitted until their events come. Made by syscall(2)
// alone: the C library has no functions for them.
#pragma once

#include <linux/aio_abi.h>

// Before and after io_submit of `count` requests, of which the kernel took `result` (or an error).
void pins_aio_submit(long count, struct iocb *const *requests);
void pins_aio_submitted(long result, long count, struct iocb *const *requests);
// After io_getevents gave `result` events.
void pins_aio_done(long result, const struct io_event *events);
