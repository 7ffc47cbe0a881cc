#include <stdlib.h>
#include <string.h>

#include <avif/avif.h>

#include "support.h"

static int status_of(avifResult result, char *message) {
    switch (result) {
        case AVIF_RESULT_OK: return PG_IMAGE_OK;
        case AVIF_RESULT_OUT_OF_MEMORY: return PG_IMAGE_NO_MEMORY;
        case AVIF_RESULT_TRUNCATED_DATA: return PG_IMAGE_TRUNCATED;
        default: return pg_fail(message, PG_IMAGE_CORRUPT, avifResultToString(result));
    }
}

static avifDecoder *open_avif(const uint8_t *bytes, size_t count, char *message, int *status) {
    avifDecoder *decoder = avifDecoderCreate();
    if (!decoder) {
        *status = PG_IMAGE_NO_MEMORY;
        return NULL;
    }
    decoder->maxThreads = 1;
    decoder->imageSizeLimit = AVIF_DEFAULT_IMAGE_SIZE_LIMIT;
    decoder->imageDimensionLimit = 1 << 20;
    decoder->imageCountLimit = 100000;
    decoder->ignoreExif = AVIF_TRUE;
    decoder->ignoreXMP = AVIF_TRUE;
    // As Pillow: many writers leave these out, or get them wrong.
    decoder->strictFlags &= ~(avifStrictFlags)(AVIF_STRICT_CLAP_VALID | AVIF_STRICT_PIXI_REQUIRED);
    *status = status_of(avifDecoderSetIOMemory(decoder, bytes, count), message);
    if (*status == PG_IMAGE_OK) *status = status_of(avifDecoderParse(decoder), message);
    if (*status == PG_IMAGE_OK) return decoder;
    avifDecoderDestroy(decoder);
    return NULL;
}

/// The EXIF orientation of a rotation (counter-clockwise, in quarters) and a mirroring after it.
static int orientation(const avifImage *image) {
    static const int plain[4] = {1, 8, 3, 6};
    // Mode 0 exchanges top and bottom, 1 left and right.
    static const int mirrored[2][4] = {{4, 5, 2, 7}, {2, 7, 4, 5}};
    int angle = image->transformFlags & AVIF_TRANSFORM_IROT ? image->irot.angle & 3 : 0;
    if (image->transformFlags & AVIF_TRANSFORM_IMIR) return mirrored[image->imir.mode & 1][angle];
    return plain[angle];
}

int pg_avif_header(const uint8_t *bytes, size_t count, pg_image_header *header) {
    int status;
    avifDecoder *decoder = open_avif(bytes, count, header->message, &status);
    if (!decoder) return status;
    const avifImage *image = decoder->image;
    header->width = image->width;
    header->height = image->height;
    header->orientation = orientation(image);
    // The planes of the decoder and those of the picture, in half samples a pixel; and RGBA where there is alpha.
    size_t halves = image->yuvFormat == AVIF_PIXEL_FORMAT_YUV444   ? 6
                    : image->yuvFormat == AVIF_PIXEL_FORMAT_YUV422 ? 4
                                                                   : 3;
    size_t alpha = decoder->alphaPresent ? 2 : 0, sample = image->depth > 8 ? 2 : 1;
    header->memory = pg_memory(image->width, image->height, (halves + alpha) * sample + 2 * alpha, 4 << 20);
    avifDecoderDestroy(decoder);
    return PG_IMAGE_OK;
}

static int decode(avifDecoder *decoder, const pg_image_request *request, uint8_t *pixels, pg_image_report *report) {
    int status = status_of(avifDecoderNextImage(decoder), report->message);
    if (status != PG_IMAGE_OK) return status;
    avifImage *image = decoder->image;
    if (image->width != request->width || image->height != request->height)
        return pg_fail(report->message, PG_IMAGE_CORRUPT, "its headers contradict each other");
    size_t count = (size_t)request->width * request->height;
    // Without alpha in the result, the library would multiply the colors by it.
    int strip_alpha = image->alphaPlane != NULL && request->channels == 3;
    uint8_t *rgba = strip_alpha ? malloc(count * 4) : NULL;
    if (strip_alpha && !rgba) return PG_IMAGE_NO_MEMORY;
    avifRGBImage rgb;
    avifRGBImageSetDefaults(&rgb, image);
    rgb.depth = 8;
    rgb.format = request->channels == 4 || strip_alpha ? AVIF_RGB_FORMAT_RGBA : AVIF_RGB_FORMAT_RGB;
    rgb.pixels = strip_alpha ? rgba : pixels;
    rgb.rowBytes = request->width * (strip_alpha ? 4 : (uint32_t)request->channels);
    status = status_of(avifImageYUVToRGB(image, &rgb), report->message);
    for (size_t i = 0; strip_alpha && i < count; i++) memcpy(pixels + 3 * i, rgba + 4 * i, 3);
    free(rgba);
    return status;
}

int pg_avif_decode(const pg_image_request *request, uint8_t *pixels, pg_image_report *report) {
    int status;
    avifDecoder *decoder = open_avif(request->bytes, request->count, report->message, &status);
    if (!decoder) return status;
    status = decode(decoder, request, pixels, report);
    avifDecoderDestroy(decoder);
    return status;
}
