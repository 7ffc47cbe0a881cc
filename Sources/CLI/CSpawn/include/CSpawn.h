// Starts the process of a world. posix_spawn cannot ask the kernel for a signal when the parent dies.
#pragma once
#include <sys/types.h>

// Starts a program in a process group of its own, with all signals free, standard input from /dev/null, and both outputs
// to a descriptor. The kernel sends it `orphan_signal` when the thread that called this is gone.
//
// Returns its process id, or minus an errno.
pid_t pg_spawn(const char *program, char *const arguments[], char *const environment[], int output, int orphan_signal);

// Processes whose parents die become children of this one, so that it can still find them.
void pg_adopt_orphans(void);
