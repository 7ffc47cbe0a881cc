// Turns among processes that share memory: whoever asks first gets the next one, and who waits sleeps.
#pragma once
#include <stddef.h>

// Bytes of shared memory that turns need; all zero is nobody's turn.
size_t pg_turn_bytes(void);

// Returns when it is the caller's turn, which lasts until it gives it on.
void pg_turn_take(void *turn);
void pg_turn_give(void *turn);
