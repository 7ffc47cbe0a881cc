#pragma once

#include <stdio.h>

#define JPEG_INTERNALS
#include <jpeglib.h>

/// Estimates the coefficients of a progressive JPEG that its scans left out or left inexact, in the library's coefficient
/// arrays, as libjpeg-turbo 3 does; older versions estimate differently. To be called between `jpeg_start_decompress`,
/// with `do_block_smoothing` off, and the first row. Reports errors as the library does.
///
/// Returns whether there was something to estimate.
boolean pg_jpeg_smooth(j_decompress_ptr info);
