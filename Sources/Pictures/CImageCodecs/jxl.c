#include <stdlib.h>
#include <string.h>

#include <jxl/decode.h>

#include "support.h"

/// Bounds what the library allocates. Each block has its size in front, in 16 bytes, so that it stays aligned.
struct allowance {
    size_t left;
    double deadline;
    int refused, too_slow;
};

static void *allocate(void *opaque, size_t size) {
    struct allowance *allowance = opaque;
    allowance->too_slow |= pg_thread_seconds() > allowance->deadline;
    if (allowance->too_slow || size > SIZE_MAX - 16 || size > allowance->left) {
        allowance->refused = 1;
        return NULL;
    }
    uint64_t *block = malloc(size + 16);
    if (!block) return NULL;
    allowance->left -= size;
    block[0] = size;
    return block + 2;
}

static void release(void *opaque, void *address) {
    if (!address) return;
    uint64_t *block = (uint64_t *)address - 2;
    ((struct allowance *)opaque)->left += block[0];
    free(block);
}

/// Bytes of a file that are decoded between two looks at the time.
static const size_t step = 1 << 20;

static JxlDecoder *open_jxl(
    struct allowance *allowance, const uint8_t *bytes, size_t count, int events) {
    JxlMemoryManager manager = {allowance, allocate, release};
    JxlDecoder *decoder = JxlDecoderCreate(&manager);
    if (!decoder) return NULL;
    if (JxlDecoderSubscribeEvents(decoder, events) == JXL_DEC_SUCCESS &&
        JxlDecoderSetInput(decoder, bytes, count) == JXL_DEC_SUCCESS)
        // The input stays open: so a file that ends early is told from one that is broken.
        return decoder;
    JxlDecoderDestroy(decoder);
    return NULL;
}

static int failure(JxlDecoderStatus status, const struct allowance *allowance, char *message) {
    if (allowance->too_slow) return PG_IMAGE_TOO_SLOW;
    if (allowance->refused) return PG_IMAGE_NO_MEMORY;
    if (status == JXL_DEC_NEED_MORE_INPUT) return PG_IMAGE_TRUNCATED;
    return pg_fail(message, PG_IMAGE_CORRUPT, "broken data");
}

int pg_jxl_header(const uint8_t *bytes, size_t count, pg_image_header *header) {
    struct allowance allowance = {64 << 20, pg_thread_seconds() + 5, 0, 0};
    JxlDecoder *decoder = open_jxl(&allowance, bytes, count, JXL_DEC_BASIC_INFO);
    if (!decoder) return PG_IMAGE_NO_MEMORY;
    JxlBasicInfo info;
    JxlDecoderStatus status = JxlDecoderProcessInput(decoder);
    int result = PG_IMAGE_OK;
    if (status == JXL_DEC_BASIC_INFO && JxlDecoderGetBasicInfo(decoder, &info) == JXL_DEC_SUCCESS) {
        header->width = info.xsize;
        header->height = info.ysize;
        // The library works in float32, with two planes of every channel at most where nobody means harm.
        size_t planes = 3 + (size_t)info.num_extra_channels;
        header->memory = pg_memory(info.xsize, info.ysize, 8 * planes, 16 << 20);
    } else {
        result = failure(status, &allowance, header->message);
    }
    JxlDecoderDestroy(decoder);
    return result;
}

/// Where the library puts the pixels: the caller's buffer; or one of 16-bit gray, which is narrowed as Pillow does.
struct output {
    JxlPixelFormat format;
    uint16_t *gray;
    void *buffer;
    size_t size;
};

static int choose_output(JxlDecoder *decoder, const pg_image_request *request, uint8_t *pixels, struct output *output) {
    JxlBasicInfo info;
    size_t count = (size_t)request->width * request->height, wanted = 0;
    if (JxlDecoderGetBasicInfo(decoder, &info) != JXL_DEC_SUCCESS) return PG_IMAGE_CORRUPT;
    int deep = info.num_color_channels == 1 && info.alpha_bits == 0 && info.bits_per_sample > 8 &&
               info.exponent_bits_per_sample == 0;
    output->format = (JxlPixelFormat){(uint32_t)request->channels, JXL_TYPE_UINT8, JXL_NATIVE_ENDIAN, 0};
    output->size = count * (size_t)request->channels;
    output->buffer = pixels;
    if (deep) {
        output->format = (JxlPixelFormat){1, JXL_TYPE_UINT16, JXL_NATIVE_ENDIAN, 0};
        output->size = count * 2;
        output->buffer = output->gray = malloc(output->size);
        if (!output->gray) return PG_IMAGE_NO_MEMORY;
    }
    int fits = JxlDecoderImageOutBufferSize(decoder, &output->format, &wanted) == JXL_DEC_SUCCESS &&
               wanted == output->size &&
               JxlDecoderSetImageOutBuffer(decoder, &output->format, output->buffer, wanted) == JXL_DEC_SUCCESS;
    return fits ? PG_IMAGE_OK : PG_IMAGE_CORRUPT;
}

static void store_gray(const struct output *output, const pg_image_request *request, uint8_t *pixels) {
    size_t count = (size_t)request->width * request->height;
    for (size_t i = 0; output->gray && i < count; i++) {
        uint8_t *pixel = pixels + i * (size_t)request->channels;
        memset(pixel, pg_narrow(output->gray[i], request->scale_16_bit), 3);
        if (request->channels == 4) pixel[3] = 255;
    }
}

/// Hands over the next bytes behind those that the library has used. Returns whether there were any.
static int give_more(JxlDecoder *decoder, const pg_image_request *request, size_t *given) {
    size_t rest = request->count - *given;
    if (rest == 0) return 0;
    size_t used = *given - JxlDecoderReleaseInput(decoder);
    *given += rest < step ? rest : step;
    return JxlDecoderSetInput(decoder, request->bytes + used, *given - used) == JXL_DEC_SUCCESS;
}

static int decode(
    JxlDecoder *decoder, struct allowance *allowance, const pg_image_request *request,
    struct output *output, uint8_t *pixels, pg_image_report *report) {
    size_t given = request->count < step ? request->count : step;
    for (int status;;) {
        allowance->too_slow |= pg_thread_seconds() > allowance->deadline;
        if (allowance->too_slow) return PG_IMAGE_TOO_SLOW;
        JxlDecoderStatus event = JxlDecoderProcessInput(decoder);
        if (event == JXL_DEC_NEED_MORE_INPUT && give_more(decoder, request, &given)) continue;
        switch (event) {
            case JXL_DEC_BASIC_INFO: break;
            case JXL_DEC_NEED_IMAGE_OUT_BUFFER:
                status = choose_output(decoder, request, pixels, output);
                if (status != PG_IMAGE_OK)
                    return pg_fail(report->message, status, "its headers contradict each other");
                break;
            // The first frame is enough.
            case JXL_DEC_FULL_IMAGE:
            case JXL_DEC_SUCCESS: return PG_IMAGE_OK;
            default:
                if (request->lenient && output->buffer && event == JXL_DEC_NEED_MORE_INPUT &&
                    JxlDecoderFlushImage(decoder) == JXL_DEC_SUCCESS) {
                    report->damaged = 1;
                    return PG_IMAGE_OK;
                }
                return failure(event, allowance, report->message);
        }
    }
}

int pg_jxl_decode(const pg_image_request *request, uint8_t *pixels, pg_image_report *report) {
    struct allowance allowance = {request->memory, pg_thread_seconds() + request->seconds, 0, 0};
    struct output output = {.gray = NULL};
    JxlDecoder *decoder =
        open_jxl(&allowance, request->bytes, request->count < step ? request->count : step,
                 JXL_DEC_BASIC_INFO | JXL_DEC_FULL_IMAGE);
    if (!decoder) return allowance.too_slow ? PG_IMAGE_TOO_SLOW : PG_IMAGE_NO_MEMORY;
    int status = decode(decoder, &allowance, request, &output, pixels, report);
    if (status == PG_IMAGE_OK) store_gray(&output, request, pixels);
    JxlDecoderDestroy(decoder);
    free(output.gray);
    return status;
}
