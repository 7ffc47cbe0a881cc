// The kernels on pairs of bfloat16 numbers, by a model of vdpbf16ps, which adds the odd inputs first. Denormal numbers are
// not flushed here.
#include "CTileModel.h"

// Vectors that are wider than the target's registers are only handed to functions that are inlined.
#pragma clang diagnostic ignored "-Wpsabi"

#if defined(__x86_64__)
#pragma clang attribute push(__attribute__((target("avx2,fma,f16c"))), apply_to = function)
#endif
#define WIDTH 16
#define PAIR_TABLE pg_pair_kernels_model
#define add_pairs(sum, x, w)                                                             \
    fma_((vector)((words)(x) << 16), (vector)((words)(w) << 16),                         \
         fma_((vector)((words)(x) & 0xffff0000), (vector)((words)(w) & 0xffff0000), sum))
#include "../../Sources/Tensor/CKernels/pairs.inc"
#if defined(__x86_64__)
#pragma clang attribute pop
#endif
