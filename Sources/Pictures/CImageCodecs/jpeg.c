#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>

#include "CImageCodecs.h"

// libjpeg reports errors by a call that must not return, so this jumps back to where decoding began.
struct failure {
    struct jpeg_error_mgr manager;
    jmp_buf back;
    char *message;
};

static void fail(j_common_ptr info) {
    struct failure *failure = (struct failure *)info->err;
    char text[JMSG_LENGTH_MAX];
    info->err->format_message(info, text);
    snprintf(failure->message, PG_IMAGE_MESSAGE_BYTES, "%s", text);
    longjmp(failure->back, 1);
}

// Warnings are ignored, as Pillow ignores them.
static void drop_message(j_common_ptr info) { (void)info; }

// The source is the whole file in memory. Where it ends, the reader suspends instead of inserting an end-of-image
// marker, which would fill the rest with gray. A call that suspends means that the file is truncated.
static void no_work(j_decompress_ptr info) { (void)info; }

static boolean no_more_bytes(j_decompress_ptr info) {
    (void)info;
    return FALSE;
}

static void skip_bytes(j_decompress_ptr info, long count) {
    struct jpeg_source_mgr *source = info->src;
    if (count <= 0) return;
    size_t step = (size_t)count < source->bytes_in_buffer ? (size_t)count : source->bytes_in_buffer;
    source->next_input_byte += step;
    source->bytes_in_buffer -= step;
}

// a * b / 255, rounded as Pillow rounds it.
static inline int multiply_divide(int a, int b) {
    int t = a * b + 128;
    return ((t >> 8) + t) >> 8;
}

static inline uint8_t clip(int value) { return value < 0 ? 0 : value > 255 ? 255 : (uint8_t)value; }

static void expand_gray(const uint8_t *gray, uint8_t *rgb, size_t width) {
    for (size_t x = 0; x < width; x++) rgb[3 * x] = rgb[3 * x + 1] = rgb[3 * x + 2] = gray[x];
}

// Adobe's CMYK files store 255 - ink. Like Pillow, this takes every CMYK JPEG for one of these.
static void convert_inverted_cmyk(const uint8_t *cmyk, uint8_t *rgb, size_t width) {
    for (size_t x = 0; x < width; x++) {
        int paper = cmyk[4 * x + 3];
        for (int c = 0; c < 3; c++) rgb[3 * x + c] = clip(paper - multiply_divide(255 - cmyk[4 * x + c], paper));
    }
}

static int read_rows(struct jpeg_decompress_struct *info, int components, uint8_t *rgb, uint8_t *row) {
    size_t width = info->output_width;
    while (info->output_scanline < info->output_height) {
        uint8_t *target = rgb + (size_t)info->output_scanline * width * 3;
        JSAMPROW line = components == 3 ? target : row;
        if (jpeg_read_scanlines(info, &line, 1) != 1) return PG_IMAGE_TRUNCATED;
        if (components == 1) expand_gray(row, target, width);
        if (components == 4) convert_inverted_cmyk(row, target, width);
    }
    // Reads to the end-of-image marker. A missing one is accepted, since every row is there; an error is not.
    (void)jpeg_finish_decompress(info);
    return PG_IMAGE_OK;
}

static int decode(
    struct jpeg_decompress_struct *info, int components, uint32_t width, uint32_t height, uint8_t *rgb, uint8_t *row,
    char *message) {
    int header;
    do {
        header = jpeg_read_header(info, FALSE);
    } while (header == JPEG_HEADER_TABLES_ONLY);
    if (header == JPEG_SUSPENDED) return PG_IMAGE_TRUNCATED;
    if (info->image_width != width || info->image_height != height || info->num_components != components) {
        snprintf(message, PG_IMAGE_MESSAGE_BYTES, "its frame headers contradict each other");
        return PG_IMAGE_CORRUPT;
    }
    info->out_color_space = components == 1 ? JCS_GRAYSCALE : components == 3 ? JCS_RGB : JCS_CMYK;
    if (!jpeg_start_decompress(info)) return PG_IMAGE_TRUNCATED;
    return read_rows(info, components, rgb, row);
}

int pg_jpeg_decode(
    const uint8_t *bytes, size_t count, int components, uint32_t width, uint32_t height, uint8_t *rgb,
    char message[PG_IMAGE_MESSAGE_BYTES]) {
    message[0] = 0;
    uint8_t *row = malloc((size_t)width * 4);
    if (!row) return PG_IMAGE_NO_MEMORY;

    struct failure failure = {.message = message};
    struct jpeg_decompress_struct info;
    memset(&info, 0, sizeof info);
    info.err = jpeg_std_error(&failure.manager);
    failure.manager.error_exit = fail;
    failure.manager.output_message = drop_message;
    if (setjmp(failure.back)) {
        jpeg_destroy_decompress(&info);
        free(row);
        return PG_IMAGE_CORRUPT;
    }
    jpeg_create_decompress(&info);
    struct jpeg_source_mgr source = {
        .next_input_byte = bytes,
        .bytes_in_buffer = count,
        .init_source = no_work,
        .fill_input_buffer = no_more_bytes,
        .skip_input_data = skip_bytes,
        .resync_to_restart = jpeg_resync_to_restart,
        .term_source = no_work,
    };
    info.src = &source;
    int status = decode(&info, components, width, height, rgb, row, message);
    jpeg_destroy_decompress(&info);
    free(row);
    return status;
}
