// What Sources/Wire uses of C: the generated messages and the checksum.
#pragma once

#include "crc32c.h"
#include "wire.pb-c.h"
