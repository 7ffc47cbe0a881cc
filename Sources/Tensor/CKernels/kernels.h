#pragma once
#include "CKernels.h"

extern const pg_kernels pg_kernels_scalar;
extern const pg_int8_kernels pg_int8_kernels_scalar;

// A range of numbers below this is quantized as zero: its inverse would overflow.
#define PG_MINIMUM_RANGE 1e-30f

#if defined(__x86_64__)
extern const pg_kernels pg_kernels_avx2;
extern const pg_kernels pg_kernels_avx512;
extern const pg_int8_kernels pg_int8_kernels_avx2;
extern const pg_int8_kernels pg_int8_kernels_vnni;
extern const pg_int8_kernels pg_int8_kernels_amx;
extern const pg_pair_kernels pg_pair_kernels_avx512;
extern const pg_tile_kernels pg_tile_kernels_amx;

// Asks for the tile unit and tries it.
pg_tile_state pg_try_tile_unit(void);
#endif
