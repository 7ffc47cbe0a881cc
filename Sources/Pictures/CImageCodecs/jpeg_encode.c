#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>

#include <jpeglib.h>

#include "support.h"

struct encoder {
    struct jpeg_error_mgr manager;
    struct jpeg_compress_struct info;
    jmp_buf back;
    unsigned char *bytes;
    unsigned long count;
};

static void fail(j_common_ptr info) { longjmp(((struct encoder *)info->err)->back, 1); }

static void drop_message(j_common_ptr info) { (void)info; }

/// The part that libjpeg's errors jump out of. Everything that outlives the jump is in `encoder`.
static int encode(struct encoder *encoder, const uint8_t *rgb, uint32_t width, uint32_t height, int quality) {
    if (setjmp(encoder->back)) return PG_IMAGE_NO_MEMORY;
    struct jpeg_compress_struct *info = &encoder->info;
    jpeg_create_compress(info);
    jpeg_mem_dest(info, &encoder->bytes, &encoder->count);
    info->image_width = width;
    info->image_height = height;
    info->input_components = 3;
    info->in_color_space = JCS_RGB;
    jpeg_set_defaults(info);
    jpeg_set_quality(info, quality, TRUE);
    jpeg_start_compress(info, TRUE);
    while (info->next_scanline < height) {
        JSAMPROW row = (JSAMPROW)(rgb + (size_t)info->next_scanline * width * 3);
        jpeg_write_scanlines(info, &row, 1);
    }
    jpeg_finish_compress(info);
    return PG_IMAGE_OK;
}

int pg_jpeg_encode(
    const uint8_t *rgb, uint32_t width, uint32_t height, int quality, uint8_t **result, size_t *result_count) {
    struct encoder *encoder = calloc(1, sizeof *encoder);
    if (!encoder) return PG_IMAGE_NO_MEMORY;
    encoder->info.err = jpeg_std_error(&encoder->manager);
    encoder->manager.error_exit = fail;
    encoder->manager.output_message = drop_message;
    int status = encode(encoder, rgb, width, height, quality);
    // The memory of the result is the library's where it was given none.
    jpeg_destroy_compress(&encoder->info);
    if (status == PG_IMAGE_OK) {
        *result = encoder->bytes;
        *result_count = encoder->count;
    } else {
        free(encoder->bytes);
    }
    free(encoder);
    return status;
}
