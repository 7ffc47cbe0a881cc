// The vector kernels, 16 floats wide.
#if defined(__x86_64__)
#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512vl,avx2,fma,f16c"))), apply_to = function)
#define WIDTH 16
#define LEVEL_NAME "avx512"
#define LEVEL_TABLE pg_kernels_avx512
#include "level.inc"
#pragma clang attribute pop
#endif
