#include "tiff_file.h"

#include <stdarg.h>
#include <string.h>

static int note_error(TIFF *tiff, void *user, const char *module, const char *format, va_list arguments) {
    (void)tiff;
    (void)module;
    struct tiff_file *file = user;
    vsnprintf(file->message, PG_IMAGE_MESSAGE_BYTES, format, arguments);
    return 1;
}

static int drop_warning(TIFF *tiff, void *user, const char *module, const char *format, va_list arguments) {
    (void)tiff, (void)user, (void)module, (void)format, (void)arguments;
    return 1;
}

static tmsize_t read_bytes(thandle_t handle, void *target, tmsize_t count) {
    struct tiff_file *file = handle;
    file->too_slow |= file->deadline > 0 && pg_thread_seconds() > file->deadline;
    if (file->too_slow) return 0;
    tmsize_t rest = file->position < (tmsize_t)file->count ? (tmsize_t)file->count - file->position : 0;
    file->ended |= count > rest;
    if (count > rest) count = rest;
    if (count <= 0) return 0;
    memcpy(target, file->bytes + file->position, (size_t)count);
    file->position += count;
    return count;
}

static tmsize_t write_nothing(thandle_t handle, void *source, tmsize_t count) {
    (void)handle, (void)source, (void)count;
    return 0;
}

static toff_t seek(thandle_t handle, toff_t offset, int whence) {
    struct tiff_file *file = handle;
    toff_t base = whence == SEEK_CUR ? (toff_t)file->position : whence == SEEK_END ? (toff_t)file->count : 0;
    // A place far behind the end is one without bytes.
    toff_t place = base + offset;
    file->ended |= place > (toff_t)file->count;
    file->position = place > (toff_t)file->count ? (tmsize_t)file->count : (tmsize_t)place;
    return (toff_t)file->position;
}

static int close_nothing(thandle_t handle) {
    (void)handle;
    return 0;
}

static toff_t size(thandle_t handle) { return (toff_t)((struct tiff_file *)handle)->count; }

TIFF *pg_tiff_open(struct tiff_file *file, size_t memory) {
    TIFFOpenOptions *options = TIFFOpenOptionsAlloc();
    if (!options) return NULL;
    TIFFOpenOptionsSetErrorHandlerExtR(options, note_error, file);
    TIFFOpenOptionsSetWarningHandlerExtR(options, drop_warning, NULL);
    TIFFOpenOptionsSetMaxSingleMemAlloc(options, (tmsize_t)memory);
    TIFF *tiff = TIFFClientOpenExt(
        "picture", "rm", file, read_bytes, write_nothing, seek, close_nothing, size, NULL, NULL, options);
    TIFFOpenOptionsFree(options);
    return tiff;
}
