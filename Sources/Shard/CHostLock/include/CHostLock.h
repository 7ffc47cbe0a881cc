// How processes that share memory wait for each other. Turns: whoever asks first gets the next one, and who waits sleeps.
#pragma once
#include <stddef.h>

// Bytes of shared memory that turns need; all zero is nobody's turn.
size_t pg_turn_bytes(void);

// Returns when it is the caller's turn, which lasts until it gives it on.
void pg_turn_take(void *turn);
void pg_turn_give(void *turn);

// A bell that one thread sleeps by and anyone with the memory rings.
size_t pg_bell_bytes(void);

// How often it rang, to be read before one looks for work.
unsigned pg_bell_count(void *bell);
void pg_bell_ring(void *bell);

// Sleeps until it has rung more often than `seen`, or for some nanoseconds.
void pg_bell_wait(void *bell, unsigned seen, long nanoseconds);
