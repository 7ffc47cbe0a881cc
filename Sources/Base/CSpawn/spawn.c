#define _GNU_SOURCE
#include "CSpawn.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

// Where a program's standard streams come from while it is started.
struct streams {
    int input;
    int report;  // a pipe that takes an errno where the program does not start
};

// In the child of a process with threads, which shares its parent's memory until the program begins: only calls that are
// safe in a signal handler, and nothing of the parent's is written.
static void become(
    const char *program, char *const arguments[], char *const environment[], const struct pg_spawn_options *options,
    struct streams streams, pid_t parent) {
    if (options->leads_group) setpgid(0, 0);
    if (options->orphan_signal) {
        prctl(PR_SET_PDEATHSIG, options->orphan_signal);
        if (getppid() != parent) _exit(127);
    }
    if (options->memory > 0) {
        struct rlimit limit = {(rlim_t)options->memory, (rlim_t)options->memory};
        setrlimit(RLIMIT_AS, &limit);
    }
    for (int number = 1; number < NSIG; number++) signal(number, SIG_DFL);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    if (dup2(streams.input, STDIN_FILENO) >= 0 && dup2(options->output, STDOUT_FILENO) >= 0 &&
        dup2(options->errors, STDERR_FILENO) >= 0) {
        execve(program, arguments, environment);
    }
    int number = errno;
    ssize_t ignored = write(streams.report, &number, sizeof number);
    (void)ignored;
    _exit(127);
}

static pid_t start(
    const char *program, char *const arguments[], char *const environment[], const struct pg_spawn_options *options,
    struct streams streams) {
    // No handler of the parent's may run in the child.
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pid_t parent = getpid();
    // As posix_spawn does: a copy of a process with gigabytes of memory would take long.
    pid_t child = vfork();
    if (child == 0) become(program, arguments, environment, options, streams, parent);
    int failure = errno;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return child < 0 ? -failure : child;
}

pid_t pg_spawn(
    const char *program, char *const arguments[], char *const environment[], const struct pg_spawn_options *options) {
    int input = options->input < 0 ? open("/dev/null", O_RDONLY | O_CLOEXEC) : fcntl(options->input, F_DUPFD_CLOEXEC, 3);
    if (input < 0) return -errno;
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) {
        int failure = errno;
        close(input);
        return -failure;
    }
    pid_t child = start(program, arguments, environment, options, (struct streams){input, ends[1]});
    close(input);
    close(ends[1]);
    // The pipe closes when the program starts; before that it carries why it did not.
    int failure = 0;
    if (child > 0 && read(ends[0], &failure, sizeof failure) == sizeof failure) {
        waitpid(child, NULL, 0);
        child = -failure;
    }
    close(ends[0]);
    if (child > 0 && options->leads_group) setpgid(child, child);
    return child;
}

int pg_anonymous_file(void) {
    int file = memfd_create("paligemma", MFD_CLOEXEC);
    return file < 0 ? -errno : file;
}

int pg_pipe(int ends[2]) { return pipe2(ends, O_CLOEXEC) == 0 ? 0 : errno; }

void pg_adopt_orphans(void) { prctl(PR_SET_CHILD_SUBREAPER, 1); }

char **pg_environment(void) { return environ; }
