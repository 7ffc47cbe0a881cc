#include <string.h>

#include <webp/decode.h>
#include <webp/demux.h>

#include "support.h"

/// Bytes of a file that are decoded between two looks at the time.
static const size_t step = 256 << 10;

static int frame_status(VP8StatusCode code, pg_image_report *report) {
    if (code == VP8_STATUS_OUT_OF_MEMORY) return PG_IMAGE_NO_MEMORY;
    return pg_fail(report->message, PG_IMAGE_CORRUPT, "its first frame cannot be decoded");
}

/// Decodes a frame into its place on the canvas. What a frame leaves free stays as it is: the canvas begins transparent
/// and black, which is what Pillow shows there.
static int decode_frame(
    const WebPIterator *frame, const pg_image_request *request, uint8_t *pixels, pg_image_report *report) {
    WebPDecoderConfig config;
    if (!WebPInitDecoderConfig(&config)) return pg_fail(report->message, PG_IMAGE_CORRUPT, "libwebp does not fit");
    size_t stride = (size_t)request->width * (size_t)request->channels;
    size_t offset = (size_t)frame->y_offset * stride + (size_t)frame->x_offset * (size_t)request->channels;
    if (frame->x_offset < 0 || frame->y_offset < 0 ||
        (uint64_t)frame->x_offset + (uint64_t)frame->width > request->width ||
        (uint64_t)frame->y_offset + (uint64_t)frame->height > request->height || stride > INT32_MAX)
        return pg_fail(report->message, PG_IMAGE_CORRUPT, "its frame lies outside its canvas");
    config.output.colorspace = request->channels == 4 ? MODE_RGBA : MODE_RGB;
    config.output.is_external_memory = 1;
    config.output.u.RGBA.rgba = pixels + offset;
    config.output.u.RGBA.stride = (int)stride;
    config.output.u.RGBA.size = stride * request->height - offset;
    // Rows go to the canvas as soon as they are decoded. The bytes are handed over step by step, to look at the time.
    WebPIDecoder *decoder = WebPIDecode(NULL, 0, &config);
    if (!decoder) return PG_IMAGE_NO_MEMORY;
    double deadline = pg_thread_seconds() + request->seconds;
    VP8StatusCode code = VP8_STATUS_SUSPENDED;
    for (size_t given = 0; given < frame->fragment.size && code == VP8_STATUS_SUSPENDED;) {
        if (pg_thread_seconds() > deadline) {
            WebPIDelete(decoder);
            return PG_IMAGE_TOO_SLOW;
        }
        size_t rest = frame->fragment.size - given;
        given += rest < step ? rest : step;
        code = WebPIUpdate(decoder, frame->fragment.bytes, given);
    }
    int last_row = 0;
    int has_rows = WebPIDecGetRGB(decoder, &last_row, NULL, NULL, NULL) != NULL && last_row > 0;
    WebPIDelete(decoder);
    if (code == VP8_STATUS_OK) return PG_IMAGE_OK;
    if (!request->lenient) return frame_status(code, report);
    report->damaged = 1;
    return has_rows ? PG_IMAGE_OK : frame_status(code, report);
}

int pg_webp_header(const uint8_t *bytes, size_t count, pg_image_header *header) {
    WebPData data = {bytes, count};
    WebPDemuxState state;
    WebPDemuxer *demuxer = WebPDemuxPartial(&data, &state);
    if (!demuxer) return pg_fail(header->message, PG_IMAGE_CORRUPT, "its chunks are broken");
    header->width = WebPDemuxGetI(demuxer, WEBP_FF_CANVAS_WIDTH);
    header->height = WebPDemuxGetI(demuxer, WEBP_FF_CANVAS_HEIGHT);
    WebPIterator frame;
    if (WebPDemuxGetFrame(demuxer, 1, &frame)) {
        // A lossless frame is held in 32 bits a pixel, with its codes; of a lossy one only the alpha plane is.
        header->memory = pg_memory((uint64_t)frame.width, (uint64_t)frame.height, 6, 1 << 20);
        WebPDemuxReleaseIterator(&frame);
    }
    WebPDemuxDelete(demuxer);
    return PG_IMAGE_OK;
}

int pg_webp_decode(const pg_image_request *request, uint8_t *pixels, pg_image_report *report) {
    WebPData data = {request->bytes, request->count};
    WebPDemuxState state;
    WebPDemuxer *demuxer = request->lenient ? WebPDemuxPartial(&data, &state) : WebPDemux(&data);
    if (!demuxer) return pg_fail(report->message, PG_IMAGE_CORRUPT, "its chunks are broken");
    int status = PG_IMAGE_OK;
    WebPIterator frame;
    if (WebPDemuxGetI(demuxer, WEBP_FF_CANVAS_WIDTH) != request->width ||
        WebPDemuxGetI(demuxer, WEBP_FF_CANVAS_HEIGHT) != request->height) {
        status = pg_fail(report->message, PG_IMAGE_CORRUPT, "its headers contradict each other");
    } else if (!WebPDemuxGetFrame(demuxer, 1, &frame)) {
        status = pg_fail(report->message, PG_IMAGE_CORRUPT, "it has no frame");
    } else {
        status = decode_frame(&frame, request, pixels, report);
        WebPDemuxReleaseIterator(&frame);
    }
    WebPDemuxDelete(demuxer);
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
