#include "CMemoryRead.h"

// One cache line. The compiler splits it into the widest registers that the function may use.
typedef uint64_t line __attribute__((vector_size(64)));

static inline __attribute__((always_inline)) uint64_t read_lines(const void *memory, size_t count) {
    const line *lines = memory;
    size_t quarter = count / (4 * sizeof(line));
    line sum[4] = {{0}};
    for (size_t index = 0; index < quarter; index++)
        for (size_t stream = 0; stream < 4; stream++) sum[stream] ^= lines[stream * quarter + index];
    line all = sum[0] ^ sum[1] ^ sum[2] ^ sum[3];
    uint64_t result = 0;
    for (size_t word = 0; word < 8; word++) result ^= all[word];
    return result;
}

static uint64_t read_plain(const void *memory, size_t count) { return read_lines(memory, count); }

#if defined(__x86_64__)
__attribute__((target("avx2"))) static uint64_t read_avx2(const void *memory, size_t count) {
    return read_lines(memory, count);
}

__attribute__((target("avx512f"))) static uint64_t read_avx512(const void *memory, size_t count) {
    return read_lines(memory, count);
}
#endif

uint64_t pg_read_memory(const void *memory, size_t count) {
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx512f")) return read_avx512(memory, count);
    if (__builtin_cpu_supports("avx2")) return read_avx2(memory, count);
#endif
    return read_plain(memory, count);
}
