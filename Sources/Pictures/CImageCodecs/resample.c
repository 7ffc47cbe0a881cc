#include <stdlib.h>
#include <string.h>

#include "CImageCodecs.h"

// The loops are plain C that the compiler vectorizes; on x86-64 it makes a second version for AVX2, chosen at load
// time. ThreadSanitizer's own start comes after that, and what chooses would call it.
#if defined(__x86_64__) && defined(__linux__) && !__has_feature(thread_sanitizer)
#define VECTORIZED __attribute__((target_clones("avx2", "default")))
#else
#define VECTORIZED
#endif

// Inlined always, so that it is compiled for the vectors of the version that calls it.
#define INLINE static inline __attribute__((always_inline))

enum {
    FRACTION_BITS = 22,
    /// Pixels that are weighted side by side; their samples fill whole vectors.
    GROUP = 8,
    GROUP_SAMPLES = 3 * GROUP,
    /// Rows from which on it pays to spread the weights.
    ROWS_TO_SPREAD = 16,
};

static const int32_t half = 1 << (FRACTION_BITS - 1);

INLINE uint8_t clip(int32_t sum) {
    int32_t value = sum >> FRACTION_BITS;
    return value < 0 ? 0 : value > 255 ? 255 : (uint8_t)value;
}

/// Adds pixels one after the other.
INLINE void add_pixels(const uint8_t *pixel, const int32_t *weight, int32_t count, int32_t sums[3]) {
    for (int32_t t = 0; t < count; t++)
        for (int c = 0; c < 3; c++) sums[c] += weight[t] * pixel[3 * t + c];
}

typedef int32_t vector __attribute__((vector_size(32)));
typedef uint8_t bytes __attribute__((vector_size(8)));

/// Adds the products of eight samples and their weights.
INLINE void add_products(vector *sums, const uint8_t *samples, const int32_t *weights) {
    bytes eight;
    vector factors;
    memcpy(&eight, samples, sizeof eight);
    memcpy(&factors, weights, sizeof factors);
    *sums += __builtin_convertvector(eight, vector) * factors;
}

/// Adds whole groups of pixels. `spread` has each weight three times, once for each sample. Sums of integers do not depend
/// on their order.
INLINE void add_groups(const uint8_t *samples, const int32_t *spread, int32_t groups, int32_t sums[3]) {
    vector first = {0}, second = {0}, third = {0};
    for (int32_t g = 0; g < groups; g++, samples += GROUP_SAMPLES, spread += GROUP_SAMPLES) {
        add_products(&first, samples, spread);
        add_products(&second, samples + 8, spread + 8);
        add_products(&third, samples + 16, spread + 16);
    }
    int32_t lanes[GROUP_SAMPLES];
    memcpy(lanes, &first, sizeof first);
    memcpy(lanes + 8, &second, sizeof second);
    memcpy(lanes + 16, &third, sizeof third);
    for (int lane = 0; lane < GROUP_SAMPLES; lane++) sums[lane % 3] += lanes[lane];
}

/// Returns the weights, each three times, in `out_width` rows of whole groups that end in zeros; or NULL where that does not
/// pay or there is no memory.
static int32_t *spread_weights(const int32_t *weights, size_t out_width, size_t taps, size_t padded, size_t rows) {
    if (rows < ROWS_TO_SPREAD) return NULL;
    int32_t *spread = calloc(out_width, padded * 3 * sizeof *spread);
    for (size_t i = 0; spread && i < out_width; i++)
        for (size_t t = 0; t < taps; t++)
            for (size_t c = 0; c < 3; c++) spread[(i * padded + t) * 3 + c] = weights[i * taps + t];
    return spread;
}

VECTORIZED
void pg_resample_rows(
    const uint8_t *input, size_t rows, size_t width, uint8_t *output, size_t out_width, const int32_t *starts,
    const int32_t *counts, const int32_t *weights, size_t taps) {
    size_t padded = (taps + GROUP - 1) / GROUP * GROUP;
    int32_t *spread = spread_weights(weights, out_width, taps, padded, rows);
    const uint8_t *end = input + rows * width * 3;
    for (size_t y = 0; y < rows; y++) {
        const uint8_t *row = input + y * width * 3;
        uint8_t *target = output + y * out_width * 3;
        for (size_t i = 0; i < out_width; i++) {
            const uint8_t *pixel = row + (size_t)starts[i] * 3;
            int32_t sums[3] = {half, half, half}, groups = (counts[i] + GROUP - 1) / GROUP;
            // The last group reads on behind the pixels of the output sample, with weights of zero.
            if (spread && (size_t)(end - pixel) >= (size_t)groups * GROUP_SAMPLES)
                add_groups(pixel, spread + 3 * i * padded, groups, sums);
            else
                add_pixels(pixel, weights + i * taps, counts[i], sums);
            for (int c = 0; c < 3; c++) target[3 * i + (size_t)c] = clip(sums[c]);
        }
    }
    free(spread);
}

VECTORIZED
void pg_resample_columns(
    const uint8_t *input, size_t row_bytes, uint8_t *output, size_t out_height, const int32_t *starts,
    const int32_t *counts, const int32_t *weights, size_t taps, int32_t *row_of_sums) {
    for (size_t i = 0; i < out_height; i++) {
        const int32_t *weight = weights + i * taps;
        for (size_t x = 0; x < row_bytes; x++) row_of_sums[x] = half;
        for (int32_t t = 0; t < counts[i]; t++) {
            const uint8_t *row = input + ((size_t)starts[i] + (size_t)t) * row_bytes;
            int32_t factor = weight[t];
            for (size_t x = 0; x < row_bytes; x++) row_of_sums[x] += factor * row[x];
        }
        uint8_t *target = output + i * row_bytes;
        for (size_t x = 0; x < row_bytes; x++) target[x] = clip(row_of_sums[x]);
    }
}
