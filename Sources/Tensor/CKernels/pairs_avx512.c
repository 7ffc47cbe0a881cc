// The kernels on pairs of bfloat16 numbers, 16 pairs wide.
#if defined(__x86_64__)
#include <immintrin.h>
#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512vl,avx512bf16,avx2,fma,f16c"))), apply_to = function)
#define WIDTH 16
#define PAIR_TABLE pg_pair_kernels_avx512
#define add_pairs(sum, x, w) (vector) _mm512_dpbf16_ps((__m512)(sum), (__m512bh)(x), (__m512bh)(w))
#include "pairs.inc"
#pragma clang attribute pop
#endif
