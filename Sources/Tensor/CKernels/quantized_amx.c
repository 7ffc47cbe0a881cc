// int8 products by the tile unit of AMX: one instruction adds 64 products to each of 256 sums. The same sums as VNNI, to the
// bit.
#if defined(__x86_64__)
#include "tile_instructions.h"
#include "kernels.h"
#pragma clang attribute push(__attribute__((target("amx-tile,amx-int8,avx512f,avx512bw,avx512vl,avx512vnni,avx2,fma"))), apply_to = function)
#define LEVEL_NAME "amx"
#define LEVEL_TABLE pg_int8_kernels_amx
#include "vnni.inc"
#include "quantized_amx.inc"
#pragma clang attribute pop
#endif
