// Products on int8 weights. Weights are quantized symmetrically, per output and block of inputs. Activations are
// quantized at run time, per row and block of inputs, to unsigned numbers with a zero point. With scales s and zero
// points z:
//
//     y[b][n] = sum over blocks of  s_row[b] * s_output[n] * (sum over k of a[b][k] * w[n][k]  -  z[b] * sum of w[n][k])
//
// Weights are stored in panels of 16 outputs, [groups][16][4]: 64 bytes are four inputs of each output, for every
// instruction set. Activations are stored in tiles of a few rows: lines of a number of groups that depends on the set,
// [groups / line_groups][rows][line_groups][4]. What a last line has too many is zero.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { PG_PANEL = 16, PG_GROUP = 4, PG_PANEL_GROUP_BYTES = PG_PANEL * PG_GROUP };

// One block of inputs of consecutive panels.
typedef struct {
    const int8_t *weights;  // the first panel, [groups][16][4]
    size_t stride;          // bytes between two panels
    size_t groups;          // number of groups of four inputs
    const float *scales;    // [panels][16], one an output
    const float *sums;      // [panels][16], the sum of each output's weights in this block
    size_t skip;            // outputs of the first panel that are not stored
    size_t outputs;         // number of outputs after those
    size_t ahead;           // distance in bytes at which weights are prefetched, or 0
} pg_int8_panels;

// One block of inputs of a few rows.
typedef struct {
    const uint8_t *values;  // [groups / line_groups][rows][line_groups][4]
    size_t rows;            // at most maximum_rows of the set
    const float *scales;    // [rows]
    const float *zeros;     // [rows], the zero points
} pg_int8_rows;

// One set of int8 kernels.
typedef struct {
    const char *name;

    // Activations are 0 … levels: 255 where sums of products cannot saturate, 127 where two products are added in 16
    // bits.
    int levels;

    // Rows of a tile of activations: the maximum, and the number that is fastest where there are many rows.
    size_t maximum_rows, tile_rows;

    // Groups of a line of activations.
    size_t line_groups;

    // Quantizes `count` inputs of the rows x to 0 … levels. The `lead` (0 … 3) positions before the first input and the
    // rest of the group after the last are filled with the zero point.
    void (*quantize_rows)(const float *x, size_t rows, size_t ldx, size_t lead, size_t count, int levels,
                          uint8_t *values, float *scales, float *zeros);

    // Quantizes `count` inputs of up to 16 outputs to -127 … 127, as one block of a panel. The rest of the panel is 0.
    void (*quantize_panel)(const float *weights, size_t outputs, size_t ldw, size_t count, int8_t *values,
                           float *scales);

    // weights[k] = mean over the rows of |x[k]| / (the row's mean of |x|). A column far above 1 is an outlier.
    void (*weigh_columns)(const float *x, size_t rows, size_t ldx, size_t count, float *weights);

    // Copies the `count` inputs at some positions of a panel to gathered [groups][16][4]. The rest of the last group is
    // 0.
    void (*gather_panel)(const int8_t *weights, const uint32_t *positions, size_t count, int8_t *gathered);

    // sums[n] = the sum of the weights of output n, for the 16 outputs of a panel.
    void (*sum_panel)(const int8_t *weights, size_t groups, float *sums);

    // y = the product of one block, or y += where `accumulate`.
    void (*multiply)(const pg_int8_rows *rows, const pg_int8_panels *panels, float *y, size_t ldy, bool accumulate);
} pg_int8_kernels;

#ifdef __cplusplus
}
#endif
