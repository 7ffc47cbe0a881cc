// Starts programs. posix_spawn cannot ask the kernel for a signal when the parent dies.
#pragma once
#include <sys/types.h>

// How a program is started.
struct pg_spawn_options {
    int input;          // its standard input; negative for one that is empty
    int output;         // its standard output
    int errors;         // its standard error
    int leads_group;    // whether it gets a process group of its own
    int orphan_signal;  // what the kernel sends it when the thread that started it is gone; 0 for nothing
    long memory;        // bytes of memory that it may map; 0 for no limit
};

// Starts a program with all signals free. Descriptors without O_CLOEXEC are inherited.
//
// Returns its process id, or minus an errno.
pid_t pg_spawn(
    const char *program, char *const arguments[], char *const environment[], const struct pg_spawn_options *options);

// Makes an empty file without a name, which only this process and those that inherit the descriptor can open, and which is
// gone when they have closed it. Returns its descriptor, or minus an errno.
int pg_anonymous_file(void);

// Makes a pipe that no program inherits. Returns 0, or an errno.
int pg_pipe(int ends[2]);

// Processes whose parents die become children of this one, so that it can still find them.
void pg_adopt_orphans(void);

// The environment variables of this process: NAME=value, with null at the end.
char **pg_environment(void);
