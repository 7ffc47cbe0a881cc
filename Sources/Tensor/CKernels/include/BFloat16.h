// Products on bfloat16 units, with sums in float32: vdpbf16ps of AVX512_BF16, and the tile unit of AMX.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "Elements.h"

#ifdef __cplusplus
extern "C" {
#endif

// Kernels on pairs of bfloat16 numbers: the kernels of pg_kernels of the same names, where each float32 number of x and of
// a panel is replaced by a pair of bfloat16 numbers, two inputs. Weights are bfloat16.
typedef struct {
    size_t tile_outputs;

    // Rounds a few rows x [rows][inputs] to bfloat16 and arranges them: rows * (inputs rounded up to 32) / 2 pairs.
    void (*arrange)(const float *x, size_t rows, size_t inputs, size_t ldx, float *arranged);

    // y[b][n] = sum over k of x[b][k] * weight[n][k], for a few rows b that were arranged
    void (*few_rows)(const void *weight, size_t outputs, size_t inputs, size_t ldw, const float *arranged, size_t rows,
                     float *y, size_t ldy);

    // panel[n / tile_outputs][pair][n % tile_outputs] = the weights of two inputs. An odd last input is paired with 0.
    void (*pack)(const void *weight, size_t outputs, size_t inputs, size_t ldw, float *panel);

    // Computes a product with a packed panel, for many rows; `inputs` and ldx are in pairs.
    void (*multiply)(const pg_product *product);
} pg_pair_kernels;

// Kernels on tiles. A float32 number is the sum of three bfloat16 numbers, its parts, of 8 bits each: the number rounded,
// the rest rounded, and the rest of that. A product of two bfloat16 numbers is exact in float32. So the products of the
// parts on one sum give what a product in float32 gives, with fewer roundings:
//
//     x[k] * w[k] = sum over i, j with i + j <= 4 of  part i of x[k] * part j of w[k]        (the others are below 2^-24)
//
// bfloat16 weights have one part, float16 weights two, float32 weights three. Activations have three parts in exact
// products and one in products of rounded activations.
enum {
    PG_STRIP = 16,                          // rows of x or outputs of a strip
    PG_BLOCK_INPUTS = 32,                   // inputs of a block
    PG_BLOCK = PG_STRIP * PG_BLOCK_INPUTS,  // numbers of a block of a strip: a tile, 1 KB
    PG_PARTS = 3,                           // parts of a float32 number
};

// A product of many rows on tiles. Numbers after the last row, output and input are zero in x and panel.
typedef struct {
    const uint16_t *x;  // from split: [strips of rows][blocks of inputs][x_parts][16 rows][32 inputs]
    size_t x_stride;    // numbers between two strips
    size_t x_parts, rows;
    // From pack or pack_columns: [strips of outputs][blocks][weight_parts][16 pairs of inputs][16 outputs][2]
    const uint16_t *panel;
    size_t weight_parts, outputs;
    size_t blocks;  // blocks of inputs
    pg_output out;
    pg_next next;
} pg_tile_product;

typedef struct {
    // Splits x [rows][inputs] into 1 or 3 parts, strips as in pg_tile_product one after the other.
    void (*split)(const float *x, size_t rows, size_t inputs, size_t ldx, size_t parts, uint16_t *out);

    // Splits weights [outputs][inputs] into parts, 1 (of bfloat16), 2 (of float16) or 3, as a panel.
    void (*pack)(pg_element element, const void *weight, size_t outputs, size_t inputs, size_t ldw, uint16_t *panel);

    // Splits values [inputs][outputs] into 3 parts, as a panel.
    void (*pack_columns)(const float *values, size_t inputs, size_t outputs, size_t ldv, uint16_t *panel);

    // Computes a product with a panel, for many rows.
    void (*multiply)(const pg_tile_product *product);

    // Arranges a few rows (up to 16) of x for few_rows: [blocks of inputs][parts][16 pairs of inputs][16 rows][2].
    void (*arrange)(const float *x, size_t rows, size_t inputs, size_t ldx, size_t parts, uint16_t *arranged);

    // y[b][n] = sum over k of x[b][k] * weight[n][k], for a few rows b that were arranged, and bfloat16 weights, which are
    // read as tiles where they lie.
    void (*few_rows)(const void *weight, size_t outputs, size_t inputs, size_t ldw, const uint16_t *arranged,
                     size_t rows, size_t parts, float *y, size_t ldy);
} pg_tile_kernels;

#ifdef __cplusplus
}
#endif
