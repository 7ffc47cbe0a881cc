#define _GNU_SOURCE
#include "CProcess.h"

#include <dirent.h>
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>

#include "standard_error.h"

enum { maximum_frames = 64 };

static atomic_int stacks_descriptor = STDERR_FILENO;
static atomic_int stacks_answered;

static int stacks_signal(void) { return SIGRTMIN + 7; }

static void write_own_stack(int signal) {
    (void)signal;
    int saved = errno;
    void *frames[maximum_frames];
    backtrace_symbols_fd(frames, backtrace(frames, maximum_frames), stacks_descriptor);
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
    write_text(descriptor, line);
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
        if (atomic_load(&stacks_answered) == before) write_text(descriptor, "    does not answer\n");
    }
    closedir(threads);
}
