#include "crc32c.h"

#include <stdlib.h>
#include <string.h>

#if defined(__x86_64__)
#include <nmmintrin.h>
#endif

// Reflected form of the polynomial 0x1EDC6F41.
#define POLYNOMIAL 0x82F63B78u

// tables[k][b]: the checksum of byte b followed by k zero bytes ("slicing by eight").
static uint32_t tables[8][256];

typedef uint32_t (*Checksum)(uint32_t, const void *, size_t);
static Checksum chosen = pg_crc32c_table;

static void fill_tables(void) {
    for (uint32_t byte = 0; byte < 256; byte++) {
        uint32_t crc = byte;
        for (int bit = 0; bit < 8; bit++) crc = (crc >> 1) ^ ((crc & 1) ? POLYNOMIAL : 0);
        tables[0][byte] = crc;
    }
    for (int zeros = 1; zeros < 8; zeros++) {
        for (uint32_t byte = 0; byte < 256; byte++) {
            uint32_t crc = tables[zeros - 1][byte];
            tables[zeros][byte] = (crc >> 8) ^ tables[0][crc & 255];
        }
    }
}

// Before main and so before any thread: nothing here needs a lock.
__attribute__((constructor)) static void choose(void) {
    fill_tables();
    const char *forced = getenv("PALIGEMMA_CRC32C");
    bool table = forced != NULL && strcmp(forced, "table") == 0;
    chosen = pg_crc32c_has_sse42() && !table ? pg_crc32c_sse42 : pg_crc32c_table;
}

uint32_t pg_crc32c(uint32_t crc, const void *data, size_t length) { return chosen(crc, data, length); }

uint32_t pg_crc32c_table(uint32_t crc, const void *data, size_t length) {
    const uint8_t *bytes = data;
    crc = ~crc;
    for (; length >= 8; length -= 8, bytes += 8) {
        crc ^= (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
        crc = tables[7][crc & 255] ^ tables[6][(crc >> 8) & 255] ^ tables[5][(crc >> 16) & 255] ^ tables[4][crc >> 24]
            ^ tables[3][bytes[4]] ^ tables[2][bytes[5]] ^ tables[1][bytes[6]] ^ tables[0][bytes[7]];
    }
    for (; length > 0; length--, bytes++) crc = (crc >> 8) ^ tables[0][(crc ^ *bytes) & 255];
    return ~crc;
}

#if defined(__x86_64__)

bool pg_crc32c_has_sse42(void) {
    __builtin_cpu_init();
    return __builtin_cpu_supports("sse4.2");
}

__attribute__((target("sse4.2"))) uint32_t pg_crc32c_sse42(uint32_t crc, const void *data, size_t length) {
    const uint8_t *bytes = data;
    uint64_t state = (uint32_t)~crc;
    for (; length >= 8; length -= 8, bytes += 8) {
        uint64_t word;
        memcpy(&word, bytes, sizeof word);
        state = _mm_crc32_u64(state, word);
    }
    for (; length > 0; length--, bytes++) state = _mm_crc32_u8((uint32_t)state, *bytes);
    return ~(uint32_t)state;
}

#else

bool pg_crc32c_has_sse42(void) { return false; }

uint32_t pg_crc32c_sse42(uint32_t crc, const void *data, size_t length) { return pg_crc32c_table(crc, data, length); }

#endif
