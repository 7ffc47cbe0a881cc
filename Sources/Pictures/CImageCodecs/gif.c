#include <stdlib.h>
#include <string.h>

#include <gif_lib.h>

#include "support.h"

struct source {
    const uint8_t *bytes;
    size_t count, position;
    /// More was asked for than there is.
    int ended;
};

static int read_bytes(GifFileType *file, GifByteType *target, int count) {
    struct source *source = file->UserData;
    size_t rest = source->count - source->position;
    size_t step = (size_t)count < rest ? (size_t)count : rest;
    source->ended |= step < (size_t)count;
    if (rest == 0 && count == 1) {
        // A missing end: no further block of data.
        *target = 0;
        return 1;
    }
    memcpy(target, source->bytes + source->position, step);
    source->position += step;
    return (int)step;
}

static int status_of(int error, const struct source *source, char *message) {
    if (error == D_GIF_ERR_NOT_ENOUGH_MEM) return PG_IMAGE_NO_MEMORY;
    if (source->ended) return PG_IMAGE_TRUNCATED;
    const char *text = GifErrorString(error);
    return pg_fail(message, PG_IMAGE_CORRUPT, text ? text : "broken data");
}

/// Reads an extension; a graphics control block names the transparent index.
static int read_extension(GifFileType *file, int *transparent) {
    int code;
    GifByteType *block;
    if (DGifGetExtension(file, &code, &block) == GIF_ERROR) return GIF_ERROR;
    if (code == GRAPHICS_EXT_FUNC_CODE && block && block[0] >= 4 && block[1] & 1) *transparent = block[4];
    while (block)
        if (DGifGetExtensionNext(file, &block) == GIF_ERROR) return GIF_ERROR;
    return GIF_OK;
}

/// Reads up to the pixels of the first frame. `transparent` is -1 where no index is. Returns a status.
static int find_frame(GifFileType *file, int *transparent, char *message) {
    *transparent = -1;
    for (;;) {
        GifRecordType type;
        if (DGifGetRecordType(file, &type) == GIF_ERROR) return status_of(file->Error, file->UserData, message);
        if (type == IMAGE_DESC_RECORD_TYPE) {
            int failed = DGifGetImageDesc(file) == GIF_ERROR || ((struct source *)file->UserData)->ended;
            return failed ? status_of(file->Error, file->UserData, message) : PG_IMAGE_OK;
        }
        if (type == TERMINATE_RECORD_TYPE) return pg_fail(message, PG_IMAGE_CORRUPT, "it has no picture");
        if (type == EXTENSION_RECORD_TYPE && read_extension(file, transparent) == GIF_ERROR)
            return status_of(file->Error, file->UserData, message);
    }
}

/// The canvas grows where its first frame does not fit.
static uint32_t canvas_side(GifWord screen, GifWord start, GifWord length) {
    uint32_t end = (uint32_t)start + (uint32_t)length;
    return end > (uint32_t)screen ? end : (uint32_t)screen;
}

static GifFileType *open_gif(struct source *source, char *message, int *status) {
    int error = 0;
    GifFileType *file = DGifOpen(source, read_bytes, &error);
    if (!file) *status = status_of(error, source, message);
    return file;
}

int pg_gif_header(const uint8_t *bytes, size_t count, pg_image_header *header) {
    struct source source = {bytes, count, 0, 0};
    int status = PG_IMAGE_OK, transparent;
    GifFileType *file = open_gif(&source, header->message, &status);
    if (!file) return status;
    status = find_frame(file, &transparent, header->message);
    if (status == PG_IMAGE_OK) {
        header->width = canvas_side(file->SWidth, file->Image.Left, file->Image.Width);
        header->height = canvas_side(file->SHeight, file->Image.Top, file->Image.Height);
        header->memory = pg_memory(header->width, header->height, 1, 1 << 16);
    }
    DGifCloseFile(file, NULL);
    return status;
}

/// Whether a palette says of each index that it is the gray of that value, or there is none.
static int is_gray(const ColorMapObject *map) {
    for (int i = 0; map && i < map->ColorCount; i++)
        if (map->Colors[i].Red != i || map->Colors[i].Green != i || map->Colors[i].Blue != i) return 0;
    return 1;
}

/// RGB of each index: the frame's palette, else that of the screen, black where it ends; else gray. Like Pillow, this takes
/// a palette of gray steps for none.
static void fill_colors(const GifFileType *file, uint8_t colors[256][3]) {
    const ColorMapObject *map = is_gray(file->Image.ColorMap) ? file->SColorMap : file->Image.ColorMap;
    memset(colors, 0, 256 * 3);
    if (is_gray(map)) {
        for (int i = 0; i < 256; i++) memset(colors[i], i, 3);
        return;
    }
    for (int i = 0; i < map->ColorCount && i < 256; i++) {
        colors[i][0] = map->Colors[i].Red;
        colors[i][1] = map->Colors[i].Green;
        colors[i][2] = map->Colors[i].Blue;
    }
}

/// Reads the rows of the frame into the canvas of indices. Returns a status.
static int read_rows(GifFileType *file, uint8_t *canvas, size_t width, int *rows_done, char *message) {
    static const int starts[4] = {0, 4, 2, 1}, steps[4] = {8, 8, 4, 2};
    const GifImageDesc *frame = &file->Image;
    for (int pass = 0; pass < (frame->Interlace ? 4 : 1); pass++) {
        int step = frame->Interlace ? steps[pass] : 1;
        for (int y = frame->Interlace ? starts[pass] : 0; y < frame->Height; y += step) {
            uint8_t *row = canvas + (size_t)(frame->Top + y) * width + (size_t)frame->Left;
            if (DGifGetLine(file, row, frame->Width) == GIF_ERROR)
                return status_of(file->Error, file->UserData, message);
            (*rows_done)++;
        }
    }
    return PG_IMAGE_OK;
}

static int decode(
    GifFileType *file, const pg_image_request *request, uint8_t *canvas, uint8_t *pixels, pg_image_report *report) {
    int transparent, rows_done = 0;
    int status = find_frame(file, &transparent, report->message);
    if (status != PG_IMAGE_OK) return status;
    if (canvas_side(file->SWidth, file->Image.Left, file->Image.Width) != request->width ||
        canvas_side(file->SHeight, file->Image.Top, file->Image.Height) != request->height)
        return pg_fail(report->message, PG_IMAGE_CORRUPT, "its headers contradict each other");
    size_t count = (size_t)request->width * request->height;
    if (transparent >= 0) memset(canvas, transparent, count);
    status = read_rows(file, canvas, request->width, &rows_done, report->message);
    if (status != PG_IMAGE_OK) {
        if (!request->lenient || rows_done == 0) return status;
        report->damaged = 1;
    }
    uint8_t colors[256][3];
    fill_colors(file, colors);
    for (size_t i = 0; i < count; i++) {
        uint8_t *pixel = pixels + i * (size_t)request->channels;
        memcpy(pixel, colors[canvas[i]], 3);
        if (request->channels == 4) pixel[3] = canvas[i] == transparent ? 0 : 255;
    }
    return PG_IMAGE_OK;
}

int pg_gif_decode(const pg_image_request *request, uint8_t *pixels, pg_image_report *report) {
    struct source source = {request->bytes, request->count, 0, 0};
    int status = PG_IMAGE_OK;
    GifFileType *file = open_gif(&source, report->message, &status);
    if (!file) return status;
    uint8_t *canvas = calloc(request->height, request->width);
    status = canvas ? decode(file, request, canvas, pixels, report) : PG_IMAGE_NO_MEMORY;
    free(canvas);
    DGifCloseFile(file, NULL);
    return status;
}
