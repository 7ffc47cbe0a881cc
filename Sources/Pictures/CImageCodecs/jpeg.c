#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include "jpeg_smoothing.h"

#include <jerror.h>

#include "support.h"

// libjpeg reports errors by a call that must not return, so this jumps back to where decoding began.
struct failure {
    struct jpeg_error_mgr manager;
    struct jpeg_source_mgr source;
    struct jpeg_progress_mgr progress;
    jmp_buf back;
    const pg_image_request *request;
    pg_image_report *report;
    double deadline;
    int too_slow;
    /// The end-of-image marker was put behind the end of the file.
    int ended;
};

static void fail(j_common_ptr info) {
    struct failure *failure = (struct failure *)info->err;
    char text[JMSG_LENGTH_MAX];
    info->err->format_message(info, text);
    pg_fail(failure->report->message, 0, text);
    longjmp(failure->back, 1);
}

// Warnings are ignored, as Pillow ignores them; those that mean lost pixels are noted.
static void note_warning(j_common_ptr info, int level) {
    if (level >= 0) return;
    info->err->num_warnings++;
    switch (info->err->msg_code) {
        case JWRN_HIT_MARKER:
        case JWRN_HUFF_BAD_CODE:
        case JWRN_MUST_RESYNC:
        case JWRN_ARITH_BAD_CODE:
        case JWRN_BOGUS_PROGRESSION: ((struct failure *)info->err)->report->damaged = 1;
    }
}

static void drop_message(j_common_ptr info) { (void)info; }

// The source is the whole file in memory. Where it ends, the reader suspends instead of inserting an end-of-image
// marker, which would fill the rest with gray. A call that suspends means that the file is truncated.
static void no_work(j_decompress_ptr info) { (void)info; }

static boolean end_of_bytes(j_decompress_ptr info) {
    static const JOCTET end[2] = {0xFF, JPEG_EOI};
    struct failure *failure = (struct failure *)info->err;
    if (!failure->request->lenient) return FALSE;
    // A second time could go on for ever.
    if (failure->ended > 64) ERREXIT(info, JERR_INPUT_EOF);
    failure->ended++;
    failure->report->damaged = 1;
    info->src->next_input_byte = end;
    info->src->bytes_in_buffer = sizeof end;
    return TRUE;
}

static void skip_bytes(j_decompress_ptr info, long count) {
    struct jpeg_source_mgr *source = info->src;
    if (count <= 0) return;
    size_t step = (size_t)count < source->bytes_in_buffer ? (size_t)count : source->bytes_in_buffer;
    source->next_input_byte += step;
    source->bytes_in_buffer -= step;
}

static void check_time(j_common_ptr info) {
    struct failure *failure = (struct failure *)info->err;
    if (pg_thread_seconds() < failure->deadline) return;
    failure->too_slow = 1;
    longjmp(failure->back, 1);
}

static void store_gray(const uint8_t *gray, uint8_t *pixels, size_t width) {
    for (size_t x = 0; x < width; x++) pixels[3 * x] = pixels[3 * x + 1] = pixels[3 * x + 2] = gray[x];
}

// Adobe's CMYK files store 255 - ink. Like Pillow, this takes every CMYK JPEG for one of these.
static void store_inverted_cmyk(const uint8_t *cmyk, uint8_t *pixels, size_t width) {
    for (size_t x = 0; x < width; x++) {
        const uint8_t *stored = cmyk + 4 * x;
        uint8_t ink[4] = {255 - stored[0], 255 - stored[1], 255 - stored[2], 255 - stored[3]};
        pg_cmyk_to_rgb(ink, pixels + 3 * x);
    }
}

static int read_rows(struct jpeg_decompress_struct *info, uint8_t *rgb, uint8_t *row) {
    size_t width = info->output_width;
    int components = info->num_components;
    while (info->output_scanline < info->output_height) {
        uint8_t *target = rgb + (size_t)info->output_scanline * width * 3;
        JSAMPROW line = components == 3 ? target : row;
        if (jpeg_read_scanlines(info, &line, 1) != 1) return PG_IMAGE_TRUNCATED;
        if (components == 1) store_gray(row, target, width);
        if (components == 4) store_inverted_cmyk(row, target, width);
    }
    // Reads to the end-of-image marker. A missing one is accepted, since every row is there; an error is not.
    (void)jpeg_finish_decompress(info);
    return PG_IMAGE_OK;
}

static int decode(struct jpeg_decompress_struct *info, const pg_image_request *request, uint8_t *rgb, uint8_t *row,
                  pg_image_report *report) {
    int header;
    do {
        header = jpeg_read_header(info, FALSE);
    } while (header == JPEG_HEADER_TABLES_ONLY);
    if (header == JPEG_SUSPENDED) return PG_IMAGE_TRUNCATED;
    info->scale_num = (unsigned)request->scale_eighths;
    info->scale_denom = 8;
    jpeg_calc_output_dimensions(info);
    if (info->output_width != request->width || info->output_height != request->height ||
        info->num_components != request->components)
        return pg_fail(report->message, PG_IMAGE_CORRUPT, "its frame headers contradict each other");
    info->out_color_space = info->num_components == 1   ? JCS_GRAYSCALE
                            : info->num_components == 3 ? JCS_RGB
                                                        : JCS_CMYK;
    // Made here, because the library's own differs from version to version.
    info->do_block_smoothing = FALSE;
    if (!jpeg_start_decompress(info)) return PG_IMAGE_TRUNCATED;
    if (pg_jpeg_smooth(info)) report->damaged = 1;
    return read_rows(info, rgb, row);
}

/// The part that libjpeg's errors jump out of. Everything that outlives the jump is in `info` and `failure`.
static int guarded_decode(struct jpeg_decompress_struct *info, struct failure *failure, uint8_t *rgb, uint8_t *row) {
    if (setjmp(failure->back)) {
        if (failure->too_slow) return PG_IMAGE_TOO_SLOW;
        if (info->err->msg_code == JERR_OUT_OF_MEMORY) return PG_IMAGE_NO_MEMORY;
        int has_rows = info->output_scanline > 0;
        if (!failure->request->lenient || !has_rows) return PG_IMAGE_CORRUPT;
        failure->report->damaged = 1;
        return PG_IMAGE_OK;
    }
    jpeg_create_decompress(info);
    info->src = &failure->source;
    info->progress = &failure->progress;
    return decode(info, failure->request, rgb, row, failure->report);
}

static int decode_once(const pg_image_request *request, uint8_t *pixels, pg_image_report *report) {
    uint8_t *row = malloc((size_t)request->width * 4);
    if (!row) return PG_IMAGE_NO_MEMORY;
    struct failure failure = {.request = request, .report = report};
    struct jpeg_decompress_struct info;
    memset(&info, 0, sizeof info);
    info.err = jpeg_std_error(&failure.manager);
    failure.manager.error_exit = fail;
    failure.manager.emit_message = note_warning;
    failure.manager.output_message = drop_message;
    failure.deadline = pg_thread_seconds() + request->seconds;
    failure.progress.progress_monitor = check_time;
    failure.source = (struct jpeg_source_mgr){
        .next_input_byte = request->bytes,
        .bytes_in_buffer = request->count,
        .init_source = no_work,
        .fill_input_buffer = end_of_bytes,
        .skip_input_data = skip_bytes,
        .resync_to_restart = jpeg_resync_to_restart,
        .term_source = no_work,
    };
    int status = guarded_decode(&info, &failure, pixels, row);
    jpeg_destroy_decompress(&info);
    free(row);
    return status;
}

/// The place of the last marker that begins a scan, 0 where there is only one.
static size_t last_scan(const uint8_t *bytes, size_t count) {
    size_t last = 0, found = 0;
    for (size_t i = 0; i + 1 < count; i++)
        if (bytes[i] == 0xFF && bytes[i + 1] == 0xDA) {
            last = i;
            found++;
        }
    return found > 1 ? last : 0;
}

int pg_jpeg_decode(const pg_image_request *request, uint8_t *pixels, pg_image_report *report) {
    pg_image_request part = *request;
    for (int tries = 0;; tries++) {
        int status = decode_once(&part, pixels, report);
        if (status != PG_IMAGE_CORRUPT || !request->lenient || tries == 2) return status;
        // The library stopped before the first row. The scans before the last may be whole.
        part.count = last_scan(request->bytes, part.count);
        if (part.count == 0) return status;
        report->damaged = 1;
    }
}
