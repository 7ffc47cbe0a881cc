#define _GNU_SOURCE
#include <string.h>

#include "CImageCodecs.h"

const void *pg_find(const void *bytes, size_t count, const void *key, size_t key_count) {
    return memmem(bytes, count, key, key_count);
}
