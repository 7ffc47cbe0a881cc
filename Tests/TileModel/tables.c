// The addresses of the tables: Swift sees constants of C as values.
#include "CTileModel.h"

const pg_pair_kernels *pg_pair_model(void) { return &pg_pair_kernels_model; }
const pg_tile_kernels *pg_tile_model(void) { return &pg_tile_kernels_model; }
const pg_int8_kernels *pg_int8_model(void) { return &pg_int8_kernels_model; }
