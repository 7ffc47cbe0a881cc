#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include <png.h>
#include <zlib.h>

#include "support.h"

struct reader {
    const uint8_t *bytes;
    size_t count;
    size_t position;
    int truncated;
    /// Rows whose bytes have been inflated and unfiltered, over all passes.
    uint64_t rows_unpacked;
    /// Position of the reader when it unpacked the last of them.
    size_t last_row_position;
    pg_image_report *report;
};

static void fail(png_structp png, png_const_charp text) {
    struct reader *reader = png_get_error_ptr(png);
    pg_fail(reader->report->message, 0, text);
    longjmp(png_jmpbuf(png), 1);
}

// Wrong checksums of pixels are no more than warnings: Pillow does not look at them.
static void note_warning(png_structp png, png_const_charp text) {
    struct reader *reader = png_get_error_ptr(png);
    if (strstr(text, "CRC")) reader->report->damaged = 1;
}

static void drop_warning(png_structp png, png_const_charp text) {
    (void)png;
    (void)text;
}

static void read_bytes(png_structp png, png_bytep target, size_t count) {
    struct reader *reader = png_get_io_ptr(png);
    if (count > reader->count - reader->position) {
        reader->truncated = 1;
        png_error(png, "the data end early");
    }
    memcpy(target, reader->bytes + reader->position, count);
    reader->position += count;
}

// Called between inflating and delivering a row: errors later in the same call (libpng looks for the end of the stream
// after the last row) do not affect the row.
static void note_row(png_structp png, png_row_infop info, png_bytep row) {
    (void)info;
    (void)row;
    struct reader *reader = png_get_user_transform_ptr(png);
    reader->rows_unpacked++;
    reader->last_row_position = reader->position;
}

/// The RGB value of each stored sample of a gray or palette picture of up to 8 bits.
typedef struct {
    uint8_t rgb[256][3];
} color_table;

static void fill_colors(png_structp png, png_infop info, color_table *colors) {
    memset(colors, 0, sizeof *colors);
    if (png_get_color_type(png, info) == PNG_COLOR_TYPE_PALETTE) {
        // Entries that the file leaves out stay black.
        png_colorp palette;
        int entries = 0;
        if (!png_get_PLTE(png, info, &palette, &entries)) return;
        for (int i = 0; i < entries && i < 256; i++) {
            colors->rgb[i][0] = palette[i].red;
            colors->rgb[i][1] = palette[i].green;
            colors->rgb[i][2] = palette[i].blue;
        }
        return;
    }
    int bits = png_get_bit_depth(png, info);
    int scale = bits >= 8 ? 1 : 255 / ((1 << bits) - 1);
    for (int i = 0; i * scale < 256; i++) memset(colors->rgb[i], i * scale, 3);
}

/// What a row of samples becomes: RGB, or RGBA without transparency.
static void convert_row(
    const uint8_t *stored, int sixteen_bit, int scale, const color_table *colors, uint8_t *pixels, size_t width,
    size_t channels) {
    for (size_t x = 0; x < width; x++) {
        uint8_t *pixel = pixels + x * channels;
        if (sixteen_bit) {
            memset(pixel, pg_narrow((unsigned)(stored[2 * x] << 8 | stored[2 * x + 1]), scale), 3);
        } else {
            memcpy(pixel, colors->rgb[stored[x]], 3);
        }
        if (channels == 4) pixel[3] = 255;
    }
}

/// Sets up libpng so that a row is RGB or RGBA as the request wants it, or else one byte a sample of gray or palette, or
/// two of 16-bit gray without alpha.
static void choose_transforms(png_structp png, png_infop info, struct reader *reader, int channels) {
    int color_type = png_get_color_type(png, info);
    int sixteen_bit = png_get_bit_depth(png, info) == 16;
    int plain_gray = color_type == PNG_COLOR_TYPE_GRAY;
    if (sixteen_bit && !plain_gray) png_set_strip_16(png);
    if (channels == 4 && !(sixteen_bit && plain_gray)) {
        png_set_expand(png);
        png_set_gray_to_rgb(png);
        png_set_add_alpha(png, 0xFF, PNG_FILLER_AFTER);
    } else {
        if (png_get_bit_depth(png, info) < 8) png_set_packing(png);
        if (color_type & PNG_COLOR_MASK_ALPHA) png_set_strip_alpha(png);
    }
    png_set_read_user_transform_fn(png, note_row);
    png_set_user_transform_info(png, reader, 0, 0);
}

/// Returns the number of rows in the file: those of the picture, or of its seven interlaced passes without empty ones.
static uint64_t stored_rows(int interlaced, uint32_t width, uint32_t height) {
    if (!interlaced) return height;
    uint64_t rows = 0;
    for (int pass = 0; pass < 7; pass++)
        if (PNG_PASS_COLS(width, pass) > 0) rows += PNG_PASS_ROWS(height, pass);
    return rows;
}

struct decoding {
    const pg_image_request *request;
    struct reader reader;
    png_structp png;
    png_infop info;
    /// The buffer that rows are unpacked to: the caller's, or `samples` where a row is not RGB yet.
    uint8_t *rows;
    uint8_t *samples;
    size_t row_bytes;
    uint64_t rows_wanted;
    int sixteen_bit;
    color_table colors;
    double deadline;
    int too_slow;
};

static int prepare(struct decoding *d, uint8_t *pixels) {
    png_structp png = d->png;
    const pg_image_request *request = d->request;
    png_set_user_limits(png, 0x7fffffff, 0x7fffffff);
    // Ancillary chunks are skipped: gamma and profiles are not applied, and metadata is read elsewhere.
    int keep_transparency = request->channels == 4;
    png_set_keep_unknown_chunks(png, PNG_HANDLE_CHUNK_NEVER, NULL, -1);
    if (keep_transparency) png_set_keep_unknown_chunks(png, PNG_HANDLE_CHUNK_AS_DEFAULT, (png_const_bytep) "tRNS", 1);
    png_set_crc_action(png, PNG_CRC_WARN_USE, PNG_CRC_WARN_USE);
    // Encoders write window sizes that their streams do not keep to.
    png_set_option(png, PNG_MAXIMUM_INFLATE_WINDOW, PNG_OPTION_ON);
    png_set_read_fn(png, &d->reader, read_bytes);
    png_set_compression_buffer_size(png, request->cut_chunk ? 1 : 65536);
    png_read_info(png, d->info);
    if (png_get_image_width(png, d->info) != request->width || png_get_image_height(png, d->info) != request->height)
        png_error(png, "its headers contradict each other");
    fill_colors(png, d->info, &d->colors);
    choose_transforms(png, d->info, &d->reader, request->channels);
    d->rows_wanted = stored_rows(png_set_interlace_handling(png) > 1, request->width, request->height);
    png_read_update_info(png, d->info);
    d->sixteen_bit = png_get_bit_depth(png, d->info) == 16;
    d->row_bytes = png_get_rowbytes(png, d->info);
    d->rows = pixels;
    if (png_get_channels(png, d->info) == request->channels) return PG_IMAGE_OK;
    d->rows = d->samples = calloc(request->height, d->row_bytes);
    return d->samples ? PG_IMAGE_OK : PG_IMAGE_NO_MEMORY;
}

static void read_rows(struct decoding *d) {
    int passes = png_set_interlace_handling(d->png);
    // To ask for the time costs as much as some hundred pixels.
    uint32_t step = d->row_bytes > 4096 ? 1 : 64;
    for (int pass = 0; pass < passes; pass++)
        for (uint32_t y = 0; y < d->request->height; y++) {
            d->too_slow |= y % step == 0 && pg_thread_seconds() > d->deadline;
            if (d->too_slow) png_error(d->png, "it takes too long");
            png_read_row(d->png, d->rows + d->row_bytes * y, NULL);
        }
}

/// Whether every row was unpacked, the last by a byte of the cut chunk where there is one. libpng looks for the end of
/// the stream after it has delivered the last row: a file that ends between the two, or whose stream has no checksum,
/// holds a whole picture. A chunk behind the last row that is cut is an error all the same, as Pillow has it.
static int is_complete(const struct decoding *d) {
    return d->rows_wanted > 0 && d->reader.rows_unpacked == d->rows_wanted &&
           d->reader.last_row_position > d->request->cut_chunk;
}

/// What has been decoded at an error: a whole picture, one that is damaged, or none.
static int status_after_error(const struct decoding *d) {
    if (d->too_slow) return PG_IMAGE_TOO_SLOW;
    if (is_complete(d)) return PG_IMAGE_OK;
    if (d->request->lenient && d->reader.rows_unpacked > 0) {
        d->reader.report->damaged = 1;
        return PG_IMAGE_OK;
    }
    return d->reader.truncated || d->request->cut_chunk ? PG_IMAGE_TRUNCATED : PG_IMAGE_CORRUPT;
}

/// The part that libpng's errors jump out of. Everything that outlives the jump is in `d`.
static int decode(struct decoding *d, uint8_t *pixels) {
    if (setjmp(png_jmpbuf(d->png))) return status_after_error(d);
    int status = prepare(d, pixels);
    if (status != PG_IMAGE_OK) return status;
    read_rows(d);
    return is_complete(d) ? PG_IMAGE_OK : status_after_error(d);
}

int pg_png_decode(const pg_image_request *request, uint8_t *pixels, pg_image_report *report) {
    struct decoding *d = calloc(1, sizeof *d);
    if (!d) return PG_IMAGE_NO_MEMORY;
    d->request = request;
    d->deadline = pg_thread_seconds() + request->seconds;
    d->reader = (struct reader){.bytes = request->bytes, .count = request->count, .report = report};
    d->png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &d->reader, fail, note_warning);
    d->info = d->png ? png_create_info_struct(d->png) : NULL;
    int status = PG_IMAGE_NO_MEMORY;
    if (d->info) status = decode(d, pixels);
    size_t row = (size_t)request->width * (size_t)request->channels;
    if (status == PG_IMAGE_OK && d->samples)
        for (uint32_t y = 0; y < request->height; y++)
            convert_row(
                d->samples + d->row_bytes * y, d->sixteen_bit, request->scale_16_bit, &d->colors, pixels + y * row,
                request->width, (size_t)request->channels);
    png_destroy_read_struct(&d->png, &d->info, NULL);
    free(d->samples);
    free(d);
    return status;
}

// MARK: Writing

struct writer {
    uint8_t *bytes;
    size_t count;
    size_t capacity;
};

static void write_bytes(png_structp png, png_bytep source, size_t count) {
    struct writer *writer = png_get_io_ptr(png);
    if (writer->capacity - writer->count < count) {
        size_t capacity = (writer->capacity + count) * 2;
        uint8_t *grown = realloc(writer->bytes, capacity);
        if (!grown) png_error(png, "out of memory");
        writer->bytes = grown;
        writer->capacity = capacity;
    }
    memcpy(writer->bytes + writer->count, source, count);
    writer->count += count;
}

static void flush_nothing(png_structp png) { (void)png; }

static void jump_back(png_structp png, png_const_charp text) {
    (void)text;
    longjmp(png_jmpbuf(png), 1);
}

static int encode(png_structp png, png_infop info, const uint8_t *rgb, uint32_t width, uint32_t height) {
    if (setjmp(png_jmpbuf(png))) return PG_IMAGE_NO_MEMORY;
    png_set_IHDR(
        png, info, width, height, 8, PNG_COLOR_TYPE_RGB, PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT,
        PNG_FILTER_TYPE_DEFAULT);
    png_write_info(png, info);
    for (uint32_t y = 0; y < height; y++) png_write_row(png, rgb + (size_t)y * width * 3);
    png_write_end(png, info);
    return PG_IMAGE_OK;
}

int pg_png_encode(const uint8_t *rgb, uint32_t width, uint32_t height, uint8_t **result, size_t *result_count) {
    struct writer writer = {0};
    png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, jump_back, drop_warning);
    png_infop info = png ? png_create_info_struct(png) : NULL;
    int status = PG_IMAGE_NO_MEMORY;
    if (info) {
        png_set_write_fn(png, &writer, write_bytes, flush_nothing);
        status = encode(png, info, rgb, width, height);
    }
    png_destroy_write_struct(&png, &info);
    if (status != PG_IMAGE_OK) {
        free(writer.bytes);
        return status;
    }
    *result = writer.bytes;
    *result_count = writer.count;
    return PG_IMAGE_OK;
}

void pg_image_free(uint8_t *bytes) { free(bytes); }

// MARK: zlib

uint32_t pg_crc32(const uint8_t *bytes, size_t count) { return (uint32_t)crc32_z(0, bytes, count); }

long pg_inflate(const uint8_t *bytes, size_t count, uint8_t *output, size_t capacity) {
    uLongf written = capacity;
    return uncompress(output, &written, bytes, count) == Z_OK ? (long)written : -1;
}
