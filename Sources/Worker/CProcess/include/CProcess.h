// What a rank asks of the kernel and Swift cannot: the stacks of its threads, a fatal error report, and to end with its
// launcher.
#pragma once

// Writes the stack of every thread of this process to a descriptor; a thread that does not answer is named.
void pg_stacks_write(int descriptor);

// Installs the fatal error report: a rank that dies of a fault (SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGTRAP) reports
// it on standard error, with the stack of the thread that caused it, and dies of that signal; where memory had run out it
// ends with `no_memory_status`.
// `name` begins the line and is copied ("pg-worker: rank 1 of 4 on node3").
void pg_fatal_error_report_install(const char *name, int no_memory_status);

// The kernel ends this process when the one that started it is gone.
void pg_end_with_parent(void);
