#define _GNU_SOURCE
#include "CMachine.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

int pg_run_on_cores(const uint64_t *words, size_t count) {
    return sched_setaffinity(0, count * sizeof *words, (const cpu_set_t *)words) == 0 ? 0 : errno;
}

const int pg_open_path = O_PATH;

int pg_open_beneath(int folder, const char *path, int flags) {
#ifdef SYS_openat2
    struct open_how how = {.flags = (uint64_t)flags, .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS};
    long descriptor = syscall(SYS_openat2, folder, path, &how, sizeof how);
    return descriptor >= 0 ? (int)descriptor : -errno;
#else
    return -ENOSYS;
#endif
}

// What a sibling reads of the other: it lies at the same address in both, because both are copies of one process.
static volatile char mark = 1;

// Waits to be read, until it is killed or its parent has died.
static void be_read(int ready, int done) {
    // Open MPI asks for this too: with Yama's ptrace_scope 1 a sibling may then read, with 2 and 3 it still may not.
    prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY, 0, 0, 0);
    char byte = 0;
    if (write(ready, &byte, 1) != 1) _exit(1);
    while (read(done, &byte, 1) < 0 && errno == EINTR) continue;
    _exit(0);
}

static void read_sibling(pid_t sibling) {
    char found = 0;
    struct iovec own = {&found, 1}, other = {(void *)&mark, 1};
    _exit(process_vm_readv(sibling, &own, 1, &other, 1, 0) == 1 && found == mark ? 0 : 1);
}

// Forks with all signals blocked in the child, so that no handler of the parent's runs there.
static pid_t fork_quietly(void) {
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    // Without the handlers that libraries have for a fork: they would stop and start their threads.
    pid_t child = _Fork();
    int failure = errno;
    if (child != 0) pthread_sigmask(SIG_SETMASK, &before, NULL);
    errno = failure;
    return child;
}

static int exit_status(pid_t child) {
    int status = 0;
    while (waitpid(child, &status, 0) < 0) {
        if (errno != EINTR) return -errno;
    }
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static void close_end(int *end) {
    if (*end >= 0) close(*end);
    *end = -1;
}

// ready: the sibling that is to be read writes a byte when it can be. done: it lives as long as this is open.
static int ask_siblings(int ready[2], int done[2]) {
    pid_t target = fork_quietly();
    if (target < 0) return -errno;
    if (target == 0) {
        close(done[1]);
        be_read(ready[1], done[0]);
    }
    // The pipe ends with the child that writes to it.
    close_end(&ready[1]);
    int answer = -ECHILD;
    char byte;
    ssize_t count;
    do count = read(ready[0], &byte, 1);
    while (count < 0 && errno == EINTR);
    if (count == 1) {
        pid_t reader = fork_quietly();
        if (reader == 0) read_sibling(target);
        answer = reader > 0 ? exit_status(reader) : -errno;
    }
    kill(target, SIGKILL);
    exit_status(target);
    return answer;
}

int pg_siblings_may_read(void) {
    int ready[2] = {-1, -1}, done[2] = {-1, -1};
    int answer;
    // Where a parent has SIGCHLD ignored, children leave no status.
    struct sigaction standard = {.sa_handler = SIG_DFL}, before;
    sigaction(SIGCHLD, &standard, &before);
    if (pipe2(ready, O_CLOEXEC) == 0 && pipe2(done, O_CLOEXEC) == 0) {
        answer = ask_siblings(ready, done);
    } else {
        answer = -errno;
    }
    for (int end = 0; end < 2; end++) {
        close_end(&ready[end]);
        close_end(&done[end]);
    }
    sigaction(SIGCHLD, &before, NULL);
    return answer;
}
