#define _GNU_SOURCE
#include "CHostLock.h"

#include <linux/futex.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

typedef struct {
    _Atomic uint32_t value;
    _Atomic uint32_t waiting;
    char padding[56];  // a cache line of its own
} event_count;

size_t pg_event_count_bytes(void) { return sizeof(event_count); }

unsigned pg_event_count_value(void *memory) { return atomic_load(&((event_count *)memory)->value); }

void pg_event_count_notify(void *memory) {
    event_count *count = memory;
    atomic_fetch_add(&count->value, 1);
    if (atomic_load(&count->waiting)) syscall(SYS_futex, &count->value, FUTEX_WAKE, 1, NULL, NULL, 0);
}

void pg_event_count_wait(void *memory, unsigned seen, long nanoseconds) {
    event_count *count = memory;
    struct timespec time = {nanoseconds / 1000000000, nanoseconds % 1000000000};
    atomic_store(&count->waiting, 1);
    // Returns at once where there was a notification since.
    syscall(SYS_futex, &count->value, FUTEX_WAIT, seen, &time, NULL, 0);
    atomic_store(&count->waiting, 0);
}
