// The shapes of all eight tiles, as the instruction that sets them reads them.
#pragma once
#include <stdint.h>

typedef struct {
    uint8_t palette, start_row, reserved[14];
    uint16_t row_bytes[16];
    uint8_t rows[16];
} tile_shapes;
