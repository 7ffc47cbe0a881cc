// What a process may do on its machine: the cores that it runs on, and the memory of the processes beside it.
#pragma once
#include <stddef.h>
#include <stdint.h>

// Binds the calling thread, and the threads and processes that it starts from now on, to cores: bit c of word w stands
// for core 64 w + c. Returns 0, or an errno.
int pg_run_on_cores(const uint64_t *words, size_t count);

// The flag O_PATH: finds what has a path, and does not open it.
extern const int pg_open_path;

// Opens what has a relative path below a folder, also through symbolic links, but nothing outside of the folder, whatever
// becomes of the path meanwhile (openat2). Returns a descriptor, or minus an errno: EXDEV where the path leads out of it.
int pg_open_beneath(int folder, const char *path, int flags);

// Returns 1 where two children of this process, made for the question, may read each other's memory as Open MPI's ranks
// of one host do (process_vm_readv), 0 where they may not, or minus an errno where it cannot be tried.
int pg_siblings_may_read(void);
