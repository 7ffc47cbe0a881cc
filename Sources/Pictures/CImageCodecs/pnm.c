#include <math.h>
#include <string.h>

#include "support.h"

// Portable bitmaps, graymaps and pixmaps, plain (P1 to P3) and binary (P4 to P6).

struct pnm {
    const uint8_t *bytes;
    size_t count, position;
    int kind;
    uint32_t width, height, maximum;
};

static int is_space(uint8_t byte) { return byte == ' ' || (byte >= '\t' && byte <= '\r'); }

/// Skips white space and comments.
static void skip_space(struct pnm *p) {
    while (p->position < p->count) {
        uint8_t byte = p->bytes[p->position];
        if (byte == '#') {
            while (p->position < p->count && p->bytes[p->position] != '\n' && p->bytes[p->position] != '\r') p->position++;
        } else if (!is_space(byte)) {
            return;
        } else {
            p->position++;
        }
    }
}

/// Reads a decimal number of at most ten digits. Returns a status.
static int read_number(struct pnm *p, uint64_t *value, char *message) {
    skip_space(p);
    int digits = 0;
    for (*value = 0; p->position < p->count; p->position++, digits++) {
        unsigned digit = p->bytes[p->position] - (unsigned)'0';
        if (digit > 9 || digits == 10) break;
        *value = *value * 10 + digit;
    }
    if (p->position < p->count && !is_space(p->bytes[p->position]) && p->bytes[p->position] != '#')
        return pg_fail(message, PG_IMAGE_CORRUPT, "it has something else than a number");
    return digits > 0 ? PG_IMAGE_OK : PG_IMAGE_TRUNCATED;
}

static int read_header(struct pnm *p, char *message) {
    uint64_t fields[3] = {0, 0, 1};
    if (p->count < 3) return PG_IMAGE_TRUNCATED;
    p->kind = p->bytes[1] - '0';
    p->position = 2;
    int bitmap = p->kind == 1 || p->kind == 4;
    for (int i = 0; i < (bitmap ? 2 : 3); i++) {
        int status = read_number(p, fields + i, message);
        if (status != PG_IMAGE_OK) return status;
    }
    // One white space ends the header.
    if (p->position == p->count) return PG_IMAGE_TRUNCATED;
    p->position++;
    if (fields[0] > INT32_MAX || fields[1] > INT32_MAX || fields[2] == 0 || fields[2] > 65535)
        return pg_fail(message, PG_IMAGE_CORRUPT, "its header has a number that is too large");
    p->width = (uint32_t)fields[0];
    p->height = (uint32_t)fields[1];
    p->maximum = (uint32_t)fields[2];
    return PG_IMAGE_OK;
}

int pg_pnm_header(const uint8_t *bytes, size_t count, pg_image_header *header) {
    struct pnm p = {.bytes = bytes, .count = count};
    int status = read_header(&p, header->message);
    header->width = p.width;
    header->height = p.height;
    return status;
}

/// The 8-bit value of a sample. Gray of more than 8 bits is first scaled to 16, and then clipped as Pillow does.
static uint8_t narrow(const struct pnm *p, uint32_t value, const pg_image_request *request) {
    int gray = p->kind == 2 || p->kind == 5;
    double full = gray && p->maximum > 255 ? 65535 : 255;
    double scaled = nearbyint((double)value / p->maximum * full);
    unsigned result = scaled > full ? (unsigned)full : (unsigned)scaled;
    return full > 255 ? pg_narrow(result, request->scale_16_bit) : (uint8_t)result;
}

/// Reads a sample. Returns a status.
static int read_sample(struct pnm *p, uint32_t *value, char *message) {
    if (p->kind >= 5) {
        size_t bytes = p->maximum > 255 ? 2 : 1;
        if (p->count - p->position < bytes) return PG_IMAGE_TRUNCATED;
        *value = p->bytes[p->position];
        if (bytes == 2) *value = *value << 8 | p->bytes[p->position + 1];
        p->position += bytes;
        return PG_IMAGE_OK;
    }
    if (p->kind == 1) {
        skip_space(p);
        if (p->position == p->count) return PG_IMAGE_TRUNCATED;
        *value = (uint32_t)('1' - p->bytes[p->position++]);
        return *value <= 1 ? PG_IMAGE_OK : pg_fail(message, PG_IMAGE_CORRUPT, "it has something else than 0 and 1");
    }
    uint64_t number;
    int status = read_number(p, &number, message);
    if (status == PG_IMAGE_OK && number > p->maximum)
        return pg_fail(message, PG_IMAGE_CORRUPT, "it has a number above its maximum");
    *value = (uint32_t)number;
    return status;
}

static int read_row(struct pnm *p, const pg_image_request *request, uint8_t *pixels, char *message) {
    int color = p->kind == 3 || p->kind == 6;
    for (uint32_t x = 0; x < p->width; x++) {
        uint8_t *pixel = pixels + (size_t)x * (size_t)request->channels;
        for (int c = 0; c < (color ? 3 : 1); c++) {
            uint32_t value = 0;
            int status = read_sample(p, &value, message);
            if (status != PG_IMAGE_OK) return status;
            pixel[c] = narrow(p, value, request);
        }
        if (!color) pixel[1] = pixel[2] = pixel[0];
        if (request->channels == 4) pixel[3] = 255;
    }
    return PG_IMAGE_OK;
}

/// A row of a binary bitmap: eight pixels a byte, 1 is black.
static int read_bits(struct pnm *p, const pg_image_request *request, uint8_t *pixels) {
    size_t bytes = ((size_t)p->width + 7) / 8;
    if (p->count - p->position < bytes) return PG_IMAGE_TRUNCATED;
    for (uint32_t x = 0; x < p->width; x++) {
        uint8_t *pixel = pixels + (size_t)x * (size_t)request->channels;
        memset(pixel, p->bytes[p->position + x / 8] >> (7 - x % 8) & 1 ? 0 : 255, 3);
        if (request->channels == 4) pixel[3] = 255;
    }
    p->position += bytes;
    return PG_IMAGE_OK;
}

int pg_pnm_decode(const pg_image_request *request, uint8_t *pixels, pg_image_report *report) {
    struct pnm p = {.bytes = request->bytes, .count = request->count};
    int status = read_header(&p, report->message);
    if (status != PG_IMAGE_OK) return status;
    if (p.width != request->width || p.height != request->height)
        return pg_fail(report->message, PG_IMAGE_CORRUPT, "its headers contradict each other");
    size_t row = (size_t)p.width * (size_t)request->channels;
    for (uint32_t y = 0; y < p.height && status == PG_IMAGE_OK; y++) {
        uint8_t *target = pixels + y * row;
        status = p.kind == 4 ? read_bits(&p, request, target) : read_row(&p, request, target, report->message);
        if (status == PG_IMAGE_TRUNCATED && request->lenient && y > 0) {
            report->damaged = 1;
            memset(target, 0, row);
            return PG_IMAGE_OK;
        }
    }
    return status;
}
