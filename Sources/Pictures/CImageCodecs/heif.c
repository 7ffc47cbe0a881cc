#include <string.h>

#include <libheif/heif.h>

#include "support.h"

/// Largest side that the library accepts.
enum { MAXIMUM_SIDE = 1 << 17 };

static int status_of(struct heif_error error, char *message) {
    switch (error.code) {
        case heif_error_Ok: return PG_IMAGE_OK;
        case heif_error_Memory_allocation_error: return PG_IMAGE_NO_MEMORY;
        case heif_error_Unsupported_feature:
        case heif_error_Unsupported_filetype: return pg_fail(message, PG_IMAGE_UNSUPPORTED, error.message);
        default: break;
    }
    if (error.subcode == heif_suberror_End_of_data) return PG_IMAGE_TRUNCATED;
    return pg_fail(message, PG_IMAGE_CORRUPT, error.message);
}

struct opened {
    struct heif_context *context;
    struct heif_image_handle *handle;
};

static void close_heif(struct opened *o) {
    if (o->handle) heif_image_handle_release(o->handle);
    if (o->context) heif_context_free(o->context);
}

static int open_heif(struct opened *o, const uint8_t *bytes, size_t count, char *message) {
    *o = (struct opened){heif_context_alloc(), NULL};
    if (!o->context) return PG_IMAGE_NO_MEMORY;
    heif_context_set_maximum_image_size_limit(o->context, MAXIMUM_SIDE);
    heif_context_set_max_decoding_threads(o->context, 0);
    int status = status_of(heif_context_read_from_memory_without_copy(o->context, bytes, count, NULL), message);
    if (status == PG_IMAGE_OK)
        status = status_of(heif_context_get_primary_image_handle(o->context, &o->handle), message);
    return status;
}

int pg_heif_header(const uint8_t *bytes, size_t count, pg_image_header *header) {
    struct opened o;
    int status = open_heif(&o, bytes, count, header->message);
    if (status == PG_IMAGE_OK) {
        int width = heif_image_handle_get_width(o.handle), height = heif_image_handle_get_height(o.handle);
        header->width = width > 0 ? (uint32_t)width : 0;
        header->height = height > 0 ? (uint32_t)height : 0;
        // The decoder's picture and its references, the picture of all tiles, the turned one, and the one in RGB.
        size_t sample = heif_image_handle_get_luma_bits_per_pixel(o.handle) > 8 ? 2 : 1;
        header->memory = pg_memory(header->width, header->height, 8 * sample + 4, 8 << 20);
    }
    close_heif(&o);
    return status;
}

static int store(const struct heif_image *image, const pg_image_request *request, uint8_t *pixels, char *message) {
    int stride = 0;
    const uint8_t *plane = heif_image_get_plane_readonly(image, heif_channel_interleaved, &stride);
    if (!plane || heif_image_get_width(image, heif_channel_interleaved) != (int)request->width ||
        heif_image_get_height(image, heif_channel_interleaved) != (int)request->height)
        return pg_fail(message, PG_IMAGE_CORRUPT, "its headers contradict each other");
    size_t row = (size_t)request->width * (size_t)request->channels;
    for (uint32_t y = 0; y < request->height; y++) memcpy(pixels + y * row, plane + y * (size_t)stride, row);
    return PG_IMAGE_OK;
}

int pg_heif_decode(const pg_image_request *request, uint8_t *pixels, pg_image_report *report) {
    struct opened o;
    struct heif_image *image = NULL;
    int status = open_heif(&o, request->bytes, request->count, report->message);
    struct heif_decoding_options *options = status == PG_IMAGE_OK ? heif_decoding_options_alloc() : NULL;
    if (options) {
        options->convert_hdr_to_8bit = 1;
        enum heif_chroma chroma =
            request->channels == 4 ? heif_chroma_interleaved_RGBA : heif_chroma_interleaved_RGB;
        status = status_of(
            heif_decode_image(o.handle, &image, heif_colorspace_RGB, chroma, options), report->message);
        heif_decoding_options_free(options);
        if (status == PG_IMAGE_OK) status = store(image, request, pixels, report->message);
    } else if (status == PG_IMAGE_OK) {
        status = PG_IMAGE_NO_MEMORY;
    }
    if (image) heif_image_release(image);
    close_heif(&o);
    return status;
}
