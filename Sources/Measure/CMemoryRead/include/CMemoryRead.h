// Reading memory as fast as loads can, to know what the memory gives.
#pragma once
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

// Loads `count` bytes (a multiple of 256, aligned to 64) once, front to back, as four streams side by side, and
// returns a number that depends on all of them.
uint64_t pg_read_memory(const void *memory, size_t count);

#ifdef __cplusplus
}
#endif
