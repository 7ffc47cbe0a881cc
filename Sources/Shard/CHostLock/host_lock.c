#define _GNU_SOURCE
#include "CTurn.h"

#include <limits.h>
#include <linux/futex.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

// A line of numbered tickets: the next one to be drawn, and the one that is served.
typedef struct {
    _Atomic uint32_t next;
    _Atomic uint32_t serving;
} turn;

size_t pg_turn_bytes(void) { return sizeof(turn); }

// Each sleeps for a bit of its own (of 32), so that only the next in line is woken.
static uint32_t bit_of(uint32_t ticket) { return UINT32_C(1) << (ticket & 31); }

void pg_turn_take(void *memory) {
    turn *line = memory;
    uint32_t ticket = atomic_fetch_add(&line->next, 1);
    for (;;) {
        uint32_t serving = atomic_load(&line->serving);
        if (serving == ticket) return;
        // Returns at once where another ticket is served by now.
        syscall(SYS_futex, &line->serving, FUTEX_WAIT_BITSET, serving, NULL, NULL, bit_of(ticket));
    }
}

void pg_turn_give(void *memory) {
    turn *line = memory;
    uint32_t ticket = atomic_fetch_add(&line->serving, 1) + 1;
    syscall(SYS_futex, &line->serving, FUTEX_WAKE_BITSET, INT_MAX, NULL, NULL, bit_of(ticket));
}

typedef struct {
    _Atomic uint32_t count;
    _Atomic uint32_t sleeping;
    char rest[56];  // a cache line of its own
} bell;

size_t pg_bell_bytes(void) { return sizeof(bell); }

unsigned pg_bell_count(void *memory) { return atomic_load(&((bell *)memory)->count); }

void pg_bell_ring(void *memory) {
    bell *it = memory;
    atomic_fetch_add(&it->count, 1);
    if (atomic_load(&it->sleeping)) syscall(SYS_futex, &it->count, FUTEX_WAKE, 1, NULL, NULL, 0);
}

void pg_bell_wait(void *memory, unsigned seen, long nanoseconds) {
    bell *it = memory;
    struct timespec time = {nanoseconds / 1000000000, nanoseconds % 1000000000};
    atomic_store(&it->sleeping, 1);
    // Returns at once where it has rung since.
    syscall(SYS_futex, &it->count, FUTEX_WAIT, seen, &time, NULL, 0);
    atomic_store(&it->sleeping, 0);
}
