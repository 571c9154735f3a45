/* A wall clock that is wrong: preloaded, it adds CLOCK_SHIM_OFFSET_S seconds to it. */
#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

int clock_gettime(clockid_t id, struct timespec *now) {
    int failed = syscall(SYS_clock_gettime, id, now);
    const char *offset = getenv("CLOCK_SHIM_OFFSET_S");
    if (!failed && id == CLOCK_REALTIME && offset)
        now->tv_sec += atol(offset);
    return failed;
}
