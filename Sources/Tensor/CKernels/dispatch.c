// The one place that decides which kernels run.
#include "kernels.h"

#include <pthread.h>

#if defined(__x86_64__)
static bool has_avx2(void) {
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("f16c");
}
static bool has_avx512(void) {
    return has_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw")
           && __builtin_cpu_supports("avx512vl");
}
static bool has_vnni(void) { return has_avx512() && __builtin_cpu_supports("avx512vnni"); }
static bool has_pairs(void) { return has_avx512() && __builtin_cpu_supports("avx512bf16"); }
#endif

static pg_tile_state tile_state;

static void find_tile_unit(void) {
#if defined(__x86_64__)
    __builtin_cpu_init();
    tile_state = has_vnni() && has_pairs() ? pg_try_tile_unit() : PG_TILES_ABSENT;
#else
    tile_state = PG_TILES_ABSENT;
#endif
}

pg_tile_state pg_tile_unit(void) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, find_tile_unit);
    return tile_state;
}

pg_level pg_best_level(void) {
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (pg_tile_unit() == PG_TILES_READY) return PG_AMX;
    return has_avx512() ? PG_AVX512 : has_avx2() ? PG_AVX2 : PG_SCALAR;
#else
    return PG_SCALAR;
#endif
}

const pg_kernels *pg_kernels_at(pg_level level) {
    if (level > pg_best_level()) return NULL;
#if defined(__x86_64__)
    if (level >= PG_AVX512) return &pg_kernels_avx512;
    if (level == PG_AVX2) return &pg_kernels_avx2;
#endif
    return &pg_kernels_scalar;
}

const pg_int8_kernels *pg_int8_kernels_at(pg_level level) {
    if (level > pg_best_level()) return NULL;
#if defined(__x86_64__)
    if (level == PG_AMX) return &pg_int8_kernels_amx;
    if (level == PG_AVX512 && has_vnni()) return &pg_int8_kernels_vnni;
    if (level != PG_SCALAR) return &pg_int8_kernels_avx2;
#endif
    return &pg_int8_kernels_scalar;
}

const pg_pair_kernels *pg_pair_kernels_at(pg_level level) {
    if (level > pg_best_level()) return NULL;
#if defined(__x86_64__)
    if (level >= PG_AVX512 && has_pairs()) return &pg_pair_kernels_avx512;
#endif
    return NULL;
}

const pg_tile_kernels *pg_tile_kernels_at(pg_level level) {
    if (level > pg_best_level()) return NULL;
#if defined(__x86_64__)
    if (level == PG_AMX) return &pg_tile_kernels_amx;
#endif
    return NULL;
}

void pg_pause(void) {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#endif
}
