// The kernels on tiles, by the model of the tile unit.
#include "CTileModel.h"

// Vectors that are wider than the target's registers are only handed to functions that are inlined.
#pragma clang diagnostic ignored "-Wpsabi"
#include "tile_model.h"

#if defined(__x86_64__)
#pragma clang attribute push(__attribute__((target("avx2,fma,f16c"))), apply_to = function)
#endif
#define TILE_TABLE pg_tile_kernels_model
#include "../../Sources/Tensor/CKernels/tiles.inc"
#if defined(__x86_64__)
#pragma clang attribute pop
#endif
