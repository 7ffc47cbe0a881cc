// Whether this process may use the tile unit of AMX. The processor's own word is not enough: the operating system has to
// permit it to each process, and sandboxes and hypervisors refuse. So it is tried.
#include "kernels.h"

#if defined(__x86_64__)
#include <cpuid.h>
#include <setjmp.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tile_instructions.h"

enum { REQUEST_PERMISSION = 0x1023, TILE_DATA = 18 };  // of Linux' arch_prctl

static bool processor_has_tiles(void) {
    unsigned a, b, c, d;
    if (!__get_cpuid_count(7, 0, &a, &b, &c, &d)) return false;
    const unsigned bf16 = 1u << 22, tile = 1u << 24, int8 = 1u << 25;
    return (d & (bf16 | tile | int8)) == (bf16 | tile | int8);
}

// Whether the operating system saves the tiles of a thread that loses its core.
__attribute__((target("xsave"))) static bool system_saves_tiles(void) {
    unsigned a, b, c, d;
    if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & 1u << 27)) return false;
    const unsigned long long configuration = 1ull << 17, data = 1ull << 18;
    return (__builtin_ia32_xgetbv(0) & (configuration | data)) == (configuration | data);
}

// One product of each kind, whose results are known.
__attribute__((target("amx-tile,amx-bf16,amx-int8"))) static bool products_are_right(void) {
    const tile_shapes shapes = {.palette = 1, .row_bytes = {64, 64, 64, 64, 64, 64}, .rows = {16, 16, 16, 16, 16, 16}};
    uint16_t ones[16][32];
    uint8_t bytes[16][64];
    float sums[16][16];
    int32_t totals[16][16];
    for (int i = 0; i < 512; i++) ones[i / 32][i % 32] = 0x3f80;
    memset(bytes, 3, sizeof bytes);
    TILES_CONFIGURE(&shapes);
    TILE_ZERO(0);
    TILE_ZERO(1);
    TILE_LOAD(2, ones, 64);
    TILE_LOAD(3, ones, 64);
    TILE_LOAD(4, bytes, 64);
    TILE_LOAD(5, bytes, 64);
    TILE_ADD_PAIRS(0, 2, 3);
    TILE_ADD_BYTES(1, 4, 5);
    TILE_STORE(0, sums, 64);
    TILE_STORE(1, totals, 64);
    TILES_RELEASE();
    for (int i = 0; i < 256; i++)
        if (sums[i / 16][i % 16] != 32 || totals[i / 16][i % 16] != 64 * 9) return false;
    return true;
}

static sigjmp_buf after_fault;

static void leave_fault(int signal) {
    (void)signal;
    siglongjmp(after_fault, 1);
}

// Whether the products can be made and are right. A hypervisor may promise instructions that it does not run. The caller
// makes this at the start, once in a process.
static bool products_work(void) {
    struct sigaction handler = {.sa_handler = leave_fault}, illegal, segment;
    sigemptyset(&handler.sa_mask);
    sigaction(SIGILL, &handler, &illegal);
    sigaction(SIGSEGV, &handler, &segment);
    volatile bool works = false;
    if (sigsetjmp(after_fault, 1) == 0) works = products_are_right();
    sigaction(SIGILL, &illegal, NULL);
    sigaction(SIGSEGV, &segment, NULL);
    return works;
}

pg_tile_state pg_try_tile_unit(void) {
    if (!processor_has_tiles()) return PG_TILES_ABSENT;
    if (syscall(SYS_arch_prctl, REQUEST_PERMISSION, TILE_DATA) != 0 || !system_saves_tiles()) return PG_TILES_REFUSED;
    return products_work() ? PG_TILES_READY : PG_TILES_WRONG;
}
#endif
