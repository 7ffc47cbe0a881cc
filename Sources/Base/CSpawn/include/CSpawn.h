// Starts programs. posix_spawn cannot ask the kernel for a signal when the parent dies.
#pragma once
#include <sys/types.h>

// How a program is started.
struct pg_spawn_options {
    int output;         // its standard output
    int errors;         // its standard error
    int leads_group;    // whether it gets a process group of its own
    int orphan_signal;  // what the kernel sends it when the thread that started it is gone; 0 for nothing
};

// Starts a program with all signals free and standard input from /dev/null. Descriptors without O_CLOEXEC are inherited.
//
// Returns its process id, or minus an errno.
pid_t pg_spawn(
    const char *program, char *const arguments[], char *const environment[], const struct pg_spawn_options *options);

// Makes a pipe that no program inherits. Returns 0, or an errno.
int pg_pipe(int ends[2]);

// Processes whose parents die become children of this one, so that it can still find them.
void pg_adopt_orphans(void);

// The environment variables of this process: NAME=value, with null at the end.
char **pg_environment(void);
