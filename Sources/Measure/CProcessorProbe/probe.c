#include "CProcessorProbe.h"

#if defined(__x86_64__)
#include <immintrin.h>

// Sums that no sum waits for: more than the latency of an instruction times the number of its units. With two operands
// they fill the registers (16 of 256 bits, 32 of 512). Of the three instructions of PG_PROBE_INT8_AVX2 only the last
// one waits, so there a few are enough.
enum { SUMS_AVX2 = 12, SUMS_AVX512 = 24, SUMS_INT8_AVX2 = 8, REPEATS = 8 };

// Keeps a register's value out of the compiler's sight, so that every instruction is executed.
#define HIDE(value) __asm__ volatile("" : "+v"(value))

// Executes a probe's instruction on every sum, again and again, and hides the sums from the compiler each time.
#define PROBE(count, vector, zero, step)                                    \
    vector sums[count];                                                     \
    _Pragma("clang loop unroll(full)") for (int s = 0; s < count; s++) sums[s] = zero; \
    for (uint64_t round = 0; round < rounds; round++)                       \
        _Pragma("clang loop unroll(full)") for (int repeat = 0; repeat < REPEATS; repeat++) \
            _Pragma("clang loop unroll(full)") for (int s = 0; s < count; s++) {            \
                step;                                                       \
                HIDE(sums[s]);                                              \
            }

__attribute__((target("avx2,fma"))) static double float32_avx2(uint64_t rounds) {
    __m256 x = _mm256_set1_ps(0.5f), w = _mm256_set1_ps(0.25f);
    HIDE(x);
    HIDE(w);
    PROBE(SUMS_AVX2, __m256, _mm256_setzero_ps(), sums[s] = _mm256_fmadd_ps(x, w, sums[s]))
    return 2.0 * 8 * SUMS_AVX2 * REPEATS * (double)rounds;
}

__attribute__((target("avx512f"))) static double float32_avx512(uint64_t rounds) {
    __m512 x = _mm512_set1_ps(0.5f), w = _mm512_set1_ps(0.25f);
    HIDE(x);
    HIDE(w);
    PROBE(SUMS_AVX512, __m512, _mm512_setzero_ps(), sums[s] = _mm512_fmadd_ps(x, w, sums[s]))
    return 2.0 * 16 * SUMS_AVX512 * REPEATS * (double)rounds;
}

__attribute__((target("avx512f,avx512bw,avx512bf16"))) static double bf16_avx512(uint64_t rounds) {
    // 0x3F00 is 0.5 in bfloat16.
    __m512i x = _mm512_set1_epi16(0x3F00), w = _mm512_set1_epi16(0x3F00);
    HIDE(x);
    HIDE(w);
    PROBE(
        SUMS_AVX512, __m512, _mm512_setzero_ps(), sums[s] = _mm512_dpbf16_ps(sums[s], (__m512bh)x, (__m512bh)w))
    return 2.0 * 32 * SUMS_AVX512 * REPEATS * (double)rounds;
}

__attribute__((target("avx2"))) static double int8_avx2(uint64_t rounds) {
    __m256i x = _mm256_set1_epi8(3), w = _mm256_set1_epi8(5), ones = _mm256_set1_epi16(1);
    HIDE(x);
    HIDE(w);
    HIDE(ones);
    PROBE(SUMS_INT8_AVX2, __m256i, _mm256_setzero_si256(), {
        // Hidden each time, or the compiler multiplies once and adds the same product to every sum.
        HIDE(x);
        sums[s] = _mm256_add_epi32(sums[s], _mm256_madd_epi16(_mm256_maddubs_epi16(x, w), ones));
    })
    return 2.0 * 32 * SUMS_INT8_AVX2 * REPEATS * (double)rounds;
}

__attribute__((target("avx512f,avx512vnni"))) static double int8_avx512(uint64_t rounds) {
    __m512i x = _mm512_set1_epi8(3), w = _mm512_set1_epi8(5);
    HIDE(x);
    HIDE(w);
    PROBE(SUMS_AVX512, __m512i, _mm512_setzero_si512(), sums[s] = _mm512_dpbusd_epi32(sums[s], x, w))
    return 2.0 * 64 * SUMS_AVX512 * REPEATS * (double)rounds;
}

// MARK: Tiles

// The operand of ldtilecfg: every tile has 16 rows of 64 bytes.
struct tile_configuration {
    uint8_t palette, start_row, reserved[14];
    uint16_t row_bytes[16];
    uint8_t rows[16];
};

static const struct tile_configuration whole_tiles = {
    .palette = 1,
    .row_bytes = {64, 64, 64, 64, 64, 64, 64, 64},
    .rows = {16, 16, 16, 16, 16, 16, 16, 16},
};

// Four sums, as in a kernel; tiles 4 to 7 are the operands, all zeros.
#define TILE_PROBE(product)                                           \
    _tile_loadconfig(&whole_tiles);                                   \
    _tile_zero(0); _tile_zero(1); _tile_zero(2); _tile_zero(3);       \
    _tile_zero(4); _tile_zero(5); _tile_zero(6); _tile_zero(7);       \
    for (uint64_t round = 0; round < rounds; round++) {               \
        product(0, 4, 6); product(1, 4, 7);                           \
        product(2, 5, 6); product(3, 5, 7);                           \
    }                                                                 \
    _tile_release();

__attribute__((target("amx-tile,amx-bf16"))) static double bf16_tiles(uint64_t rounds) {
    TILE_PROBE(_tile_dpbf16ps)
    return 2.0 * 16 * 16 * 32 * 4 * (double)rounds;
}

__attribute__((target("amx-tile,amx-int8"))) static double int8_tiles(uint64_t rounds) {
    TILE_PROBE(_tile_dpbusd)
    return 2.0 * 16 * 16 * 64 * 4 * (double)rounds;
}

bool pg_probe_is_available(pg_probe probe) {
    __builtin_cpu_init();
    switch (probe) {
    case PG_PROBE_FLOAT32_AVX2: return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    case PG_PROBE_FLOAT32_AVX512: return __builtin_cpu_supports("avx512f");
    case PG_PROBE_BF16_AVX512: return __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512bf16");
    case PG_PROBE_INT8_AVX2: return __builtin_cpu_supports("avx2");
    case PG_PROBE_INT8_AVX512: return __builtin_cpu_supports("avx512vnni");
    case PG_PROBE_BF16_TILES:
    case PG_PROBE_INT8_TILES: return true;
    }
    return false;
}

double pg_probe_run(pg_probe probe, uint64_t rounds) {
    switch (probe) {
    case PG_PROBE_FLOAT32_AVX2: return float32_avx2(rounds);
    case PG_PROBE_FLOAT32_AVX512: return float32_avx512(rounds);
    case PG_PROBE_BF16_AVX512: return bf16_avx512(rounds);
    case PG_PROBE_INT8_AVX2: return int8_avx2(rounds);
    case PG_PROBE_INT8_AVX512: return int8_avx512(rounds);
    case PG_PROBE_BF16_TILES: return bf16_tiles(rounds);
    case PG_PROBE_INT8_TILES: return int8_tiles(rounds);
    }
    return 0;
}

#else

bool pg_probe_is_available(pg_probe probe) {
    (void)probe;
    return false;
}

double pg_probe_run(pg_probe probe, uint64_t rounds) {
    (void)probe, (void)rounds;
    return 0;
}

#endif
