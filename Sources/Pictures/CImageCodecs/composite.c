#include "support.h"

void pg_image_composite(
    const uint8_t *rgba, size_t pixels, uint8_t red, uint8_t green, uint8_t blue, uint8_t *rgb) {
    const uint8_t background[3] = {red, green, blue};
    for (size_t i = 0; i < pixels; i++) {
        int alpha = rgba[4 * i + 3];
        for (int c = 0; c < 3; c++) {
            int sum = background[c] * (255 - alpha) + rgba[4 * i + c] * alpha + 128;
            rgb[3 * i + c] = (uint8_t)(((sum >> 8) + sum) >> 8);
        }
    }
}
