// Elements and products: what the tables of kernels have in common.
#pragma once
#include <stdbool.h>
#include <stddef.h>

typedef enum { PG_FLOAT32 = 0, PG_BFLOAT16 = 1, PG_FLOAT16 = 2 } pg_element;

// The operation that follows a product before its rows leave the cache.
typedef enum { PG_KEEP = 0, PG_GELU = 1, PG_GELU_TIMES = 2 } pg_finish;

// Where a product goes: y[t][n], row-major.
typedef struct {
    float *y;
    size_t ldy;
    bool accumulate;    // y += instead of y =
    const float *bias;  // [outputs], added; or NULL
    pg_finish finish;   // PG_GELU: y = gelu_tanh(y). PG_GELU_TIMES: gate = gelu_tanh(gate) * y
    float *gate;
    size_t ldg;
} pg_output;

// Memory that is read after a product, for prefetching: `rows` rows of `bytes` bytes, `stride` bytes apart. NULL for none.
typedef struct {
    const void *start;
    size_t rows, bytes, stride;
} pg_next;

// A product of many rows: y[t][n] = sum over k of x[t][k] * panel[..][k][n], then bias and finish.
typedef struct {
    const float *x;
    size_t rows, ldx;
    const float *panel;  // in the order that pack and pack_columns write
    size_t inputs, outputs;
    pg_output out;
    pg_next next;
} pg_product;
