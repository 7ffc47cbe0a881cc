#include <stdlib.h>
#include <string.h>

#include "tiff_file.h"

// The first picture of a TIFF. libtiff unpacks strips and tiles; what their samples mean is decided here, as Pillow does.

struct layout {
    uint32_t width, height;
    uint16_t bits, samples, photometric, planar, format, compression, orientation;
    /// The kind of the first extra sample, -1 where there is none.
    int extra;
    /// The library converts whole pictures of subsampled YCbCr.
    int by_library;
    int tiled;
    /// A strip or a tile in pixels, and in bytes (of one sample where samples are apart).
    uint32_t unit_width, unit_height;
    size_t unit_bytes;
};

// MARK: The layout

/// Bytes that tables of tags and the state of a decompressor usually take, and may take at most.
static const size_t overhead = 2 << 20, most_overhead = 64 << 20;

static void read_extra(TIFF *tiff, struct layout *l) {
    uint16_t count = 0, *kinds = NULL;
    l->extra = -1;
    if (TIFFGetField(tiff, TIFFTAG_EXTRASAMPLES, &count, &kinds) && count > 0) l->extra = kinds[0];
}

static int base_samples(const struct layout *l) {
    switch (l->photometric) {
        case PHOTOMETRIC_RGB:
            return 3;
        case PHOTOMETRIC_YCBCR: return l->samples < 3 ? 1 : 3;
        case PHOTOMETRIC_SEPARATED: return 4;
        default: return 1;
    }
}

/// Whether the samples are of a kind that Pillow reads.
static int is_supported(const struct layout *l) {
    int whole = l->format == SAMPLEFORMAT_UINT || l->format == SAMPLEFORMAT_VOID;
    int extra = l->samples - base_samples(l);
    if (extra < 0 || extra > 3) return 0;
    switch (l->photometric) {
        case PHOTOMETRIC_MINISWHITE:
        case PHOTOMETRIC_MINISBLACK:
            if (l->format == SAMPLEFORMAT_IEEEFP) return l->bits == 32 && extra == 0;
            if (l->format == SAMPLEFORMAT_INT) return l->bits == 8 || l->bits == 16 || l->bits == 32;
            if (extra > 1 || (extra == 1 && l->bits != 8)) return 0;
            return whole && (l->bits == 1 || l->bits == 2 || l->bits == 4 || l->bits == 8 || l->bits == 12 ||
                             l->bits == 16 || l->bits == 32);
        case PHOTOMETRIC_PALETTE:
            return whole && (l->bits == 8 || (extra == 0 && (l->bits == 1 || l->bits == 2 || l->bits == 4)));
        case PHOTOMETRIC_RGB:
        case PHOTOMETRIC_SEPARATED: return whole && (l->bits == 8 || l->bits == 16);
        case PHOTOMETRIC_YCBCR: return whole && l->bits == 8;
        default: return 0;
    }
}

static int read_layout(TIFF *tiff, struct layout *l, char *message) {
    memset(l, 0, sizeof *l);
    if (!TIFFGetField(tiff, TIFFTAG_IMAGEWIDTH, &l->width) || !TIFFGetField(tiff, TIFFTAG_IMAGELENGTH, &l->height))
        return pg_fail(message, PG_IMAGE_CORRUPT, "it has no size");
    TIFFGetFieldDefaulted(tiff, TIFFTAG_BITSPERSAMPLE, &l->bits);
    TIFFGetFieldDefaulted(tiff, TIFFTAG_SAMPLESPERPIXEL, &l->samples);
    TIFFGetFieldDefaulted(tiff, TIFFTAG_PLANARCONFIG, &l->planar);
    TIFFGetFieldDefaulted(tiff, TIFFTAG_SAMPLEFORMAT, &l->format);
    TIFFGetFieldDefaulted(tiff, TIFFTAG_COMPRESSION, &l->compression);
    TIFFGetFieldDefaulted(tiff, TIFFTAG_ORIENTATION, &l->orientation);
    if (!TIFFGetField(tiff, TIFFTAG_PHOTOMETRIC, &l->photometric)) l->photometric = PHOTOMETRIC_MINISWHITE;
    if (l->compression == COMPRESSION_OJPEG) l->photometric = PHOTOMETRIC_YCBCR;
    read_extra(tiff, l);
    if (!is_supported(l)) {
        snprintf(
            message, PG_IMAGE_MESSAGE_BYTES, "%d samples of %d bits (format %d) with photometric interpretation %d", l->samples,
            l->bits, l->format, l->photometric);
        return PG_IMAGE_UNSUPPORTED;
    }
    if (!TIFFIsCODECConfigured(l->compression))
        return pg_fail(message, PG_IMAGE_UNSUPPORTED, "libtiff does not have its compression");
    l->tiled = TIFFIsTiled(tiff);
    if (l->photometric == PHOTOMETRIC_YCBCR) {
        if (l->compression == COMPRESSION_JPEG && l->planar == PLANARCONFIG_CONTIG) {
            TIFFSetField(tiff, TIFFTAG_JPEGCOLORMODE, JPEGCOLORMODE_RGB);
            l->photometric = PHOTOMETRIC_RGB;
        } else {
            uint16_t horizontal = 1, vertical = 1;
            TIFFGetFieldDefaulted(tiff, TIFFTAG_YCBCRSUBSAMPLING, &horizontal, &vertical);
            int plain = l->compression == COMPRESSION_NONE && horizontal == 1 && vertical == 1;
            l->by_library = l->samples > 1 && !plain;
        }
    }
    return PG_IMAGE_OK;
}

/// Finds the size of a strip or a tile. One that is much larger than the picture is not accepted.
static int read_unit(TIFF *tiff, struct layout *l, char *message) {
    tmsize_t bytes;
    if (l->tiled) {
        TIFFGetField(tiff, TIFFTAG_TILEWIDTH, &l->unit_width);
        TIFFGetField(tiff, TIFFTAG_TILELENGTH, &l->unit_height);
        bytes = TIFFTileSize(tiff);
    } else {
        TIFFGetFieldDefaulted(tiff, TIFFTAG_ROWSPERSTRIP, &l->unit_height);
        l->unit_width = l->width;
        if (l->unit_height > l->height) l->unit_height = l->height;
        bytes = TIFFStripSize(tiff);
    }
    uint64_t pixel = (uint64_t)l->samples * ((l->bits + 7) / 8) + 4;
    uint64_t limit = (uint64_t)l->width * l->height * pixel * 2 + most_overhead;
    if (l->unit_width == 0 || l->unit_height == 0 || bytes <= 0 || (uint64_t)bytes > limit)
        return pg_fail(message, PG_IMAGE_CORRUPT, "its strips or tiles have an impossible size");
    l->unit_bytes = (size_t)bytes;
    return PG_IMAGE_OK;
}

static size_t memory_of(const struct layout *l) {
    if (l->by_library) return (size_t)l->width * l->height * 4 + 2 * l->unit_bytes + overhead;
    return l->unit_bytes * (l->planar == PLANARCONFIG_SEPARATE ? l->samples : 1) + l->unit_bytes + overhead;
}

int pg_tiff_header(const uint8_t *bytes, size_t count, pg_image_header *header) {
    struct tiff_file file = {bytes, count, 0, 0, header->message, 0, 0};
    TIFF *tiff = pg_tiff_open(&file, most_overhead);
    if (!tiff) return file.ended ? PG_IMAGE_TRUNCATED : PG_IMAGE_CORRUPT;
    struct layout l;
    int status = read_layout(tiff, &l, header->message);
    header->width = l.width;
    header->height = l.height;
    header->orientation = l.orientation;
    // A picture of an impossible size is refused for that, by the caller.
    if (status == PG_IMAGE_OK && l.width > 0 && l.height > 0 && (uint64_t)l.width * l.height < 1u << 31) {
        status = read_unit(tiff, &l, header->message);
        header->memory = memory_of(&l);
    }
    TIFFClose(tiff);
    return status == PG_IMAGE_CORRUPT && file.ended ? PG_IMAGE_TRUNCATED : status;
}

// MARK: Samples

struct decoding {
    TIFF *tiff;
    struct tiff_file *file;
    struct layout l;
    const pg_image_request *request;
    uint8_t *pixels;
    /// RGB of each index of a palette.
    uint8_t colors[256][3];
    /// The strip or tile at hand: one buffer, or one for each sample.
    uint8_t *unit;
};

/// The sample `index` of a row, as a number of its bits.
static uint32_t sample(const uint8_t *row, size_t index, unsigned bits) {
    switch (bits) {
        case 8: return row[index];
        case 16: {
            uint16_t value;
            memcpy(&value, row + 2 * index, 2);
            return value;
        }
        case 32: {
            uint32_t value;
            memcpy(&value, row + 4 * index, 4);
            return value;
        }
        case 12: {
            const uint8_t *pair = row + index / 2 * 3;
            return index % 2 ? (uint32_t)(pair[1] & 15) << 8 | pair[2] : (uint32_t)pair[0] << 4 | pair[1] >> 4;
        }
        default: return row[index * bits / 8] >> (8 - bits - index * bits % 8) & ((1u << bits) - 1);
    }
}

/// Gray of any kind in 8 bits. Numbers of more bits are clipped; those of 16 and 12 can be scaled.
static uint8_t gray(const struct layout *l, uint32_t value, int scale) {
    if (l->format == SAMPLEFORMAT_IEEEFP) {
        float number;
        memcpy(&number, &value, 4);
        return number >= 255 ? 255 : number > 0 ? (uint8_t)number : 0;
    }
    if (l->format == SAMPLEFORMAT_INT && l->bits > 8) {
        int32_t number = l->bits == 16 ? (int16_t)value : (int32_t)value;
        return pg_clip(number < 0 ? 0 : number > 255 ? 255 : number);
    }
    if (l->bits == 16) return pg_narrow(value, scale);
    if (l->bits == 12) return scale ? (uint8_t)((value * 255 + 2047) / 4095) : pg_clip((int)value);
    if (l->bits == 32) return (int32_t)value < 0 ? 0 : value > 255 ? 255 : (uint8_t)value;
    uint8_t full = l->bits == 8 ? (uint8_t)value : (uint8_t)(value * (255u / ((1u << l->bits) - 1)));
    return l->photometric == PHOTOMETRIC_MINISWHITE ? 255 - full : full;
}

/// 8 bits of a color or alpha sample.
static uint8_t high_byte(const struct layout *l, uint32_t value) {
    return l->bits == 16 ? (uint8_t)(value >> 8) : (uint8_t)value;
}

static void store_pixel(const struct decoding *d, const uint32_t *samples, uint8_t *pixel) {
    const struct layout *l = &d->l;
    int base = base_samples(l);
    uint8_t bytes[4];
    switch (l->photometric) {
        case PHOTOMETRIC_RGB:
            for (int c = 0; c < 3; c++) pixel[c] = high_byte(l, samples[c]);
            break;
        case PHOTOMETRIC_YCBCR:
            for (int c = 0; c < 3; c++) pixel[c] = (uint8_t)samples[l->samples > 1 ? c : 0];
            if (l->samples > 1) pg_ycc_to_rgb(pixel);
            break;
        case PHOTOMETRIC_SEPARATED:
            for (int c = 0; c < 4; c++) bytes[c] = high_byte(l, samples[c]);
            pg_cmyk_to_rgb(bytes, pixel);
            break;
        case PHOTOMETRIC_PALETTE: memcpy(pixel, d->colors[samples[0] & 255], 3); break;
        default: memset(pixel, gray(l, samples[0], d->request->scale_16_bit), 3);
    }
    // A fourth sample of RGB is alpha even where nobody says so.
    int has_alpha = l->samples > base && l->photometric != PHOTOMETRIC_SEPARATED && l->extra != 0;
    uint8_t alpha = has_alpha ? high_byte(l, samples[base]) : 255;
    if (has_alpha && l->extra == EXTRASAMPLE_ASSOCALPHA && alpha < 255)
        for (int c = 0; c < 3; c++) pixel[c] = alpha ? pg_clip(pixel[c] * 255 / alpha) : 0;
    if (d->request->channels == 4) pixel[3] = alpha;
}

static void fill_colors(struct decoding *d) {
    uint16_t *red, *green, *blue;
    if (d->l.photometric != PHOTOMETRIC_PALETTE || !TIFFGetField(d->tiff, TIFFTAG_COLORMAP, &red, &green, &blue)) return;
    for (unsigned i = 0; i < 1u << d->l.bits; i++) {
        d->colors[i][0] = (uint8_t)(red[i] >> 8);
        d->colors[i][1] = (uint8_t)(green[i] >> 8);
        d->colors[i][2] = (uint8_t)(blue[i] >> 8);
    }
}

// MARK: Strips and tiles

/// Bytes of a row of the strip or tile at hand.
static size_t unit_row_bytes(const struct layout *l) {
    size_t samples = (size_t)l->unit_width * (l->planar == PLANARCONFIG_SEPARATE ? 1 : l->samples);
    return (samples * l->bits + 7) / 8;
}

/// Puts the pixels of the strip or tile at hand into the picture.
static void store_unit(const struct decoding *d, uint32_t left, uint32_t top) {
    const struct layout *l = &d->l;
    int apart = l->planar == PLANARCONFIG_SEPARATE;
    size_t row_bytes = unit_row_bytes(l), channels = (size_t)d->request->channels;
    for (uint32_t y = 0; y < l->unit_height && top + y < l->height; y++) {
        // libtiff may give fewer bytes than a strip has rows.
        if ((y + 1) * row_bytes > l->unit_bytes) return;
        const uint8_t *row = d->unit + y * row_bytes;
        uint8_t *target = d->pixels + ((size_t)(top + y) * l->width + left) * channels;
        for (uint32_t x = 0; x < l->unit_width && left + x < l->width; x++) {
            uint32_t samples[8];
            for (uint16_t s = 0; s < l->samples; s++)
                samples[s] = apart ? sample(row + s * l->unit_bytes, x, l->bits)
                                   : sample(row, (size_t)x * l->samples + s, l->bits);
            store_pixel(d, samples, target + x * channels);
        }
    }
}

/// Copies the rows that the file has of a strip or tile that is not compressed.
static void copy_rest(struct decoding *d, uint32_t index, uint8_t *target) {
    uint64_t start = TIFFGetStrileOffset(d->tiff, index), rest;
    if (d->l.compression != COMPRESSION_NONE) return;
    memset(target, 0, d->l.unit_bytes);
    if (start >= d->request->count) return;
    if (d->l.bits > 8 && TIFFIsByteSwapped(d->tiff)) return;
    rest = d->request->count - start;
    if (rest > d->l.unit_bytes) rest = d->l.unit_bytes;
    memcpy(target, d->request->bytes + start, (size_t)rest - (size_t)rest % unit_row_bytes(&d->l));
}

static int read_unit_at(struct decoding *d, uint32_t left, uint32_t top) {
    const struct layout *l = &d->l;
    int planes = l->planar == PLANARCONFIG_SEPARATE ? l->samples : 1, status = PG_IMAGE_OK;
    memset(d->unit, 0, l->unit_bytes * (size_t)planes);
    for (int plane = 0; plane < planes; plane++) {
        uint8_t *target = d->unit + (size_t)plane * l->unit_bytes;
        tmsize_t size = (tmsize_t)l->unit_bytes, read;
        uint32_t index = l->tiled ? TIFFComputeTile(d->tiff, left, top, 0, (uint16_t)plane)
                                  : TIFFComputeStrip(d->tiff, top, (uint16_t)plane);
        read = (l->tiled ? TIFFReadEncodedTile : TIFFReadEncodedStrip)(d->tiff, index, target, size);
        if (read >= 0) continue;
        status = PG_IMAGE_CORRUPT;
        copy_rest(d, index, target);
    }
    return status;
}

/// Whether something has been decoded of the strip or tile at hand.
static int has_samples(const struct decoding *d) {
    size_t count = d->l.unit_bytes * (d->l.planar == PLANARCONFIG_SEPARATE ? d->l.samples : 1);
    for (size_t i = 0; i < count; i++)
        if (d->unit[i]) return 1;
    return 0;
}

static int read_units(struct decoding *d, pg_image_report *report) {
    const struct layout *l = &d->l;
    int done = 0;
    for (uint64_t top = 0; top < l->height; top += l->unit_height)
        for (uint64_t left = 0; left < l->width; left += l->unit_width) {
            if (d->file->too_slow || pg_thread_seconds() > d->file->deadline) return PG_IMAGE_TOO_SLOW;
            if (read_unit_at(d, (uint32_t)left, (uint32_t)top) == PG_IMAGE_OK) {
                done = 1;
            } else {
                if (!d->request->lenient) return PG_IMAGE_CORRUPT;
                done |= has_samples(d);
                report->damaged = 1;
            }
            store_unit(d, (uint32_t)left, (uint32_t)top);
        }
    return done ? PG_IMAGE_OK : PG_IMAGE_CORRUPT;
}

/// Lets the library convert the whole picture.
static int read_by_library(struct decoding *d) {
    size_t count = (size_t)d->l.width * d->l.height;
    uint32_t *raster = malloc(count * sizeof *raster);
    if (!raster) return PG_IMAGE_NO_MEMORY;
    int stop_at_errors = !d->request->lenient;
    int read = TIFFReadRGBAImageOriented(
        d->tiff, d->l.width, d->l.height, raster, ORIENTATION_TOPLEFT, stop_at_errors);
    for (size_t i = 0; read && i < count; i++) {
        uint8_t *pixel = d->pixels + i * (size_t)d->request->channels;
        pixel[0] = TIFFGetR(raster[i]);
        pixel[1] = TIFFGetG(raster[i]);
        pixel[2] = TIFFGetB(raster[i]);
        if (d->request->channels == 4) pixel[3] = 255;
    }
    free(raster);
    return read ? PG_IMAGE_OK : PG_IMAGE_CORRUPT;
}

static int decode(struct decoding *d, pg_image_report *report) {
    int status = read_layout(d->tiff, &d->l, report->message);
    if (status == PG_IMAGE_OK) status = read_unit(d->tiff, &d->l, report->message);
    if (status != PG_IMAGE_OK) return status;
    if (d->l.width != d->request->width || d->l.height != d->request->height)
        return pg_fail(report->message, PG_IMAGE_CORRUPT, "its headers contradict each other");
    if (d->l.by_library) {
        // The library would turn the picture; that is done later, for all formats.
        TIFFSetField(d->tiff, TIFFTAG_ORIENTATION, ORIENTATION_TOPLEFT);
        return read_by_library(d);
    }
    fill_colors(d);
    d->unit = calloc(d->l.planar == PLANARCONFIG_SEPARATE ? d->l.samples : 1, d->l.unit_bytes);
    if (!d->unit) return PG_IMAGE_NO_MEMORY;
    status = read_units(d, report);
    free(d->unit);
    return status;
}

int pg_tiff_decode(const pg_image_request *request, uint8_t *pixels, pg_image_report *report) {
    struct tiff_file file = {request->bytes, request->count, 0, 0, report->message, 0, 0};
    struct decoding d = {.file = &file, .request = request, .pixels = pixels};
    d.tiff = pg_tiff_open(&file, request->memory + most_overhead);
    if (!d.tiff) return file.ended ? PG_IMAGE_TRUNCATED : PG_IMAGE_CORRUPT;
    file.deadline = pg_thread_seconds() + request->seconds;
    int status = decode(&d, report);
    TIFFClose(d.tiff);
    if (file.too_slow) return PG_IMAGE_TOO_SLOW;
    return status == PG_IMAGE_CORRUPT && file.ended ? PG_IMAGE_TRUNCATED : status;
}
