#pragma once

#include <tiffio.h>

#include "support.h"

/// A TIFF in memory, and where libtiff is in it.
struct tiff_file {
    const uint8_t *bytes;
    size_t count;
    tmsize_t position;
    /// More was asked for than there is.
    int ended;
    char *message;
};

/// Opens the file, whose object must outlive the result. libtiff allocates no block of more than `memory` bytes, and puts its
/// errors into the message. Returns NULL where there is no TIFF.
TIFF *pg_tiff_open(struct tiff_file *file, size_t memory);
