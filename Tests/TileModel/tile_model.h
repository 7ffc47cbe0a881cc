// A model of the tile unit in plain C, with the same results to the bit: the operations as Intel's "Architecture Instruction
// Set Extensions Programming Reference" gives them. The kernels of Sources/Tensor/CKernels are compiled with it for tests on
// any processor.
#pragma once
#include <float.h>
#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "../../Sources/Tensor/CKernels/tile_shapes.h"

typedef struct {
    tile_shapes shapes;
    _Alignas(64) char data[8][16][64];
} tile_unit;

// Each thread has a unit of its own.
static _Thread_local tile_unit unit;

// What the processor answers with an exception ends the test.
static void require(bool condition) {
    if (!condition) abort();
}

static void model_configure(const tile_shapes *shapes) {
    require(shapes->palette == 1 && shapes->start_row == 0);
    for (int tile = 0; tile < 16; tile++) {
        const int rows = shapes->rows[tile], bytes = shapes->row_bytes[tile];
        require(rows <= 16 && bytes <= 64 && (rows == 0) == (bytes == 0) && (tile < 8 || rows == 0));
    }
    memset(&unit, 0, sizeof unit);
    unit.shapes = *shapes;
}

// Afterwards no tile can be used before the next configuration.
static void model_release(void) { memset(&unit, 0, sizeof unit); }

// sums [m][n] += a [m][k] * b [k][n], in words of four bytes.
static void require_product(int sums, int a, int b) {
    const tile_shapes *shapes = &unit.shapes;
    require(sums != a && sums != b && a != b && shapes->rows[sums] > 0);
    require(shapes->rows[sums] == shapes->rows[a] && shapes->row_bytes[sums] == shapes->row_bytes[b]);
    require(shapes->row_bytes[a] == 4 * shapes->rows[b] && shapes->row_bytes[a] > 0);
}

static void model_zero(int tile) {
    require(unit.shapes.rows[tile] > 0);
    memset(unit.data[tile], 0, sizeof unit.data[tile]);
}

static void model_load(int tile, const void *base, size_t stride) {
    model_zero(tile);
    for (int row = 0; row < unit.shapes.rows[tile]; row++)
        memcpy(unit.data[tile][row], (const char *)base + (size_t)row * stride, unit.shapes.row_bytes[tile]);
}

static void model_store(int tile, void *base, size_t stride) {
    require(unit.shapes.rows[tile] > 0);
    for (int row = 0; row < unit.shapes.rows[tile]; row++)
        memcpy((char *)base + (size_t)row * stride, unit.data[tile][row], unit.shapes.row_bytes[tile]);
}

// Denormal numbers count as zero, as operands and as results.
static inline float flushed(float value) { return fabsf(value) < FLT_MIN ? copysignf(0, value) : value; }

static inline float bfloat16(uint16_t bits) {
    uint32_t wide = (uint32_t)bits << 16;
    float value;
    memcpy(&value, &wide, sizeof value);
    return flushed(value);
}

// Even and odd inputs have sums of their own, which start at zero, and are added to each other before they are added to the
// tile.
static void model_add_pairs(int sums, int a, int b) {
    require_product(sums, a, b);
    const int columns = unit.shapes.row_bytes[sums] / 4, pairs = unit.shapes.row_bytes[a] / 4;
    for (int m = 0; m < unit.shapes.rows[sums]; m++) {
        float even[16] = {0}, odd[16] = {0}, total[16];
        for (int k = 0; k < pairs; k++) {
            uint16_t x[2], w[16][2];
            memcpy(x, unit.data[a][m] + k * 4, sizeof x);
            memcpy(w, unit.data[b][k], sizeof w);
            const float x0 = bfloat16(x[0]), x1 = bfloat16(x[1]);
            for (int n = 0; n < 16; n++) {
                even[n] = flushed(fmaf(x0, bfloat16(w[n][0]), even[n]));
                odd[n] = flushed(fmaf(x1, bfloat16(w[n][1]), odd[n]));
            }
        }
        memcpy(total, unit.data[sums][m], sizeof total);
        for (int n = 0; n < columns; n++) total[n] = flushed(flushed(total[n]) + flushed(even[n] + odd[n]));
        memcpy(unit.data[sums][m], total, sizeof total);
    }
}

static void model_add_bytes(int sums, int a, int b) {
    require_product(sums, a, b);
    const int columns = unit.shapes.row_bytes[sums] / 4, groups = unit.shapes.row_bytes[a] / 4;
    for (int m = 0; m < unit.shapes.rows[sums]; m++) {
        int32_t total[16];
        memcpy(total, unit.data[sums][m], sizeof total);
        for (int k = 0; k < groups; k++) {
            uint8_t x[4];
            int8_t w[16][4];
            memcpy(x, unit.data[a][m] + k * 4, sizeof x);
            memcpy(w, unit.data[b][k], sizeof w);
            for (int n = 0; n < columns; n++)
                for (int i = 0; i < 4; i++) total[n] += (int32_t)x[i] * w[n][i];
        }
        memcpy(unit.data[sums][m], total, sizeof total);
    }
}

#define TILES_CONFIGURE(shapes) model_configure(shapes)
#define TILES_RELEASE() model_release()
#define TILE_ZERO(tile) model_zero(tile)
#define TILE_LOAD(tile, base, stride) model_load(tile, base, stride)
#define TILE_STORE(tile, base, stride) model_store(tile, base, stride)
#define TILE_ADD_PAIRS(sums, a, b) model_add_pairs(sums, a, b)
#define TILE_ADD_BYTES(sums, a, b) model_add_bytes(sums, a, b)
