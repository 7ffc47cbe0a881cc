// int8 products on AVX2: vpmaddubsw adds two products in 16 bits, which cannot saturate while activations have seven
// bits (2 * 127 * 127 < 2^15), and vpmaddwd adds two of these sums in 32 bits.
#if defined(__x86_64__)
#include <immintrin.h>
#include "kernels.h"
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#define WIDTH 8
#define LEVEL_NAME "avx2"
#define LEVEL_TABLE pg_int8_kernels_avx2
#define LEVELS 127
#define LINE_GROUPS 1
#define MAXIMUM_ROWS 4
#define TILE_ROWS 4
#define ROWS_OF_PAIRS 2
#define FOR_ROWS_OF_PAIRS CASE(1); CASE(2);
#define FOR_ROWS FOR_ROWS_OF_PAIRS CASE(3); CASE(4);

typedef int32_t ints __attribute__((vector_size(32)));

static inline __attribute__((always_inline)) ints load_ints(const int8_t *p) {
    return (ints)_mm256_loadu_si256((const __m256i *)p);
}

static inline __attribute__((always_inline)) ints dot(ints sums, ints activations, ints weights) {
    __m256i pairs = _mm256_maddubs_epi16((__m256i)activations, (__m256i)weights);
    return sums + (ints)_mm256_madd_epi16(pairs, _mm256_set1_epi16(1));
}

#include "quantized.inc"
#include "quantized_products.inc"
#include "quantized_table.inc"
#pragma clang attribute pop
#endif
