// The same for sockets with SO_RCVTIMEO and SO_SNDTIMEO.
// libs: -lrt
// allow-stderr: ^gcpre.*io_uring or kernel AIO
#define SOCKETS 1
#include "S32_timeouts.c"
