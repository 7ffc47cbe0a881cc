// Kernels that BLAS does not have: products with few rows on weights as the checkpoint stores them, and the
// operations between two products. Each exists as a plain scalar twin and as vector code for AVX2 and AVX-512;
// which set runs is chosen once (dispatch.c).
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "Quantized.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum { PG_FLOAT32 = 0, PG_BFLOAT16 = 1, PG_FLOAT16 = 2 } pg_element;
typedef enum { PG_SCALAR = 0, PG_AVX2 = 1, PG_AVX512 = 2 } pg_level;

// What is done to a product before it is left.
typedef enum { PG_KEEP = 0, PG_GELU = 1, PG_GELU_TIMES = 2 } pg_finish;

// y[t][n] = sum over k of x[t][k] * panel[..][k][n], and more where asked for.
typedef struct {
    const float *x;
    size_t rows, ldx;
    const float *panel;  // as pack and pack_columns make it
    size_t inputs, outputs;
    float *y;
    size_t ldy;
    bool accumulate;    // y += instead of y =
    const float *bias;  // [outputs], added; or NULL
    pg_finish finish;   // PG_GELU: y = gelu_tanh(y). PG_GELU_TIMES: gate = gelu_tanh(gate) * y
    float *gate;
    size_t ldg;
    // Memory that is read next, or NULL: rows of some bytes, a stride apart.
    const void *next;
    size_t next_rows, next_bytes, next_stride;
} pg_product;

// Matrices are row-major; ld… is the distance between two rows in elements. Weight pointers may be unaligned.
typedef struct {
    const char *name;

    // Outputs that a panel holds side by side.
    size_t tile_outputs;

    // out[i] = (float) in[i]
    void (*widen)(pg_element element, const void *in, float *out, size_t count);

    // out[i] = in[i] rounded to the nearest bfloat16, to the even one where two are as near. What is too large becomes
    // infinite; a NaN stays one.
    void (*narrow)(const float *in, uint16_t *out, size_t count);

    // A few rows [rows][inputs] in the order in which few_rows reads them, with zeros behind the last input:
    // rows * (inputs rounded up to 32) floats.
    void (*arrange)(const float *x, size_t rows, size_t inputs, size_t ldx, float *arranged);

    // y[b][n] = sum over k of x[b][k] * weight[n][k], for a few rows b that were arranged
    void (*few_rows)(pg_element element, const void *weight, size_t outputs, size_t inputs, size_t ldw,
                     const float *arranged, size_t rows, float *y, size_t ldy);

    // y[b][c] += sum over s of p[b][s] * v[s][c], for a few rows b
    void (*few_rows_mix)(const float *p, size_t rows, size_t ldp, const float *v, size_t keys, size_t columns,
                         size_t ldv, float *y, size_t ldy);

    // panel[n / tile_outputs][k][n % tile_outputs] = (float) weight[n][k]. Room behind the last output is left or zero.
    void (*pack)(pg_element element, const void *weight, size_t outputs, size_t inputs, size_t ldw, float *panel);

    // panel[n / tile_outputs][k][n % tile_outputs] = values[k][n]
    void (*pack_columns)(const float *values, size_t inputs, size_t outputs, size_t ldv, float *panel);

    // A product with a packed panel, for many rows.
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

    // One row of a softmax over tiles of keys: x[i] = exp(x[i] * scale - new maximum). maximum and sum are the
    // running ones, updated; the returned factor brings what was summed before to the new maximum.
    float (*softmax_tile)(float *x, size_t count, float scale, float *maximum, float *sum);

    // x = cap * tanh(x * scale / cap)
    void (*soft_cap)(float *x, size_t count, float scale, float cap);

    // Rotates the two halves of one head: cosine and sine have half as many entries as the head.
    void (*rotate)(float *head, const float *cosine, const float *sine, size_t half);

    // Index of the first largest value, and its value.
    size_t (*arg_max)(const float *x, size_t count, float *maximum);

    // sum of exp(x[i] - maximum)
    double (*sum_exp)(const float *x, size_t count, float maximum);
} pg_kernels;

// The set for a level, or NULL where this processor or this build does not have it.
const pg_kernels *pg_kernels_at(pg_level level);

// The set for products of eight bits at a level, or NULL where pg_kernels_at gives NULL. A processor with AVX-512 but
// without VNNI multiplies with AVX2.
const pg_int8_kernels *pg_int8_kernels_at(pg_level level);

// The highest level that this processor has.
pg_level pg_best_level(void);

// Tells a spinning processor core that it spins.
void pg_pause(void);

#ifdef __cplusplus
}
#endif
