#pragma once

#include <stddef.h>
#include <stdint.h>

// Decodes pictures to 8-bit RGB, as Pillow's `convert("RGB")` does, and encodes PNG.
//
// Every decoder takes the size that the caller read from the header and a buffer of width * height * 3 bytes, rows from
// the top, without padding. It returns a status. On failure `message` holds the library's reason, and the contents of
// the buffer are undefined. Nothing here prints, and library errors are reported by the status alone.

enum {
    PG_IMAGE_OK = 0,
    /// The data end before the picture does.
    PG_IMAGE_TRUNCATED = 1,
    /// The data contradict themselves or use what the library does not implement.
    PG_IMAGE_CORRUPT = 2,
    PG_IMAGE_NO_MEMORY = 3,
};

enum { PG_IMAGE_MESSAGE_BYTES = 256 };

/// Decodes a JPEG of 1 (gray), 3 (RGB or YCbCr) or 4 (CMYK or YCCK, inverted as Adobe writes it) components.
int pg_jpeg_decode(
    const uint8_t *bytes, size_t count, int components, uint32_t width, uint32_t height, uint8_t *rgb,
    char message[PG_IMAGE_MESSAGE_BYTES]);

/// Decodes a PNG; alpha is dropped, 16-bit gray is clipped, other 16-bit samples keep their high byte.
///
/// `cut_chunk`: offset of the data of the IDAT chunk inside which the file ends, or 0. Such a file is read byte by byte
/// to find the byte that completes the rows; it is accepted if that byte is in the cut chunk.
int pg_png_decode(
    const uint8_t *bytes, size_t count, size_t cut_chunk, uint32_t width, uint32_t height, uint8_t *rgb,
    char message[PG_IMAGE_MESSAGE_BYTES]);

/// Decodes a WebP, of an animation the first frame; alpha is dropped.
int pg_webp_decode(
    const uint8_t *bytes, size_t count, uint32_t width, uint32_t height, uint8_t *rgb,
    char message[PG_IMAGE_MESSAGE_BYTES]);

/// Finds the first chunk named `fourcc` ("EXIF", "XMP ") of a WebP; returns 0 where there is none.
int pg_webp_chunk(const uint8_t *bytes, size_t count, const char *fourcc, size_t *offset, size_t *length);

/// Returns the CRC-32 that PNG stores after each chunk, of its type and data.
uint32_t pg_crc32(const uint8_t *bytes, size_t count);

/// Inflates a zlib stream into at most `capacity` bytes; returns the number written, or -1 where the stream is broken
/// or longer than that.
long pg_inflate(const uint8_t *bytes, size_t count, uint8_t *output, size_t capacity);

/// Encodes 8-bit RGB as a PNG in memory; free the result with `pg_image_free`. Returns a status.
int pg_png_encode(const uint8_t *rgb, uint32_t width, uint32_t height, uint8_t **png, size_t *png_count);

/// Frees what `pg_png_encode` allocated.
void pg_image_free(uint8_t *bytes);

// Resampling with fixed-point weights (22 fraction bits): output sample i is
// clamp((2^21 + sum over t of weights[i * taps + t] * input[starts[i] + t]) >> 22), counts[i] taps long.

/// Resamples each row of `input` (rows x width RGB pixels) to `out_width` pixels.
void pg_resample_rows(
    const uint8_t *input, size_t rows, size_t width, uint8_t *output, size_t out_width, const int32_t *starts,
    const int32_t *counts, const int32_t *weights, size_t taps);

/// Resamples each column of `input` (rows of `row_bytes` bytes) to `out_height` samples. `row_of_sums`: row_bytes
/// int32.
void pg_resample_columns(
    const uint8_t *input, size_t row_bytes, uint8_t *output, size_t out_height, const int32_t *starts,
    const int32_t *counts, const int32_t *weights, size_t taps, int32_t *row_of_sums);
