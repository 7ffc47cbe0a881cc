// The kernels: products on weights as the checkpoint stores them, and the operations between two products. Those of this
// header and of Quantized.h exist as plain scalar twins (scalar.c, quantized_scalar.c) and as vector code for AVX2 and
// AVX-512; those of BFloat16.h only where their units are. dispatch.c chooses the set at run time.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "BFloat16.h"
#include "Elements.h"
#include "Quantized.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum { PG_SCALAR = 0, PG_AVX2 = 1, PG_AVX512 = 2, PG_AMX = 3 } pg_level;

// One set of kernels. Matrices are row-major; ld… is the distance between two rows in elements. Weight pointers may be
// unaligned.
typedef struct {
    const char *name;

    // Number of outputs that a panel holds side by side.
    size_t tile_outputs;

    // out[i] = (float) in[i]
    void (*widen)(pg_element element, const void *in, float *out, size_t count);

    // out[i] = in[i] rounded to the nearest bfloat16, ties to even. Numbers that are too large become infinite; NaN
    // stays NaN.
    void (*narrow)(const float *in, uint16_t *out, size_t count);

    // Arranges a few rows x [rows][inputs] in the order in which few_rows reads them, with zeros after the last input:
    // rows * (inputs rounded up to 32) float32.
    void (*arrange)(const float *x, size_t rows, size_t inputs, size_t ldx, float *arranged);

    // y[b][n] = sum over k of x[b][k] * weight[n][k], for a few rows b that were arranged
    void (*few_rows)(pg_element element, const void *weight, size_t outputs, size_t inputs, size_t ldw,
                     const float *arranged, size_t rows, float *y, size_t ldy);

    // y[b][c] += sum over s of p[b][s] * v[s][c], for a few rows b
    void (*few_rows_mix)(const float *p, size_t rows, size_t ldp, const float *v, size_t keys, size_t columns,
                         size_t ldv, float *y, size_t ldy);

    // panel[n / tile_outputs][k][n % tile_outputs] = (float) weight[n][k]. Elements after the last output are zero
    // or stay as they are.
    void (*pack)(pg_element element, const void *weight, size_t outputs, size_t inputs, size_t ldw, float *panel);

    // panel[n / tile_outputs][k][n % tile_outputs] = values[k][n]
    void (*pack_columns)(const float *values, size_t inputs, size_t outputs, size_t ldv, float *panel);

    // Computes a product with a packed panel, for many rows.
    void (*multiply)(const pg_product *product);

    // out = (x - mean) * rsqrt(variance + epsilon) * weight + bias
    void (*layer_norm)(const float *x, const float *weight, const float *bias, float epsilon, float *out,
                       size_t count);

    // out = x * rsqrt(mean(x * x) + epsilon) * (1 + weight)
    void (*rms_norm)(const float *x, const float *weight, float epsilon, float *out, size_t count);

    // out = gelu_tanh(x + bias); bias may be NULL
    void (*gelu)(float *x, const float *bias, size_t count);

    // gate = gelu_tanh(gate) * up
    void (*gelu_times)(float *gate, const float *up, size_t count);

    // x += y
    void (*add)(float *x, const float *y, size_t count);

    // x *= factor
    void (*scale)(float *x, float factor, size_t count);

    // One tile of a row of an online softmax: x[i] = exp(x[i] * scale - new maximum). Updates the running maximum and
    // sum. Returns the factor that rescales what was accumulated before to the new maximum.
    float (*softmax_tile)(float *x, size_t count, float scale, float *maximum, float *sum);

    // x = cap * tanh(x * scale / cap)
    void (*soft_cap)(float *x, size_t count, float scale, float cap);

    // Applies the rotary position embedding to one head of 2 * half float32: cosine and sine have `half` entries each.
    void (*rotate)(float *head, const float *cosine, const float *sine, size_t half);

    // Returns the index of the first largest value, and stores the value.
    size_t (*arg_max)(const float *x, size_t count, float *maximum);

    // Returns the sum of exp(x[i] - maximum).
    double (*sum_exp)(const float *x, size_t count, float maximum);
} pg_kernels;

// Returns the set of a level, or NULL where this processor or this build does not have it.
const pg_kernels *pg_kernels_at(pg_level level);

// Returns the set of int8 kernels of a level, or NULL where pg_kernels_at returns NULL. For a processor with AVX-512
// but without VNNI it is the one for AVX2.
const pg_int8_kernels *pg_int8_kernels_at(pg_level level);

// Returns the kernels on pairs of bfloat16 numbers of a level, or NULL where the level or this processor has none.
const pg_pair_kernels *pg_pair_kernels_at(pg_level level);

// Returns the kernels on tiles of a level, or NULL where the level has none or pg_kernels_at returns NULL.
const pg_tile_kernels *pg_tile_kernels_at(pg_level level);

// What came of trying the tile unit of AMX.
typedef enum { PG_TILES_ABSENT, PG_TILES_REFUSED, PG_TILES_WRONG, PG_TILES_READY } pg_tile_state;

// Returns whether this process may use the tile unit; the first call asks the operating system for it.
pg_tile_state pg_tile_unit(void);

// Returns the highest level that this processor has, and that the operating system permits.
pg_level pg_best_level(void);

// Executes the instruction that tells the core that it spins, so that it saves power and its hyperthread runs faster.
void pg_pause(void);

#ifdef __cplusplus
}
#endif
