// What a rank asks of the kernel and Swift cannot: the stacks of its threads, last words, and to end with its launcher.
#pragma once

// Writes the stack of every thread of this process to a descriptor; a thread that does not answer is named.
void pg_stacks_write(int descriptor);

// A rank that dies of a fault (SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGTRAP) says so on standard error, with the
// stack of the thread that did it, and dies of that signal; where memory had run out it ends with `no_memory_status`.
// `name` begins the line and is copied ("pg-worker: rank 1 of 4 on node3").
void pg_last_words_install(const char *name, int no_memory_status);

// The kernel ends this process when the one that started it is gone.
void pg_end_with_parent(void);
