#define _GNU_SOURCE
#include "CHostLock.h"

#include <limits.h>
#include <linux/futex.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

// A ticket lock: the next ticket to be handed out, and the one that holds the lock.
typedef struct {
    _Atomic uint32_t next;
    _Atomic uint32_t serving;
} host_lock;

size_t pg_host_lock_bytes(void) { return sizeof(host_lock); }

// Each waiter sleeps on a bit of its own (of 32), so that only the next in line is woken.
static uint32_t bit_of(uint32_t ticket) { return UINT32_C(1) << (ticket & 31); }

void pg_host_lock_acquire(void *memory) {
    host_lock *lock = memory;
    uint32_t ticket = atomic_fetch_add(&lock->next, 1);
    for (;;) {
        uint32_t serving = atomic_load(&lock->serving);
        if (serving == ticket) return;
        // Returns at once where another ticket holds the lock by now.
        syscall(SYS_futex, &lock->serving, FUTEX_WAIT_BITSET, serving, NULL, NULL, bit_of(ticket));
    }
}

void pg_host_lock_release(void *memory) {
    host_lock *lock = memory;
    uint32_t ticket = atomic_fetch_add(&lock->serving, 1) + 1;
    syscall(SYS_futex, &lock->serving, FUTEX_WAKE_BITSET, INT_MAX, NULL, NULL, bit_of(ticket));
}
