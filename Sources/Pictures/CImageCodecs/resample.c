#include "CImageCodecs.h"

// The loops are plain C that the compiler vectorizes; on x86-64 it makes a second version for AVX2, chosen at load
// time. ThreadSanitizer's own start comes after that, and what chooses would call it.
#if defined(__x86_64__) && defined(__linux__) && !__has_feature(thread_sanitizer)
#define VECTORIZED __attribute__((target_clones("avx2", "default")))
#else
#define VECTORIZED
#endif

enum { FRACTION_BITS = 22 };

static inline uint8_t clip(int32_t sum) {
    int32_t value = sum >> FRACTION_BITS;
    return value < 0 ? 0 : value > 255 ? 255 : (uint8_t)value;
}

void pg_resample_rows(
    const uint8_t *input, size_t rows, size_t width, uint8_t *output, size_t out_width, const int32_t *starts,
    const int32_t *counts, const int32_t *weights, size_t taps) {
    for (size_t y = 0; y < rows; y++) {
        const uint8_t *row = input + y * width * 3;
        uint8_t *target = output + y * out_width * 3;
        for (size_t i = 0; i < out_width; i++) {
            const uint8_t *pixel = row + (size_t)starts[i] * 3;
            const int32_t *weight = weights + i * taps;
            int32_t red = 1 << (FRACTION_BITS - 1), green = red, blue = red;
            for (int32_t t = 0; t < counts[i]; t++) {
                red += weight[t] * pixel[3 * t];
                green += weight[t] * pixel[3 * t + 1];
                blue += weight[t] * pixel[3 * t + 2];
            }
            target[3 * i] = clip(red);
            target[3 * i + 1] = clip(green);
            target[3 * i + 2] = clip(blue);
        }
    }
}

VECTORIZED
void pg_resample_columns(
    const uint8_t *input, size_t row_bytes, uint8_t *output, size_t out_height, const int32_t *starts,
    const int32_t *counts, const int32_t *weights, size_t taps, int32_t *row_of_sums) {
    for (size_t i = 0; i < out_height; i++) {
        const int32_t *weight = weights + i * taps;
        for (size_t x = 0; x < row_bytes; x++) row_of_sums[x] = 1 << (FRACTION_BITS - 1);
        for (int32_t t = 0; t < counts[i]; t++) {
            const uint8_t *row = input + ((size_t)starts[i] + (size_t)t) * row_bytes;
            int32_t factor = weight[t];
            for (size_t x = 0; x < row_bytes; x++) row_of_sums[x] += factor * row[x];
        }
        uint8_t *target = output + i * row_bytes;
        for (size_t x = 0; x < row_bytes; x++) target[x] = clip(row_of_sums[x]);
    }
}
