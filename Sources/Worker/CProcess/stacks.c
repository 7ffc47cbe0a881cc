#define _GNU_SOURCE
#include "CProcess.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { most_frames = 64 };

static char own_name[200] = "pg-worker";
static int status_without_memory = 1;

static void say(int descriptor, const char *text) {
    ssize_t ignored = write(descriptor, text, strlen(text));
    (void)ignored;
}

// MARK: The stacks of all threads

static atomic_int stacks_descriptor = STDERR_FILENO;
static atomic_int stacks_answered;

static int stacks_signal(void) { return SIGRTMIN + 7; }

static void write_own_stack(int signal) {
    (void)signal;
    int saved = errno;
    void *frames[most_frames];
    backtrace_symbols_fd(frames, backtrace(frames, most_frames), stacks_descriptor);
    atomic_fetch_add(&stacks_answered, 1);
    errno = saved;
}

static void write_thread_name(int descriptor, int process, int thread) {
    char path[64], line[96], name[32] = "?";
    snprintf(path, sizeof path, "/proc/%d/task/%d/comm", process, thread);
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file >= 0) {
        ssize_t count = read(file, name, sizeof name - 1);
        name[count > 0 ? count - 1 : 0] = 0;
        close(file);
    }
    snprintf(line, sizeof line, "  thread %d (%s):\n", thread, name);
    say(descriptor, line);
}

void pg_stacks_write(int descriptor) {
    struct sigaction action = {.sa_handler = write_own_stack, .sa_flags = SA_RESTART};
    sigaction(stacks_signal(), &action, NULL);
    stacks_descriptor = descriptor;
    void *frames[1];
    backtrace(frames, 1);  // loads the unwinder here and not inside a handler

    DIR *threads = opendir("/proc/self/task");
    if (!threads) return;
    int process = getpid();
    for (struct dirent *entry; (entry = readdir(threads));) {
        int thread = atoi(entry->d_name);
        if (thread == 0) continue;
        write_thread_name(descriptor, process, thread);
        int before = atomic_load(&stacks_answered);
        if (syscall(SYS_tgkill, process, thread, stacks_signal()) != 0) continue;
        // One at a time, so that their lines do not mix.
        for (int wait = 0; wait < 100 && atomic_load(&stacks_answered) == before; wait++) {
            nanosleep(&(struct timespec){0, 5000000}, NULL);
        }
        if (atomic_load(&stacks_answered) == before) say(descriptor, "    does not answer\n");
    }
    closedir(threads);
}

// MARK: Last words

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

static void last_words(int number, siginfo_t *info, void *context) {
    (void)info;
    (void)context;
    // Should this fault again, or hang, the process dies all the same.
    signal(number, SIG_DFL);
    signal(SIGALRM, SIG_DFL);
    alarm(10);
    void *frames[most_frames];
    int count = backtrace(frames, most_frames);
    int no_memory = memory_ran_out(frames, count);
    say(STDERR_FILENO, own_name);
    if (no_memory) {
        say(STDERR_FILENO, " is out of memory: give the world more, or smaller micro-batches (--batch-rows); stack:\n");
    } else {
        const char *name = sigabbrev_np(number);
        say(STDERR_FILENO, " died of SIG");
        say(STDERR_FILENO, name ? name : "?");
        say(STDERR_FILENO, "; stack:\n");
    }
    backtrace_symbols_fd(frames, count, STDERR_FILENO);
    if (no_memory) _exit(status_without_memory);
    raise(number);
}

void pg_last_words_install(const char *name, int no_memory_status) {
    snprintf(own_name, sizeof own_name, "%s", name);
    status_without_memory = no_memory_status;
    void *frames[1];
    backtrace(frames, 1);

    // The main thread's own stack may be what ran out.
    static char other_stack[64 << 10];
    stack_t alternative = {.ss_sp = other_stack, .ss_size = sizeof other_stack};
    sigaltstack(&alternative, NULL);
    struct sigaction action = {.sa_sigaction = last_words, .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER};
    const int faults[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGTRAP};
    for (size_t index = 0; index < sizeof faults / sizeof faults[0]; index++) sigaction(faults[index], &action, NULL);
}

// MARK: The launcher

void pg_end_with_parent(void) {
    int parent = getppid();
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) raise(SIGKILL);
}
