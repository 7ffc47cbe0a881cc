// Rounding to bfloat16, as a plain twin and for vectors of 8 and 16 floats.
#include "kernels.h"

#include <string.h>

static void narrow_scalar(const float *in, uint16_t *out, size_t count) {
    for (size_t i = 0; i < count; i++) {
        uint32_t bits;
        memcpy(&bits, in + i, 4);
        int is_nan = (bits & 0x7fffffff) > 0x7f800000;
        // Half of the last place that stays, a little less where that place is even already.
        uint32_t rounded = bits + 0x7fff + (bits >> 16 & 1);
        out[i] = (uint16_t)((is_nan ? bits | 0x400000 : rounded) >> 16);
    }
}

#if defined(__x86_64__)
#define NARROW(NAME, WIDTH, TARGET)                                                                            \
    typedef uint32_t NAME##_words __attribute__((vector_size(WIDTH * 4), aligned(4)));                         \
    typedef uint16_t NAME##_halves __attribute__((vector_size(WIDTH * 2), aligned(2)));                        \
    __attribute__((target(TARGET))) static void NAME(const float *in, uint16_t *out, size_t count) {           \
        size_t i = 0;                                                                                          \
        for (; i + WIDTH <= count; i += WIDTH) {                                                               \
            NAME##_words bits = *(const NAME##_words *)(in + i);                                               \
            NAME##_words is_nan = (NAME##_words)((bits & 0x7fffffff) > 0x7f800000);                            \
            NAME##_words rounded = bits + 0x7fff + (bits >> 16 & 1);                                           \
            NAME##_words chosen = (is_nan & (bits | 0x400000)) | (~is_nan & rounded);                          \
            *(NAME##_halves *)(out + i) = __builtin_convertvector(chosen >> 16, NAME##_halves);                \
        }                                                                                                      \
        narrow_scalar(in + i, out + i, count - i);                                                             \
    }

NARROW(narrow_avx2, 8, "avx2")
NARROW(narrow_avx512, 16, "avx512f,avx512bw,avx512vl,avx2")
#endif

pg_narrow pg_narrow_at(int level) {
    if (level > (int)pg_best_level()) return NULL;
#if defined(__x86_64__)
    if (level == PG_AVX512) return narrow_avx512;
    if (level == PG_AVX2) return narrow_avx2;
#endif
    return narrow_scalar;
}
