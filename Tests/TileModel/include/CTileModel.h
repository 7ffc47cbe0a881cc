// The kernels of Sources/Tensor/CKernels for bfloat16 and for tiles, compiled with models of their instructions in plain C:
// for tests on processors that do not have these.
#pragma once
#include "CKernels.h"

extern const pg_pair_kernels pg_pair_kernels_model;
extern const pg_tile_kernels pg_tile_kernels_model;
extern const pg_int8_kernels pg_int8_kernels_model;

const pg_pair_kernels *pg_pair_model(void);
const pg_tile_kernels *pg_tile_model(void);
const pg_int8_kernels *pg_int8_model(void);
