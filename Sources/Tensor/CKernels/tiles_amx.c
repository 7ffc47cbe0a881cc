// The kernels on tiles, by the tile unit of AMX.
#if defined(__x86_64__)
#include "tile_instructions.h"
#pragma clang attribute push(__attribute__((target("amx-tile,amx-bf16,avx512f,avx512bw,avx512vl,avx2,fma,f16c"))), apply_to = function)
#define TILE_TABLE pg_tile_kernels_amx
#include "tiles.inc"
#pragma clang attribute pop
#endif
