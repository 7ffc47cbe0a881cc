#include "CSentencePiece.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <new>
#include <string>
#include <vector>

#include <sentencepiece_processor.h>

struct pg_sentencepiece {
    sentencepiece::SentencePieceProcessor processor;
};

// No C++ exception may reach Swift, so every function that allocates catches them all.

pg_sentencepiece *pg_sentencepiece_load(const uint8_t *model, size_t count, char *message, size_t message_bytes) {
    try {
        auto *loaded = new pg_sentencepiece;
        const auto status =
            loaded->processor.LoadFromSerializedProto({reinterpret_cast<const char *>(model), count});
        if (status.ok()) return loaded;
        std::snprintf(message, message_bytes, "%s", status.ToString().c_str());
        delete loaded;
    } catch (const std::exception &error) {
        std::snprintf(message, message_bytes, "%s", error.what());
    }
    return nullptr;
}

void pg_sentencepiece_free(pg_sentencepiece *processor) { delete processor; }

int32_t pg_sentencepiece_count(const pg_sentencepiece *processor) { return processor->processor.GetPieceSize(); }

int pg_sentencepiece_encode(
    const pg_sentencepiece *processor, const char *text, size_t count, int32_t **ids, size_t *id_count) {
    try {
        std::vector<int> encoded;
        if (!processor->processor.Encode({text, count}, &encoded).ok()) return -1;
        auto *copy = static_cast<int32_t *>(std::malloc((encoded.size() + 1) * sizeof(int32_t)));
        if (!copy) return -1;
        for (size_t i = 0; i < encoded.size(); i++) copy[i] = encoded[i];
        *ids = copy;
        *id_count = encoded.size();
        return 0;
    } catch (const std::exception &) {
        return -1;
    }
}

void pg_sentencepiece_free_ids(int32_t *ids) { std::free(ids); }

const char *pg_sentencepiece_piece(const pg_sentencepiece *processor, int32_t id, size_t *count) {
    const std::string &piece = processor->processor.IdToPiece(id);
    *count = piece.size();
    return piece.data();
}

int pg_sentencepiece_kind(const pg_sentencepiece *processor, int32_t id) {
    const auto &model = processor->processor;
    if (model.IsUnknown(id)) return PG_PIECE_UNKNOWN;
    if (model.IsControl(id)) return PG_PIECE_CONTROL;
    if (model.IsUnused(id)) return PG_PIECE_UNUSED;
    if (model.IsByte(id)) return PG_PIECE_BYTE;
    return PG_PIECE_NORMAL;
}
