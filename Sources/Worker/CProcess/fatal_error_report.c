#define _GNU_SOURCE
#include "CProcess.h"

#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "standard_error.h"

enum { maximum_frames = 64 };

static char own_name[200] = "pg-worker";
static int status_without_memory = 1;

// Whether the fault was Swift's way of saying that an allocation failed, or there is no memory left to be had.
static int memory_ran_out(void *const *frames, int count) {
    for (int index = 0; index < count; index++) {
        Dl_info info;
        // Back into the call: what comes after one that never returns may be the next function.
        if (!dladdr((const char *)frames[index] - 1, &info) || !info.dli_sname) continue;
        if (strstr(info.dli_sname, "swift_slowAlloc") || strstr(info.dli_sname, "bad_alloc")) return 1;
    }
    const size_t probe = 64 << 20;
    void *memory = mmap(NULL, probe, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) return errno == ENOMEM;
    munmap(memory, probe);
    return 0;
}

static void report_fatal_error(int number, siginfo_t *info, void *context) {
    (void)info;
    (void)context;
    // Should this fault again, or hang, the process dies all the same.
    signal(number, SIG_DFL);
    signal(SIGALRM, SIG_DFL);
    alarm(10);
    void *frames[maximum_frames];
    int count = backtrace(frames, maximum_frames);
    int no_memory = memory_ran_out(frames, count);
    write_text(STDERR_FILENO, own_name);
    if (no_memory) {
        write_text(STDERR_FILENO, " is out of memory: give the world more, or smaller micro-batches (--batch-rows); stack:\n");
    } else {
        const char *name = sigabbrev_np(number);
        write_text(STDERR_FILENO, " died of SIG");
        write_text(STDERR_FILENO, name ? name : "?");
        write_text(STDERR_FILENO, "; stack:\n");
    }
    backtrace_symbols_fd(frames, count, STDERR_FILENO);
    if (no_memory) _exit(status_without_memory);
    raise(number);
}

void pg_fatal_error_report_install(const char *name, int no_memory_status) {
    snprintf(own_name, sizeof own_name, "%s", name);
    status_without_memory = no_memory_status;
    void *frames[1];
    backtrace(frames, 1);

    // The main thread's own stack may be what ran out.
    static char other_stack[64 << 10];
    stack_t alternative = {.ss_sp = other_stack, .ss_size = sizeof other_stack};
    sigaltstack(&alternative, NULL);
    struct sigaction action = {.sa_sigaction = report_fatal_error, .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER};
    const int faults[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGTRAP};
    for (size_t index = 0; index < sizeof faults / sizeof faults[0]; index++) sigaction(faults[index], &action, NULL);
}
