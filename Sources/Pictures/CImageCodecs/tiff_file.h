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
    /// Processor time of this thread after which nothing is read any more; 0 for none.
    double deadline;
    int too_slow;
};

/// Opens the file, whose object must outlive the result. libtiff allocates no block of more than `memory` bytes, and puts its
/// errors into the message. Returns NULL where there is no TIFF.
TIFF *pg_tiff_open(struct tiff_file *file, size_t memory);
