// The one place that decides which kernels run.
#include "kernels.h"

pg_level pg_best_level(void) {
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma") || !__builtin_cpu_supports("f16c"))
        return PG_SCALAR;
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") ? PG_AVX512 : PG_AVX2;
#else
    return PG_SCALAR;
#endif
}

const pg_kernels *pg_kernels_at(pg_level level) {
    if (level > pg_best_level()) return NULL;
#if defined(__x86_64__)
    if (level == PG_AVX512) return &pg_kernels_avx512;
    if (level == PG_AVX2) return &pg_kernels_avx2;
#endif
    return &pg_kernels_scalar;
}

const pg_int8_kernels *pg_int8_kernels_at(pg_level level) {
    if (level > pg_best_level()) return NULL;
#if defined(__x86_64__)
    if (level == PG_AVX512 && __builtin_cpu_supports("avx512vnni")) return &pg_int8_kernels_vnni;
    if (level != PG_SCALAR) return &pg_int8_kernels_avx2;
#endif
    return &pg_int8_kernels_scalar;
}

void pg_pause(void) {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#endif
}
