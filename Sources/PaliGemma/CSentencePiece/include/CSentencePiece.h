#pragma once

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

// C functions for libsentencepiece. A loaded processor is never changed, so any number of threads may use it at once.
// Texts are UTF-8 with a length and need no terminating zero.

typedef struct pg_sentencepiece pg_sentencepiece;

enum {
    PG_PIECE_NORMAL = 0,
    PG_PIECE_UNKNOWN = 1,
    PG_PIECE_CONTROL = 2,
    PG_PIECE_UNUSED = 3,
    PG_PIECE_BYTE = 4,
};

/// Loads a serialized ModelProto. Returns NULL where it is malformed, with the reason in `message`.
pg_sentencepiece *pg_sentencepiece_load(const uint8_t *model, size_t count, char *message, size_t message_bytes);

void pg_sentencepiece_free(pg_sentencepiece *processor);

int32_t pg_sentencepiece_count(const pg_sentencepiece *processor);

/// Encodes a text; `*ids` is to be freed by `pg_sentencepiece_free_ids`. Returns 0, or -1 where encoding failed.
int pg_sentencepiece_encode(
    const pg_sentencepiece *processor, const char *text, size_t count, int32_t **ids, size_t *id_count);

void pg_sentencepiece_free_ids(int32_t *ids);

/// Returns the piece of an id below the count (a space is U+2581). It is valid as long as the processor.
const char *pg_sentencepiece_piece(const pg_sentencepiece *processor, int32_t id, size_t *count);

/// Returns one of PG_PIECE_...; a user-defined piece counts as a normal one.
int pg_sentencepiece_kind(const pg_sentencepiece *processor, int32_t id);

#ifdef __cplusplus
}
#endif
