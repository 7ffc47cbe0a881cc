#define _GNU_SOURCE
#include "CSpawn.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

// In the child of a process with threads: only calls that are safe in a signal handler.
static void become(
    const char *program, char *const arguments[], char *const environment[], int output, int orphan_signal,
    pid_t parent, int report) {
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, orphan_signal);
    if (getppid() != parent) _exit(127);
    for (int number = 1; number < NSIG; number++) signal(number, SIG_DFL);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    int input = open("/dev/null", O_RDONLY);
    if (input >= 0 && dup2(input, STDIN_FILENO) >= 0 && dup2(output, STDOUT_FILENO) >= 0 &&
        dup2(output, STDERR_FILENO) >= 0) {
        if (input > STDERR_FILENO) close(input);
        execve(program, arguments, environment);
    }
    int number = errno;
    ssize_t ignored = write(report, &number, sizeof number);
    (void)ignored;
    _exit(127);
}

pid_t pg_spawn(const char *program, char *const arguments[], char *const environment[], int output, int orphan_signal) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) return -errno;
    pid_t parent = getpid();
    pid_t child = fork();
    if (child == 0) {
        close(ends[0]);
        become(program, arguments, environment, output, orphan_signal, parent, ends[1]);
    }
    int failure = child < 0 ? errno : 0;
    close(ends[1]);
    // The pipe closes when the program starts; before that it carries why it did not.
    if (child > 0 && read(ends[0], &failure, sizeof failure) == sizeof failure) waitpid(child, NULL, 0);
    close(ends[0]);
    if (failure) return -failure;
    setpgid(child, child);
    return child;
}

void pg_adopt_orphans(void) { prctl(PR_SET_CHILD_SUBREAPER, 1); }
