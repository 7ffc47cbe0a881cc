#include <string.h>

#include "support.h"

// Bitmaps of Windows and OS/2, read as Pillow reads them.

enum { RAW = 0, RLE8 = 1, RLE4 = 2, BITFIELDS = 3 };

/// Which byte of a 32-bit pixel holds red, green, blue and alpha; -1 where there is no alpha.
typedef struct {
    uint32_t masks[4];
    int bytes[4];
} layout;

static const layout layouts[] = {
    {{0xFF0000, 0xFF00, 0xFF, 0}, {2, 1, 0, -1}},          {{0xFF000000, 0xFF0000, 0xFF00, 0}, {3, 2, 1, -1}},
    {{0xFF000000, 0xFF00, 0xFF, 0}, {3, 1, 0, -1}},        {{0xFF000000, 0xFF0000, 0xFF00, 0xFF}, {3, 2, 1, 0}},
    {{0xFF, 0xFF00, 0xFF0000, 0xFF000000}, {0, 1, 2, 3}},  {{0xFF0000, 0xFF00, 0xFF, 0xFF000000}, {2, 1, 0, 3}},
    {{0xFF000000, 0xFF00, 0xFF, 0xFF0000}, {3, 1, 0, 2}},  {{0, 0, 0, 0}, {2, 1, 0, 3}},
};

struct bitmap {
    const uint8_t *bytes;
    size_t count;
    uint32_t width, height, bits, compression, colors;
    int top_down;
    /// 5 bits of green instead of 6 in a pixel of 16 bits.
    int fifteen_bits;
    const int *channel_bytes;
    size_t palette, palette_step, data;
};

static uint32_t le16(const uint8_t *bytes) { return (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8; }
static uint32_t le32(const uint8_t *bytes) { return le16(bytes) | le16(bytes + 2) << 16; }

static int read_masks(struct bitmap *b, const uint8_t *masks, int has_alpha, char *message) {
    uint32_t found[4] = {le32(masks), le32(masks + 4), le32(masks + 8), has_alpha ? le32(masks + 12) : 0};
    if (b->bits == 32)
        for (size_t i = 0; i < sizeof layouts / sizeof *layouts; i++)
            if (!memcmp(layouts[i].masks, found, sizeof found)) {
                b->channel_bytes = layouts[i].bytes;
                return PG_IMAGE_OK;
            }
    if (b->bits == 24 && !memcmp(layouts[0].masks, found, 12)) return PG_IMAGE_OK;
    const uint32_t six[3] = {0xF800, 0x7E0, 0x1F}, five[3] = {0x7C00, 0x3E0, 0x1F};
    b->fifteen_bits = b->bits == 16 && !memcmp(five, found, 12);
    if (b->fifteen_bits || (b->bits == 16 && !memcmp(six, found, 12))) return PG_IMAGE_OK;
    return pg_fail(message, PG_IMAGE_UNSUPPORTED, "its bit fields have an unknown layout");
}

static int read_info(struct bitmap *b, uint32_t size, char *message) {
    const uint8_t *info = b->bytes + 14;
    if (size == 12) {
        b->width = le16(info + 4);
        b->height = le16(info + 6);
        b->bits = le16(info + 10);
        b->palette_step = 3;
        return PG_IMAGE_OK;
    }
    b->top_down = info[11] == 0xFF;
    b->width = le32(info + 4);
    b->height = b->top_down ? 0u - le32(info + 8) : le32(info + 8);
    b->bits = le16(info + 14);
    b->compression = le32(info + 16);
    b->colors = le32(info + 32);
    b->palette_step = 4;
    b->fifteen_bits = 1;
    if (b->compression != BITFIELDS) return PG_IMAGE_OK;
    // In a short header the masks follow it.
    if (b->count < 14 + 56 + (size < 52 ? 0u : size - 52)) return PG_IMAGE_TRUNCATED;
    if (size < 52) b->palette += 12;
    return read_masks(b, info + 40, size >= 56, message);
}

static int read_headers(struct bitmap *b, char *message) {
    static const int opaque[4] = {2, 1, 0, -1};
    if (b->count < 26) return PG_IMAGE_TRUNCATED;
    uint32_t offset = le32(b->bytes + 10), size = le32(b->bytes + 14);
    if (size != 12 && size != 40 && size != 52 && size != 56 && size != 64 && size != 108 && size != 124)
        return pg_fail(message, PG_IMAGE_UNSUPPORTED, "its header has an unknown size");
    if (b->count < 14 + size) return PG_IMAGE_TRUNCATED;
    b->channel_bytes = opaque;
    b->fifteen_bits = 1;
    b->palette = 14 + size;
    int status = read_info(b, size, message);
    if (status != PG_IMAGE_OK) return status;
    if (b->bits != 1 && b->bits != 4 && b->bits != 8 && b->bits != 16 && b->bits != 24 && b->bits != 32)
        return pg_fail(message, PG_IMAGE_UNSUPPORTED, "its pixels have an unknown number of bits");
    int run_lengths = b->compression == RLE8 || b->compression == RLE4;
    if (b->compression > BITFIELDS || (run_lengths && b->bits > 8))
        return pg_fail(message, PG_IMAGE_UNSUPPORTED, "its compression is none that bitmaps of pixels have");
    if (b->colors == 0) b->colors = b->bits <= 8 ? 1u << b->bits : 0;
    if (b->bits <= 8 && b->colors > 65536) return pg_fail(message, PG_IMAGE_CORRUPT, "its palette is too long");
    b->data = offset ? offset : b->palette + (b->bits <= 8 ? b->colors * b->palette_step : 0);
    if (offset == 14 + size && b->bits <= 8) b->data += b->colors * b->palette_step;
    return PG_IMAGE_OK;
}

int pg_bmp_header(const uint8_t *bytes, size_t count, pg_image_header *header) {
    struct bitmap b = {.bytes = bytes, .count = count};
    int status = read_headers(&b, header->message);
    header->width = b.width;
    header->height = b.height;
    return status;
}

/// RGB of each index. Missing entries are black, except that a palette of gray steps goes on.
static void read_palette(const struct bitmap *b, uint8_t colors[256][3]) {
    memset(colors, 0, 256 * 3);
    int is_gray = 1;
    for (uint32_t i = 0; i < b->colors && i < 256; i++) {
        size_t at = b->palette + i * b->palette_step;
        if (at + 3 > b->count) break;
        for (int c = 0; c < 3; c++) colors[i][c] = b->bytes[at + 2 - (size_t)c];
        for (int c = 0; c < 3; c++) is_gray &= colors[i][c] == i;
    }
    if (is_gray)
        for (int i = 0; i < 256; i++) memset(colors[i], i, 3);
}

static void store_row(
    const struct bitmap *b, const uint8_t *row, uint8_t colors[256][3], uint8_t *pixels, size_t channels) {
    for (size_t x = 0; x < b->width; x++) {
        uint8_t *pixel = pixels + x * channels;
        if (channels == 4) pixel[3] = 255;
        if (b->bits <= 8) {
            unsigned per_byte = 8 / b->bits;
            unsigned shift = 8 - b->bits * (unsigned)(x % per_byte + 1);
            memcpy(pixel, colors[row[x / per_byte] >> shift & ((1u << b->bits) - 1)], 3);
        } else if (b->bits == 16) {
            uint32_t value = le16(row + 2 * x);
            int green_bits = b->fifteen_bits ? 5 : 6;
            pixel[0] = (uint8_t)((value >> (5 + green_bits) & 31) * 255 / 31);
            pixel[1] = (uint8_t)((value >> 5 & ((1u << green_bits) - 1)) * 255 / ((1u << green_bits) - 1));
            pixel[2] = (uint8_t)((value & 31) * 255 / 31);
        } else {
            const uint8_t *stored = row + x * b->bits / 8;
            for (int c = 0; c < 3; c++) pixel[c] = stored[b->channel_bytes[c]];
            if (channels == 4 && b->channel_bytes[3] >= 0) pixel[3] = stored[b->channel_bytes[3]];
        }
    }
}

static int damaged_or(int status, const pg_image_request *request, pg_image_report *report, uint64_t done) {
    if (!request->lenient || done == 0) return status;
    report->damaged = 1;
    return PG_IMAGE_OK;
}

static int decode_raw(
    const struct bitmap *b, const pg_image_request *request, uint8_t colors[256][3], uint8_t *pixels,
    pg_image_report *report) {
    uint64_t stride = ((uint64_t)b->width * b->bits + 31) / 32 * 4;
    uint64_t row_bytes = ((uint64_t)b->width * b->bits + 7) / 8;
    size_t channels = (size_t)request->channels, row = b->width * channels;
    for (uint64_t y = 0; y < b->height; y++) {
        // The last row may lack what only fills it up.
        if (b->data > b->count || y * stride + row_bytes > b->count - b->data)
            return damaged_or(PG_IMAGE_TRUNCATED, request, report, y);
        size_t target = (size_t)(b->top_down ? y : b->height - 1 - y);
        store_row(b, b->bytes + b->data + y * stride, colors, pixels + target * row, channels);
    }
    return PG_IMAGE_OK;
}

struct runs {
    const struct bitmap *b;
    uint8_t (*colors)[3];
    uint8_t *pixels;
    size_t channels;
    /// Pixels that have been written, from the first stored row on.
    uint64_t done;
    size_t position;
};

static void put(struct runs *r, unsigned index) {
    const struct bitmap *b = r->b;
    if (r->done >= (uint64_t)b->width * b->height) return;
    uint64_t y = r->done / b->width, x = r->done % b->width;
    uint8_t *pixel = r->pixels + ((b->top_down ? y : b->height - 1 - y) * b->width + x) * r->channels;
    memcpy(pixel, r->colors[index], 3);
    if (r->channels == 4) pixel[3] = 255;
    r->done++;
}

static void skip(struct runs *r, uint64_t count) {
    uint64_t rest = (uint64_t)r->b->width * r->b->height - r->done;
    for (uint64_t i = 0; i < count && i < rest; i++) put(r, 0);
}

/// Puts `count` pixels as they are stored. Returns whether that was all of the data.
static int put_literal(struct runs *r, unsigned count) {
    const struct bitmap *b = r->b;
    uint64_t rest = (uint64_t)b->width * b->height - r->done;
    if (count > rest) count = (unsigned)rest;
    size_t bytes = b->compression == RLE4 ? (count + 1) / 2 : count;
    size_t there = b->count - r->position < bytes ? b->count - r->position : bytes;
    for (unsigned i = 0; i < count && (b->compression == RLE4 ? i / 2 : i) < there; i++) {
        unsigned byte = b->bytes[r->position + (b->compression == RLE4 ? i / 2 : i)];
        put(r, b->compression == RLE8 ? byte : i % 2 ? byte & 15 : byte >> 4);
    }
    r->position += there;
    // Data go on at an even offset of the file.
    if (there == bytes) r->position += r->position % 2;
    return there < bytes;
}

/// Goes on after a zero. Returns whether the picture ends.
static int escape(struct runs *r, unsigned code, uint64_t *column) {
    const struct bitmap *b = r->b;
    if (code == 0) {
        skip(r, (b->width - r->done % b->width) % b->width);
        *column = 0;
    } else if (code == 1) {
        return 1;
    } else if (code == 2) {
        if (b->count - r->position < 2) return 1;
        skip(r, b->bytes[r->position] + (uint64_t)b->bytes[r->position + 1] * b->width);
        r->position += 2;
        *column = r->done % b->width;
    } else {
        if (put_literal(r, code)) return 1;
        *column += code;
    }
    return 0;
}

static int decode_runs(
    const struct bitmap *b, const pg_image_request *request, uint8_t colors[256][3], uint8_t *pixels,
    pg_image_report *report) {
    struct runs r = {b, colors, pixels, (size_t)request->channels, 0, b->data};
    uint64_t total = (uint64_t)b->width * b->height, column = 0;
    while (r.done < total && r.position <= b->count && b->count - r.position >= 2) {
        unsigned count = b->bytes[r.position], value = b->bytes[r.position + 1];
        r.position += 2;
        if (count == 0) {
            if (escape(&r, value, &column)) break;
            continue;
        }
        if (column + count > b->width) count = column < b->width ? (unsigned)(b->width - column) : 0;
        for (unsigned i = 0; i < count; i++)
            put(&r, b->compression == RLE8 ? value : i % 2 ? value & 15 : value >> 4);
        column += count;
    }
    uint64_t done = r.done;
    if (done == total) return PG_IMAGE_OK;
    skip(&r, total - done);
    return damaged_or(PG_IMAGE_TRUNCATED, request, report, done);
}

int pg_bmp_decode(const pg_image_request *request, uint8_t *pixels, pg_image_report *report) {
    struct bitmap b = {.bytes = request->bytes, .count = request->count};
    int status = read_headers(&b, report->message);
    if (status != PG_IMAGE_OK) return status;
    if (b.width != request->width || b.height != request->height)
        return pg_fail(report->message, PG_IMAGE_CORRUPT, "its headers contradict each other");
    uint8_t colors[256][3];
    read_palette(&b, colors);
    int raw = b.compression == RAW || b.compression == BITFIELDS;
    return (raw ? decode_raw : decode_runs)(&b, request, colors, pixels, report);
}
