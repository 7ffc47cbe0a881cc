// int8 products on AVX-512 VNNI: one instruction adds four products to a 32-bit sum.
#if defined(__x86_64__)
#include <immintrin.h>
#include "kernels.h"
#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512vl,avx512vnni,avx2,fma"))), apply_to = function)
#define WIDTH 16
#define LEVEL_NAME "avx512vnni"
#define LEVEL_TABLE pg_int8_kernels_vnni
#define LEVELS 255
#define LINE_GROUPS 1
#define MAXIMUM_ROWS 16
#define TILE_ROWS 12
#define ROWS_OF_PAIRS 12
#define FOR_ROWS_OF_PAIRS                                                                                        \
    CASE(1); CASE(2); CASE(3); CASE(4); CASE(5); CASE(6); CASE(7); CASE(8); CASE(9); CASE(10); CASE(11); CASE(12);
#define FOR_ROWS FOR_ROWS_OF_PAIRS CASE(13); CASE(14); CASE(15); CASE(16);

#include "vnni.inc"
#include "quantized.inc"
#include "quantized_products.inc"
#include "quantized_table.inc"
#pragma clang attribute pop
#endif
