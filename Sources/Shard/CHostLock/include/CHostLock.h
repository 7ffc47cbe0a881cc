// How processes that share memory wait for each other: the host compute lock and event counts. Both are futex words.
#pragma once
#include <stddef.h>

// The size of the shared memory of a host compute lock, in bytes. All zero is a free lock.
size_t pg_host_lock_bytes(void);

// Waits for the lock, in the order of the calls (a FIFO ticket lock); who waits sleeps.
void pg_host_lock_acquire(void *lock);
void pg_host_lock_release(void *lock);

// The size of the shared memory of an event count, in bytes. One thread waits on it; anyone with the memory notifies.
size_t pg_event_count_bytes(void);

// The number of notifications so far, to be read before the caller looks for work.
unsigned pg_event_count_value(void *event_count);
void pg_event_count_notify(void *event_count);

// Sleeps until there were more notifications than `seen`, or for the given time in nanoseconds.
void pg_event_count_wait(void *event_count, unsigned seen, long nanoseconds);
