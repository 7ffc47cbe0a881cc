// What is done to numbers on their way between ranks.
#pragma once
#include <stddef.h>
#include <stdint.h>

// out[i] = in[i] rounded to the nearest bfloat16, to the even one where two are as near. What is too large becomes
// infinite; a NaN stays one.
typedef void (*pg_narrow)(const float *in, uint16_t *out, size_t count);

// The function for a level (a pg_level), or NULL where this processor or this build does not have it.
pg_narrow pg_narrow_at(int level);
