#pragma once

#include <stddef.h>
#include <stdint.h>

// Decodes pictures to 8-bit RGB or RGBA, as Pillow's `convert("RGB")` and `convert("RGBA")` do, and encodes PNG and JPEG.
//
// A header function reads the size from the bytes before anything is allocated for pixels. A decoder takes that size and
// a buffer of width * height * channels bytes that is all zero, rows from the top, without padding. Both return a
// status. On failure the report's message holds the library's reason, and the contents of the buffer are undefined.
// Nothing here prints or exits, and library errors are reported by the status alone.

enum {
    PG_IMAGE_OK = 0,
    /// The data end before the picture does.
    PG_IMAGE_TRUNCATED = 1,
    /// The data contradict themselves or use what the library does not implement.
    PG_IMAGE_CORRUPT = 2,
    PG_IMAGE_NO_MEMORY = 3,
    /// The picture is of a kind that the decoder does not have; the message names it.
    PG_IMAGE_UNSUPPORTED = 4,
    /// The picture would take more time than the request allows.
    PG_IMAGE_TOO_SLOW = 5,
};

enum { PG_IMAGE_MESSAGE_BYTES = 256 };

/// What is to be decoded, and how.
typedef struct {
    const uint8_t *bytes;
    size_t count;
    /// Size of the result in pixels; a decoder fails where its library finds another.
    uint32_t width, height;
    /// 3: RGB, alpha is dropped. 4: RGBA.
    int channels;
    /// Whether a damaged picture gives what can be decoded, and is reported as damaged.
    int lenient;
    /// Whether 16-bit gray is scaled to 8 bits; else it is clipped.
    int scale_16_bit;
    /// JPEG: components of the frame. 8: full size; 1, 2, 4: the result has that many eighths of the size.
    int components, scale_eighths;
    /// PNG: offset of the data of the IDAT chunk inside which the file ends, or 0. Such a file is read byte by byte to
    /// find the byte that completes the rows; it is accepted if that byte is in the cut chunk.
    size_t cut_chunk;
    /// Bytes that the library may allocate beside the pixels, where it can be told.
    size_t memory;
    /// Seconds of this thread's processor time after which decoding is given up, where the library can be interrupted.
    double seconds;
} pg_image_request;

/// What became of it.
typedef struct {
    /// Whether parts of the picture could not be decoded and were filled in.
    int damaged;
    char message[PG_IMAGE_MESSAGE_BYTES];
} pg_image_report;

/// What a picture's header says.
typedef struct {
    uint32_t width, height;
    /// The EXIF orientation that the container itself stores, 1 where there is none.
    int orientation;
    /// Bytes that decoding takes beside the result.
    size_t memory;
    char message[PG_IMAGE_MESSAGE_BYTES];
} pg_image_header;

/// Decodes a JPEG of 1 (gray), 3 (RGB or YCbCr) or 4 (CMYK or YCCK, inverted as Adobe writes it) components. Blocks of
/// which scans are missing are smoothed as libjpeg-turbo 3 smooths them.
int pg_jpeg_decode(const pg_image_request *request, uint8_t *pixels, pg_image_report *report);

/// Decodes a PNG; 16-bit gray is clipped or scaled, other 16-bit samples keep their high byte.
int pg_png_decode(const pg_image_request *request, uint8_t *pixels, pg_image_report *report);

/// Decodes a WebP, of an animation the first frame on an empty canvas.
int pg_webp_decode(const pg_image_request *request, uint8_t *pixels, pg_image_report *report);

/// Reads the header of a bitmap of Windows or OS/2; then decodes it.
int pg_bmp_header(const uint8_t *bytes, size_t count, pg_image_header *header);
int pg_bmp_decode(const pg_image_request *request, uint8_t *pixels, pg_image_report *report);

/// Reads the header of a GIF, its first frame on the canvas; then decodes it.
int pg_gif_header(const uint8_t *bytes, size_t count, pg_image_header *header);
int pg_gif_decode(const pg_image_request *request, uint8_t *pixels, pg_image_report *report);

/// Reads the header of a portable bitmap, graymap or pixmap; then decodes it.
int pg_pnm_header(const uint8_t *bytes, size_t count, pg_image_header *header);
int pg_pnm_decode(const pg_image_request *request, uint8_t *pixels, pg_image_report *report);

/// Reads the header of a TIFF, its first picture; then decodes it.
int pg_tiff_header(const uint8_t *bytes, size_t count, pg_image_header *header);
int pg_tiff_decode(const pg_image_request *request, uint8_t *pixels, pg_image_report *report);

/// Reads the header of an AVIF, its first frame; then decodes it.
int pg_avif_header(const uint8_t *bytes, size_t count, pg_image_header *header);
int pg_avif_decode(const pg_image_request *request, uint8_t *pixels, pg_image_report *report);

/// Reads the header of a HEIF picture, its primary image; then decodes it.
int pg_heif_header(const uint8_t *bytes, size_t count, pg_image_header *header);
int pg_heif_decode(const pg_image_request *request, uint8_t *pixels, pg_image_report *report);

/// Reads the header of a JPEG XL picture, its first frame; then decodes it.
int pg_jxl_header(const uint8_t *bytes, size_t count, pg_image_header *header);
int pg_jxl_decode(const pg_image_request *request, uint8_t *pixels, pg_image_report *report);

/// Reads the header of a JPEG 2000 picture; then decodes it.
int pg_jp2_header(const uint8_t *bytes, size_t count, pg_image_header *header);
int pg_jp2_decode(const pg_image_request *request, uint8_t *pixels, pg_image_report *report);

/// Reads the header of a WebP.
int pg_webp_header(const uint8_t *bytes, size_t count, pg_image_header *header);

/// Lays `pixels` RGBA pixels on a color.
void pg_image_composite(
    const uint8_t *rgba, size_t pixels, uint8_t red, uint8_t green, uint8_t blue, uint8_t *rgb);

/// Finds the first chunk named `fourcc` ("EXIF", "XMP ") of a WebP; returns 0 where there is none.
int pg_webp_chunk(const uint8_t *bytes, size_t count, const char *fourcc, size_t *offset, size_t *length);

/// Finds the first place of `key` in `bytes`, in linear time; NULL where there is none.
const void *pg_find(const void *bytes, size_t count, const void *key, size_t key_count);

/// Returns the CRC-32 that PNG stores after each chunk, of its type and data.
uint32_t pg_crc32(const uint8_t *bytes, size_t count);

/// Inflates a zlib stream into at most `capacity` bytes; returns the number written, or -1 where the stream is broken
/// or longer than that.
long pg_inflate(const uint8_t *bytes, size_t count, uint8_t *output, size_t capacity);

/// Encodes 8-bit RGB as a PNG in memory; free the result with `pg_image_free`. Returns a status.
int pg_png_encode(const uint8_t *rgb, uint32_t width, uint32_t height, uint8_t **png, size_t *png_count);

/// Encodes 8-bit RGB as a JPEG in memory, at a quality of 1 to 100; free the result with `pg_image_free`. Returns a status.
int pg_jpeg_encode(
    const uint8_t *rgb, uint32_t width, uint32_t height, int quality, uint8_t **jpeg, size_t *jpeg_count);

/// Frees what an encoder allocated.
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
