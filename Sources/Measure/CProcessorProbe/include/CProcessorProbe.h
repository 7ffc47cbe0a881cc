// Multiplying as fast as the units of a processor can, from registers alone, to know what they give at most.
#pragma once
#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

// Units that multiply and add, each by the instructions that the kernels would use.
typedef enum {
    PG_PROBE_FLOAT32_AVX2,    // vfmadd231ps of 256 bits
    PG_PROBE_FLOAT32_AVX512,  // vfmadd231ps of 512 bits
    PG_PROBE_BF16_AVX512,     // vdpbf16ps of 512 bits
    PG_PROBE_INT8_AVX2,       // vpmaddubsw, vpmaddwd and vpaddd of 256 bits
    PG_PROBE_INT8_AVX512,     // vpdpbusd of 512 bits
    PG_PROBE_BF16_TILES,      // tdpbf16ps
    PG_PROBE_INT8_TILES,      // tdpbusd
} pg_probe;

// Returns whether the processor has a probe's instructions. Of tiles this is not known here: the operating system has to
// permit them, which the caller asks of the kernels (pg_tile_unit).
bool pg_probe_is_available(pg_probe probe);

// Runs an available probe for `rounds` rounds on the calling thread and returns the operations that it executed, two a
// multiply-add.
double pg_probe_run(pg_probe probe, uint64_t rounds);

#ifdef __cplusplus
}
#endif
