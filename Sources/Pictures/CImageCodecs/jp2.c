#include <string.h>

#include <openjpeg-2.5/openjpeg.h>

#include "support.h"

struct source {
    const uint8_t *bytes;
    size_t count, position;
    double deadline;
    int too_slow;
};

static OPJ_SIZE_T read_bytes(void *target, OPJ_SIZE_T count, void *user) {
    struct source *source = user;
    source->too_slow |= pg_thread_seconds() > source->deadline;
    size_t rest = source->count - source->position;
    if (rest == 0 || source->too_slow) return (OPJ_SIZE_T)-1;
    if (count > rest) count = rest;
    memcpy(target, source->bytes + source->position, count);
    source->position += count;
    return count;
}

static OPJ_OFF_T skip_bytes(OPJ_OFF_T count, void *user) {
    struct source *source = user;
    size_t rest = source->count - source->position;
    if (count < 0) return -1;
    if ((uint64_t)count > rest) count = (OPJ_OFF_T)rest;
    source->position += (size_t)count;
    return count;
}

static OPJ_BOOL seek_bytes(OPJ_OFF_T position, void *user) {
    struct source *source = user;
    if (position < 0 || (uint64_t)position > source->count) return OPJ_FALSE;
    source->position = (size_t)position;
    return OPJ_TRUE;
}

static void note_error(const char *text, void *user) {
    pg_fail(user, 0, text);
    size_t length = strlen(user);
    while (length > 0 && ((char *)user)[length - 1] == '\n') ((char *)user)[--length] = 0;
}

struct opened {
    opj_stream_t *stream;
    opj_codec_t *codec;
    opj_image_t *image;
};

static void close_jp2(struct opened *o) {
    if (o->codec) opj_destroy_codec(o->codec);
    if (o->image) opj_image_destroy(o->image);
    if (o->stream) opj_stream_destroy(o->stream);
}

static int open_jp2(struct opened *o, struct source *source, int lenient, char *message) {
    memset(o, 0, sizeof *o);
    int plain = source->count > 1 && source->bytes[0] == 0xFF;
    o->codec = opj_create_decompress(plain ? OPJ_CODEC_J2K : OPJ_CODEC_JP2);
    o->stream = opj_stream_default_create(OPJ_TRUE);
    if (!o->codec || !o->stream) return PG_IMAGE_NO_MEMORY;
    opj_set_error_handler(o->codec, note_error, message);
    opj_stream_set_user_data(o->stream, source, NULL);
    opj_stream_set_user_data_length(o->stream, source->count);
    opj_stream_set_read_function(o->stream, read_bytes);
    opj_stream_set_skip_function(o->stream, skip_bytes);
    opj_stream_set_seek_function(o->stream, seek_bytes);
    opj_dparameters_t parameters;
    opj_set_default_decoder_parameters(&parameters);
    if (!opj_setup_decoder(o->codec, &parameters)) return PG_IMAGE_NO_MEMORY;
    opj_decoder_set_strict_mode(o->codec, lenient ? OPJ_FALSE : OPJ_TRUE);
    if (!opj_read_header(o->stream, o->codec, &o->image)) return PG_IMAGE_CORRUPT;
    if (o->image->x1 <= o->image->x0 || o->image->y1 <= o->image->y0)
        return pg_fail(message, PG_IMAGE_CORRUPT, "it has no pixels");
    return PG_IMAGE_OK;
}

/// Whether its components are whole planes, one for each channel of gray or color with alpha or without.
static int check_components(const opj_image_t *image, char *message) {
    if (image->numcomps < 1 || image->numcomps > 4)
        return pg_fail(message, PG_IMAGE_UNSUPPORTED, "it has more than four components");
    if (image->color_space == OPJ_CLRSPC_CMYK || image->color_space == OPJ_CLRSPC_EYCC)
        return pg_fail(message, PG_IMAGE_UNSUPPORTED, "its color space");
    for (uint32_t c = 0; c < image->numcomps; c++) {
        const opj_image_comp_t *component = image->comps + c;
        if (component->dx != 1 || component->dy != 1)
            return pg_fail(message, PG_IMAGE_UNSUPPORTED, "it has subsampled components");
        if (component->prec < 1 || component->prec > 31)
            return pg_fail(message, PG_IMAGE_UNSUPPORTED, "its samples have more than 31 bits");
    }
    return PG_IMAGE_OK;
}

int pg_jp2_header(const uint8_t *bytes, size_t count, pg_image_header *header) {
    struct source source = {bytes, count, 0, pg_thread_seconds() + 5, 0};
    struct opened o;
    int status = open_jp2(&o, &source, 0, header->message);
    if (status == PG_IMAGE_OK) status = check_components(o.image, header->message);
    if (status == PG_IMAGE_OK) {
        header->width = o.image->x1 - o.image->x0;
        header->height = o.image->y1 - o.image->y0;
        // 32 bits a sample, in the picture and in its tiles.
        header->memory = pg_memory(header->width, header->height, 8 * (uint64_t)o.image->numcomps, 4 << 20);
    } else if (status == PG_IMAGE_CORRUPT && source.position >= count) {
        status = PG_IMAGE_TRUNCATED;
    }
    close_jp2(&o);
    return status;
}

/// A sample in `bits` bits.
static uint32_t scaled(const opj_image_comp_t *component, size_t index, int bits) {
    int64_t value = component->data[index];
    if (component->sgnd) value += (int64_t)1 << (component->prec - 1);
    int surplus = (int)component->prec - bits;
    // Rounded as Pillow rounds it, which lets the largest values pass the end.
    value = surplus > 0 ? (value + ((int64_t)1 << (surplus - 1))) >> surplus : value << -surplus;
    int64_t largest = ((int64_t)1 << bits) - 1;
    return (uint32_t)(value < 0 ? 0 : value > largest ? value & largest : value);
}

static void store(const opj_image_t *image, const pg_image_request *request, uint8_t *pixels) {
    size_t count = (size_t)request->width * request->height;
    uint32_t components = image->numcomps;
    int deep_gray = components == 1 && image->comps[0].prec > 8;
    for (size_t i = 0; i < count; i++) {
        uint8_t *pixel = pixels + i * (size_t)request->channels;
        if (components < 3) {
            uint8_t gray = deep_gray ? pg_narrow(scaled(image->comps, i, 16), request->scale_16_bit)
                                     : (uint8_t)scaled(image->comps, i, 8);
            memset(pixel, gray, 3);
        } else {
            for (int c = 0; c < 3; c++) pixel[c] = (uint8_t)scaled(image->comps + c, i, 8);
            if (image->color_space == OPJ_CLRSPC_SYCC) pg_ycc_to_rgb(pixel);
        }
        if (request->channels == 4)
            pixel[3] = components % 2 == 0 ? (uint8_t)scaled(image->comps + components - 1, i, 8) : 255;
    }
}

static int decode(struct opened *o, const pg_image_request *request, uint8_t *pixels, pg_image_report *report) {
    int status = check_components(o->image, report->message);
    if (status != PG_IMAGE_OK) return status;
    if (!opj_decode(o->codec, o->stream, o->image)) return PG_IMAGE_CORRUPT;
    if (o->image->x1 - o->image->x0 != request->width || o->image->y1 - o->image->y0 != request->height)
        return pg_fail(report->message, PG_IMAGE_CORRUPT, "its headers contradict each other");
    status = check_components(o->image, report->message);
    for (uint32_t c = 0; c < o->image->numcomps && status == PG_IMAGE_OK; c++) {
        const opj_image_comp_t *component = o->image->comps + c;
        if (!component->data || component->w != request->width || component->h != request->height)
            status = pg_fail(report->message, PG_IMAGE_CORRUPT, "a component is missing");
    }
    if (status == PG_IMAGE_OK) store(o->image, request, pixels);
    return status;
}

int pg_jp2_decode(const pg_image_request *request, uint8_t *pixels, pg_image_report *report) {
    struct source source = {request->bytes, request->count, 0, pg_thread_seconds() + request->seconds, 0};
    struct opened o;
    int status = open_jp2(&o, &source, request->lenient, report->message);
    if (status == PG_IMAGE_OK) status = decode(&o, request, pixels, report);
    // Where the library says nothing of a file that ends early, its last bytes do.
    int ended = source.position >= source.count;
    if (status == PG_IMAGE_CORRUPT && source.too_slow) status = PG_IMAGE_TOO_SLOW;
    if (status == PG_IMAGE_CORRUPT && ended) status = PG_IMAGE_TRUNCATED;
    if (status == PG_IMAGE_OK && request->lenient && report->message[0]) report->damaged = 1;
    close_jp2(&o);
    return status;
}
