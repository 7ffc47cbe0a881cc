// CRC-32C (Castagnoli), the checksum of iSCSI (RFC 3720, B.4) and of our frames.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/// The checksum of `length` bytes that follow bytes whose checksum is `crc` (0 at the start).
/// Runs the processor's instruction where there is one; PALIGEMMA_CRC32C=table or =sse4.2 forces either.
uint32_t pg_crc32c(uint32_t crc, const void *data, size_t length);

/// The same by tables, on any processor.
uint32_t pg_crc32c_table(uint32_t crc, const void *data, size_t length);

/// The same by the SSE4.2 instruction. Only where pg_crc32c_has_sse42().
uint32_t pg_crc32c_sse42(uint32_t crc, const void *data, size_t length);

bool pg_crc32c_has_sse42(void);
