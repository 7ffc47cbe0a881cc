#define _GNU_SOURCE
#include "CTurn.h"

#include <limits.h>
#include <linux/futex.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/syscall.h>
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
