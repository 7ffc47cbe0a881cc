// Products on weights of eight bits. Weights are quantized symmetrically, by output and block of inputs; activations at
// run time, by row and block of inputs, to unsigned numbers with a zero point. With s for scales, z for zero points:
//
//     y[b][n] = sum over blocks of  s_row[b] * s_output[n] * (sum over k of a[b][k] * w[n][k]  -  z[b] * sum of w[n][k])
//
// Weights stand in panels of 16 outputs, [groups][16][4]: 64 bytes are four inputs of each output, whatever the
// instruction set. Activations stand in tiles of a few rows, [groups][rows][4].
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { PG_PANEL = 16, PG_GROUP = 4, PG_PANEL_GROUP_BYTES = PG_PANEL * PG_GROUP };

// One block of inputs of some neighboring panels.
typedef struct {
    const int8_t *weights;  // of the first panel, [groups][16][4]
    size_t stride;          // bytes between two panels
    size_t groups;          // of four inputs
    const float *scales;    // of the outputs, 16 a panel
    const float *sums;      // of the outputs' weights in this block, 16 a panel
    size_t skip;            // outputs of the first panel that are left out
    size_t outputs;         // after them
    size_t ahead;           // bytes from each weight to one that is wanted soon, to be fetched meanwhile
} pg_int8_panels;

// One block of inputs of a few rows.
typedef struct {
    const uint8_t *values;  // [groups][rows][4]
    size_t rows;            // at most the table's most_rows
    const float *scales;    // a row
    const float *zeros;     // a row
} pg_int8_rows;

typedef struct {
    const char *name;

    // Activations are 0 … levels. 255 where sums of products can't saturate, 127 where two products share 16 bits.
    int levels;

    // Rows of a tile of activations: at most, and what is best where there are many rows.
    size_t most_rows, tile_rows;

    // Quantizes `count` inputs of rows x to 0 … levels. `lead` (0 … 3) places before the first, and what is missing to a
    // whole group after the last, hold the zero point.
    void (*quantize_rows)(const float *x, size_t rows, size_t ldx, size_t lead, size_t count, int levels,
                          uint8_t *values, float *scales, float *zeros);

    // Quantizes `count` inputs of up to 16 outputs to -127 … 127, as one block of a panel; the rest of it is 0.
    void (*quantize_panel)(const float *weights, size_t outputs, size_t ldw, size_t count, int8_t *values,
                           float *scales);

    // weights[k] = mean over the rows of |x[k]| in units of the row's mean |x|: what is far above 1 is an outlier
    void (*weigh_columns)(const float *x, size_t rows, size_t ldx, size_t count, float *weights);

    // Takes some inputs of a panel: gathered [groups][16][4] of `count` places, what is missing to a whole group is 0.
    void (*gather_panel)(const int8_t *weights, const uint32_t *places, size_t count, int8_t *gathered);

    // sums[n] = sum of the weights of output n, for the 16 outputs of a panel
    void (*sum_panel)(const int8_t *weights, size_t groups, float *sums);

    // y = or += the product of one block
    void (*multiply)(const pg_int8_rows *rows, const pg_int8_panels *panels, float *y, size_t ldy, bool accumulate);
} pg_int8_kernels;

#ifdef __cplusplus
}
#endif
