#include <stdio.h>
#include <string.h>

#include <webp/decode.h>
#include <webp/demux.h>

#include "CImageCodecs.h"

static int fail(char *message, const char *text) {
    snprintf(message, PG_IMAGE_MESSAGE_BYTES, "%s", text);
    return PG_IMAGE_CORRUPT;
}

int pg_webp_decode(
    const uint8_t *bytes, size_t count, uint32_t width, uint32_t height, uint8_t *rgb,
    char message[PG_IMAGE_MESSAGE_BYTES]) {
    message[0] = 0;
    // The animation decoder also reads still pictures; what it puts under a frame smaller than the canvas is what
    // Pillow shows there.
    WebPData data = {bytes, count};
    WebPAnimDecoder *decoder = WebPAnimDecoderNew(&data, NULL);
    if (!decoder) return fail(message, "its chunks are broken");

    int status = PG_IMAGE_OK;
    WebPAnimInfo info;
    uint8_t *canvas = NULL;
    int timestamp = 0;
    if (!WebPAnimDecoderGetInfo(decoder, &info) || info.canvas_width != width || info.canvas_height != height) {
        status = fail(message, "its headers contradict each other");
    } else if (!WebPAnimDecoderGetNext(decoder, &canvas, &timestamp)) {
        status = fail(message, "its first frame cannot be decoded");
    } else {
        size_t pixels = (size_t)width * height;
        for (size_t i = 0; i < pixels; i++) memcpy(rgb + 3 * i, canvas + 4 * i, 3);
    }
    WebPAnimDecoderDelete(decoder);
    return status;
}

int pg_webp_chunk(const uint8_t *bytes, size_t count, const char *fourcc, size_t *offset, size_t *length) {
    WebPData data = {bytes, count};
    WebPDemuxer *demuxer = WebPDemux(&data);
    if (!demuxer) return 0;
    WebPChunkIterator chunk;
    int found = WebPDemuxGetChunk(demuxer, fourcc, 1, &chunk);
    if (found) {
        *offset = (size_t)(chunk.chunk.bytes - bytes);
        *length = chunk.chunk.size;
        WebPDemuxReleaseChunkIterator(&chunk);
    }
    WebPDemuxDelete(demuxer);
    return found;
}
