#pragma once

#include <stdio.h>
#include <time.h>

#include "CImageCodecs.h"

/// Stores a message and returns the status.
static inline int pg_fail(char message[PG_IMAGE_MESSAGE_BYTES], int status, const char *text) {
    snprintf(message, PG_IMAGE_MESSAGE_BYTES, "%s", text);
    return status;
}

/// Seconds of processor time that this thread has used.
static inline double pg_thread_seconds(void) {
    struct timespec time;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

/// width * height * bytes + more, or a number that nobody has where that passes 2^60.
static inline size_t pg_memory(uint64_t width, uint64_t height, uint64_t bytes, uint64_t more) {
    const uint64_t none = (uint64_t)1 << 60;
    uint64_t sum;
    if (__builtin_mul_overflow(width, height, &sum) || __builtin_mul_overflow(sum, bytes, &sum) ||
        __builtin_add_overflow(sum, more, &sum) || sum > none)
        return (size_t)none;
    return (size_t)sum;
}

static inline uint8_t pg_clip(int value) { return value < 0 ? 0 : value > 255 ? 255 : (uint8_t)value; }

/// 16 bits to 8: scaled to the nearest, or clipped as Pillow does with 16-bit gray.
static inline uint8_t pg_narrow(unsigned value, int scale) {
    if (scale) return (uint8_t)((value * 255u + 32767u) / 65535u);
    return value > 255 ? 255 : (uint8_t)value;
}

/// a * b / 255, rounded as Pillow rounds it.
static inline int pg_multiply_divide(int a, int b) {
    int t = a * b + 128;
    return ((t >> 8) + t) >> 8;
}

/// Pillow's conversion of CMYK without a profile.
static inline void pg_cmyk_to_rgb(const uint8_t cmyk[4], uint8_t *rgb) {
    int paper = 255 - cmyk[3];
    for (int c = 0; c < 3; c++) rgb[c] = pg_clip(paper - pg_multiply_divide(cmyk[c], paper));
}

/// One of Pillow's tables of YCbCr: a product in fixed point with six fraction bits.
static inline int pg_ycc_product(double factor, int sample) { return (int)(factor * 64 * (sample - 128) + 0.5); }

/// Pillow's conversion of full-range YCbCr, in place.
static inline void pg_ycc_to_rgb(uint8_t *pixel) {
    int y = pixel[0], cb = pixel[1], cr = pixel[2];
    pixel[0] = pg_clip(y + (pg_ycc_product(1.402, cr) >> 6));
    pixel[1] = pg_clip(y + ((pg_ycc_product(-0.34414, cb) + pg_ycc_product(-0.71414, cr)) >> 6));
    pixel[2] = pg_clip(y + (pg_ycc_product(1.772, cb) >> 6));
}
