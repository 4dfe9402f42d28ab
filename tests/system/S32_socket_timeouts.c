// The same for sockets with SO_RCVTIMEO and SO_SNDTIMEO.
// libs: -lrt
// allow-stderr: ^gcpre.*io_uring or kernel AIO
// known-gap: S32 socket calls with SO_RCVTIMEO or SO_SNDTIMEO begin their whole timeout again after a stop
#define SOCKETS 1
#include "S32_timeouts.c"
