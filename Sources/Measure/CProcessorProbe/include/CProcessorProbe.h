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

// What a processor, and the kernel of its operating system, say to a probe.
typedef enum {
    PG_PROBE_AVAILABLE,
    PG_PROBE_NO_INSTRUCTION,  // the processor does not have the instructions, or the system does not keep their registers
    PG_PROBE_NO_PERMISSION,   // the kernel refuses the tile registers to this process
} pg_probe_state;

// Says whether a probe can run here. Of tiles it asks the kernel for their registers, which it gives to the whole
// process: call it before threads start.
pg_probe_state pg_probe_prepare(pg_probe probe);

// Runs an available probe for `rounds` rounds on the calling thread and returns the operations that it executed, two a
// multiply-add.
double pg_probe_run(pg_probe probe, uint64_t rounds);

#ifdef __cplusplus
}
#endif
