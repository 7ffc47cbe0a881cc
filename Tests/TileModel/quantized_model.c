// The int8 kernels on tiles, by the model of the tile unit.
#include "CTileModel.h"

// Vectors that are wider than the target's registers are only handed to functions that are inlined.
#pragma clang diagnostic ignored "-Wpsabi"
#include "tile_model.h"
#include "../../Sources/Tensor/CKernels/kernels.h"

#if defined(__x86_64__)
#pragma clang attribute push(__attribute__((target("avx2,fma,f16c"))), apply_to = function)
#endif

typedef int32_t ints __attribute__((vector_size(64)));

static inline __attribute__((always_inline)) ints load_ints(const int8_t *p) {
    ints value;
    memcpy(&value, p, sizeof value);
    return value;
}

static inline __attribute__((always_inline)) ints dot(ints sums, ints activations, ints weights) {
    for (int i = 0; i < 4; i++) sums += (activations >> (8 * i) & 255) * (weights << (24 - 8 * i) >> 24);
    return sums;
}

#define LEVEL_NAME "amx"
#define LEVEL_TABLE pg_int8_kernels_model
#include "../../Sources/Tensor/CKernels/quantized_amx.inc"
#if defined(__x86_64__)
#pragma clang attribute pop
#endif
