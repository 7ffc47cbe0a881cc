// The instructions of the tile unit that the kernels use. Tests/TileModel has a model of each of them
// in plain C. Numbers of tiles are literals.
#pragma once
#include <immintrin.h>

#include "tile_shapes.h"

#define TILES_CONFIGURE(shapes) _tile_loadconfig(shapes)
#define TILES_RELEASE() _tile_release()
#define TILE_ZERO(tile) _tile_zero(tile)
#define TILE_LOAD(tile, base, stride) _tile_loadd(tile, base, stride)
#define TILE_STORE(tile, base, stride) _tile_stored(tile, base, stride)
// sums += pairs of bfloat16 of a, by pairs of b; in float32
#define TILE_ADD_PAIRS(sums, a, b) _tile_dpbf16ps(sums, a, b)
// sums += groups of four unsigned bytes of a, by groups of four signed bytes of b; in int32
#define TILE_ADD_BYTES(sums, a, b) _tile_dpbusd(sums, a, b)
