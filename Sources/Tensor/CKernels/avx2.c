// The vector kernels, 8 floats wide.
#if defined(__x86_64__)
#pragma clang attribute push(__attribute__((target("avx2,fma,f16c"))), apply_to = function)
#define WIDTH 8
#define LEVEL_NAME "avx2"
#define LEVEL_TABLE pg_kernels_avx2
#include "level.inc"
#pragma clang attribute pop
#endif
